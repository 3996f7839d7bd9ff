import { describe, expect, test } from 'vitest';
import { accountPage, type AppProps } from '../../src/pages/account-page.ts';
import { accountSignInPage } from '../../src/pages/account-sign-in-page.ts';
import { type Html, renderPage } from '../../src/pages/html.ts';
import { languages } from '../../src/pages/texts/languages.ts';
import { visibleText } from './read-page.ts';
import { accountProps, accountSignInProps, appProps, connectionProps, view } from './sample-props.ts';

const htmlOf = (app: Partial<AppProps>, others: readonly AppProps[] = []): Html =>
  accountPage({ ...accountProps, apps: [{ ...appProps, ...app }, ...others] }, view);
const pageOf = (...apps: Parameters<typeof htmlOf>): string => renderPage(htmlOf(...apps));
const textOf = (app: Partial<AppProps>): string => visibleText(htmlOf(app));

describe('what is known of an app', () => {
  test('a name that nothing proves is in quotes, and not verified (clients.md P10)', () => {
    expect(textOf({})).toMatch(/“Claude” Not verified/);
    expect(textOf({ clientName: undefined })).toMatch(/An app without a name Not verified/);
  });

  test('a vendor’s app has the vendor’s name for it, whatever it calls itself', () => {
    const text = textOf({
      clientName: 'Other',
      standing: { kind: 'vendor', product: 'Claude', vendor: 'Anthropic' },
    });
    expect(text).toMatch(/Claude Verified/);
    expect(text).toContain('This app runs at Anthropic, so the address is usually theirs, not yours.');
    expect(text).not.toContain('Other');
  });

  test('an imitation is called one', () => {
    expect(textOf({ standing: { kind: 'imitation', product: 'Claude' } })).toContain(
      'This is probably not Claude.',
    );
  });

  test.each([
    ['loopback', 'your computer (claude.ai)'],
    ['private scheme', 'an app on your device (claude.ai)'],
    ['website', 'Address claude.ai'],
  ] as const)('where its sign-in went: %s', (kind, words) => {
    const callback = { host: 'claude.ai', kind };
    expect(textOf({ connections: [{ ...connectionProps, callback }] })).toContain(words);
  });

  test('what is not known is not shown', () => {
    const text = textOf({
      connections: [
        {
          ...connectionProps,
          callback: undefined,
          scopes: [],
          firstUsedAt: undefined,
          lastUsedAt: undefined,
          lastUsedFrom: undefined,
          lastUsedWith: undefined,
        },
      ],
    });
    expect(text).toContain('Last used Not yet');
    for (const name of ['Address', 'It may', 'First used', 'Used from']) expect(text).not.toContain(name);
  });
});

describe('what can be done', () => {
  const actions = (page: string): readonly string[] =>
    [...page.matchAll(/action="([^"]+)"/g)].map(([, action = '']) => action);

  test('each app can be ended, and everything, behind a question: also approvals that have outlived their connection', () => {
    expect(actions(pageOf({}))).toEqual([
      '/account/end',
      '/account/end',
      '/account/sign-out',
      '/account/sign-in',
    ]);
    const several = pageOf({}, [{ ...appProps, clientId: 'client-2' }]);
    expect(several).toMatch(/<details>.*name="everything"/s);
    expect(actions(several).filter((action) => action === '/account/end')).toHaveLength(3);
  });

  test('several connections of one app: each, and the app, can be ended', () => {
    const connections = [connectionProps, { ...connectionProps, connectionId: 'second' }] as const;
    const page = pageOf({ connections });
    expect([...page.matchAll(/name="connection" value="([^"]+)"/g)].map(([, id]) => id)).toEqual([
      connectionProps.connectionId,
      'second',
    ]);
    expect(textOf({ connections })).toMatch(/Connection 1 .* Connection 2/);
  });

  test('every button says what it is for, also to who hears it without its place (WCAG 2.2 §2.4.6)', () => {
    const page = pageOf({ connections: [connectionProps, { ...connectionProps, connectionId: 'second' }] }, [
      { ...appProps, clientId: 'client-2', clientName: 'Other' },
    ]);
    const names = [...page.matchAll(/<button[^>]*>(.*?)<\/button>/gs)].map(([, inside = '']) =>
      inside
        .replaceAll(/<[^>]*>/g, '')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  test('every form but the one to sign in has the token', () => {
    const page = pageOf({}, [{ ...appProps, clientId: 'client-2' }]);
    const forms = [...page.matchAll(/<form.*?<\/form>/gs)].map(([form]) => form);
    const without = forms.filter((form) => !form.includes('name="form_token" value="form-token"'));
    expect(without).toHaveLength(1);
    expect(without[0]).toContain('/account/sign-in');
  });
});

test('what was ended is said at the top, and read out (WCAG 2.2 §4.1.3)', () => {
  const page = accountPage({ ...accountProps, apps: [], ended: [appProps, appProps] }, view);
  expect(renderPage(page)).toMatch(/role="status"/);
  expect(visibleText(page)).toContain('Access has ended for “Claude”, “Claude”');
  expect(visibleText(page)).toContain('No app can use Acme Notes in your name.');
});

test('more than are shown', () => {
  const page = accountPage({ ...accountProps, shownOfMore: 200 }, view);
  expect(visibleText(page)).toContain('more connections than the 200 shown');
});

test.each(languages)('$tag: every part has its words', (language) => {
  const shown = { ...view, language };
  const pages = [
    accountPage({ ...accountProps, apps: [appProps, appProps], ended: [appProps], shownOfMore: 200 }, shown),
    accountSignInPage(accountSignInProps, shown),
  ].map(renderPage);
  for (const page of pages) {
    expect(page).toContain(`lang="${language.tag}"`);
    expect(page).toContain(language.texts.account.heading);
  }
});
