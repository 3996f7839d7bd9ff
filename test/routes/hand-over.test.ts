/** After the approval: who gets a redirect to the client, and who a page that carries the answer. */
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type Answer, type TestApp } from '../support/app.ts';
import { ada, approve, type Asked, askConsent, locationOf, redeem, register } from '../support/authorize.ts';
import { openBrowser } from '../support/browser.ts';
import { linksOf, textOf } from '../support/html.ts';
import { cancelAt, signInAt } from '../support/sample-provider.ts';

const appCallback = 'cursor://anysphere.cursor-mcp/oauth/callback';
const loopback = 'http://127.0.0.1:33418/callback';
const website = 'https://client.example/callback';
/** What a browser says when a person sees what it gets (Fetch Metadata §2.3). */
const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

let proxy: TestApp;
beforeAll(async () => {
  proxy = await startTestApp();
  return proxy.close;
});

async function ask(redirectUri: string): Promise<Asked> {
  const client = await register(proxy, { redirect_uris: [redirectUri] });
  return askConsent(proxy, client, { redirect_uri: redirectUri, state: 'client state' });
}

/** Approves and signs in; `changed` is what the form has besides. Returns the address at which the provider answers. */
async function returnFromProvider(
  asked: Asked,
  changed: Readonly<Record<string, string>> = {},
  visitProvider: (url: URL) => Promise<URL> = (url) => signInAt(url, ada),
): Promise<string> {
  const form = { request_id: asked.requestId, decision: 'approve', ...changed };
  const { pathname, search } = await visitProvider(locationOf(await asked.browser.submit('/consent', form)));
  return pathname + search;
}

const copied = { other_machine: 'yes' };
const textToCopy = ({ body }: Answer): string =>
  (/<pre class="copy" dir="ltr"><code>([^<]*)</.exec(body)?.[1] ?? '').replaceAll('&amp;', '&');

/** The callback in an answer that is a page, and what of it leaves the page by itself. */
const refreshOf = ({ headers }: Answer): string | undefined =>
  typeof headers['refresh'] === 'string' ? headers['refresh'] : undefined;

function expectAnswer(address: string | undefined, redirectUri: string, kind: 'code' | 'error'): URL {
  expect(address?.startsWith(`${redirectUri}?`)).toBe(true);
  const url = new URL(address ?? '');
  expect(url.searchParams.get('state')).toBe('client state');
  expect(url.searchParams.get('iss')).toBe(proxy.config.baseUrl);
  expect(url.searchParams.get(kind)).toMatch(kind === 'code' ? /^mop_code_/ : /^access_denied$/);
  return url;
}

describe('a browser is redirected by 303, as the protocol has it (RFC 6749 §4.1.2)', () => {
  test.each([
    ['to a website', website, navigation],
    ['to a listener on loopback', loopback, navigation],
    ['to an app, if it does not say that a person looks', appCallback, {}],
    ['to an app, if a script asks', appCallback, { 'sec-fetch-mode': 'cors' }],
    ['to an app, if it wants no page', appCallback, { ...navigation, accept: 'application/json' }],
  ])('%s', async (_, redirectUri, headers) => {
    const asked = await ask(redirectUri);
    const answer = await asked.browser.get(await returnFromProvider(asked), headers);

    expect([answer.statusCode, answer.headers['cache-control']]).toEqual([303, 'no-store']);
    expectAnswer(answer.headers.location, redirectUri, 'code');
    expect(refreshOf(answer)).toBeUndefined();
  });

  test.each([website, appCallback])(
    'that the client is on another machine can be said of loopback alone: %s',
    async (redirectUri) => {
      const asked = await ask(redirectUri);
      const answer = await asked.browser.get(await returnFromProvider(asked, copied));

      expectAnswer(answer.headers.location, redirectUri, 'code');
    },
  );
});

describe('a browser that is sent to an app gets a page that opens it (RFC 8252 §7.1, clients.md P9)', () => {
  test('at once, by a button, and to copy; the code works', async () => {
    const client = await register(proxy, { redirect_uris: [appCallback] });
    const asked = await askConsent(proxy, client, { state: 'client state' });

    const page = await asked.browser.get(await returnFromProvider(asked), navigation);

    expect(page.statusCode).toBe(200);
    expect(page.headers).not.toHaveProperty('location');
    const [, address] = /^0;url=(.*)$/.exec(refreshOf(page) ?? '') ?? [];
    const code = expectAnswer(address, appCallback, 'code').searchParams.get('code') ?? '';
    expect(linksOf(page)).toEqual([address]);
    expect(textToCopy(page)).toBe(address);
    expect(textOf(page)).toContain('you can close this page');
    expect((await redeem(proxy, client, { ...asked, code })).statusCode).toBe(200);
  });

  test('also for "Cancel", which tells the app (RFC 6749 §4.1.2.1)', async () => {
    const { browser, requestId } = await ask(appCallback);
    const page = await browser.submit('/consent', { request_id: requestId, decision: 'deny' }, navigation);

    expect(page.statusCode).toBe(200);
    expectAnswer(refreshOf(page)?.slice('0;url='.length), appCallback, 'error');
    expect(textOf(page)).toContain('Access was not given');
  });

  test('also for who cancels at the provider (protocol.md 115)', async () => {
    const asked = await ask(appCallback);
    const page = await asked.browser.get(await returnFromProvider(asked, {}, cancelAt), navigation);

    expectAnswer(refreshOf(page)?.slice('0;url='.length), appCallback, 'error');
  });
});

describe('who has the client on another machine gets a page to copy the answer from (clients.md P18)', () => {
  test('it opens nothing by itself, warns, and the code works', async () => {
    const client = await register(proxy, { redirect_uris: [loopback] });
    const asked = await askConsent(proxy, client, { state: 'client state' });

    const page = await asked.browser.get(await returnFromProvider(asked, copied), navigation);

    expect(page.statusCode).toBe(200);
    expect(refreshOf(page)).toBeUndefined();
    expect(page.headers).not.toHaveProperty('location');
    const code = expectAnswer(textToCopy(page), loopback, 'code').searchParams.get('code') ?? '';
    expect(textOf(page)).toContain('an app that you started yourself');
    expect((await redeem(proxy, client, { ...asked, code })).statusCode).toBe(200);
  });

  test('"Cancel" leads to no address where nobody listens', async () => {
    const { browser, requestId } = await ask(loopback);
    const page = await browser.submit('/consent', { request_id: requestId, decision: 'deny', ...copied });

    expect(page.statusCode).toBe(200);
    expectAnswer(textToCopy(page), loopback, 'error');
  });

  test('nor does who cancels at the provider', async () => {
    const asked = await ask(loopback);
    const page = await asked.browser.get(await returnFromProvider(asked, copied, cancelAt));

    expectAnswer(textToCopy(page), loopback, 'error');
  });

  test('the first click decides, also about this: an approval is not changed by another one (protocol.md 112)', async () => {
    const asked = await ask(loopback);
    const earlier = openBrowser(proxy);
    for (const [name, value] of asked.browser.cookies) earlier.cookies.set(name, value);
    const returned = await returnFromProvider(asked);
    const again = { request_id: asked.requestId, decision: 'approve', ...copied };
    expect((await earlier.submit('/consent', again)).statusCode).toBe(303);

    expect((await asked.browser.get(returned)).statusCode).toBe(303);
  });
});

describe.each([
  ['that opens an app', appCallback, {}],
  ['to copy from', loopback, copied],
])('the page %s', (_, redirectUri, changed) => {
  test('is never stored, framed or scripted, loads nothing and sends no referrer (OAuth 2.1 §7.11, protocol.md 33)', async () => {
    const asked = await ask(redirectUri);
    const { headers, body } = await asked.browser.get(await returnFromProvider(asked, changed), navigation);

    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
    });
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers).not.toHaveProperty('access-control-allow-origin');
    expect(body).not.toMatch(/<script|<iframe|<img|<link|https?:\/\/(?!127\.0\.0\.1|localhost)/);
  });

  test('is shown once: loaded again it says so, and gives no code; another browser learns nothing (protocol.md 111)', async () => {
    const asked = await ask(redirectUri);
    const returned = await returnFromProvider(asked, changed);
    const stranger = await openBrowser(proxy).get(returned, navigation);
    const shown = await asked.browser.get(returned, navigation);
    const again = await asked.browser.get(returned, navigation);
    const strangerAgain = await openBrowser(proxy).get(returned, navigation);

    expect(shown.statusCode).toBe(200);
    for (const refused of [stranger, again, strangerAgain]) {
      expect(refused.statusCode).toBe(403);
      expect(refused.body).not.toMatch(/mop_code_|client state/);
      expect(refreshOf(refused)).toBeUndefined();
    }
    expect(textOf(again)).toContain('This is finished');
    expect(textOf(strangerAgain)).toContain('This is not the browser you started in');
  });

  test('of many that load it at once one gets it (protocol.md 44)', async () => {
    const asked = await ask(redirectUri);
    const returned = await returnFromProvider(asked, changed);
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => asked.browser.get(returned, navigation)),
    );

    expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(1);
    expect(answers.filter(({ statusCode }) => statusCode === 403)).toHaveLength(7);
    expect(answers.filter(({ body }) => body.includes('mop_code_'))).toHaveLength(1);
  });

  test('leaves no code in the log (protocol.md 135)', async () => {
    const asked = await ask(redirectUri);
    const from = proxy.log.length;
    await asked.browser.get(await returnFromProvider(asked, changed), navigation);

    expect(proxy.log.slice(from).join('')).not.toMatch(/mop_code_|client state|client%20state/);
  });
});

describe('"Continue" pressed again, after the browser has its answer', () => {
  const press = async (browser: Asked['browser'], requestId: string, decision = 'approve') =>
    browser.submit('/consent', { request_id: requestId, decision }, navigation);

  test('is refused, and the page has the way on to the sign-in that is under way (protocol.md 112)', async () => {
    const asked = await ask(website);
    const underWay = await approve(asked);

    const again = await press(asked.browser, asked.requestId);

    expect(again.statusCode).toBe(403);
    expect(again.headers).not.toHaveProperty('location');
    expect(again.cookies.filter(({ value }) => value !== '')).toEqual([]);
    expect(textOf(again)).toContain('You have approved this already');
    expect(linksOf(again)).toEqual([underWay.href]);
    const { pathname, search } = await signInAt(new URL(linksOf(again)[0] ?? ''), ada);
    expectAnswer((await asked.browser.get(pathname + search)).headers.location, website, 'code');
  });

  test('no other browser is told the way, whatever cookies of its own it has (protocol.md 111)', async () => {
    const asked = await ask(website);
    await approve(asked);
    const other = await ask(website);
    await approve(other);
    const mixed = openBrowser(proxy);
    const [, secret = ''] = [...other.browser.cookies].find(([name]) => name.includes('signin')) ?? [];
    for (const name of asked.browser.cookies.keys()) mixed.cookies.set(name, secret);

    for (const browser of [openBrowser(proxy), other.browser, mixed]) {
      const answer = await press(browser, asked.requestId);
      expect([answer.statusCode, linksOf(answer)]).toEqual([403, []]);
      expect(textOf(answer)).toContain('This request is over');
    }
  });

  test.each([
    ['is over', async (asked: Asked) => void (await asked.browser.get(await returnFromProvider(asked)))],
    [
      'has expired',
      async (asked: Asked) => {
        await approve(asked);
        proxy.clock.advance({ minutes: 11 });
      },
    ],
  ])('nobody is told the way to a sign-in that %s', async (_, end) => {
    const asked = await ask(website);
    await end(asked);

    const answer = await press(asked.browser, asked.requestId);

    expect([answer.statusCode, linksOf(answer)]).toEqual([403, []]);
  });

  test('"Cancel" after "Continue" is refused without one: nobody is led on who wants to stop', async () => {
    const asked = await ask(website);
    await approve(asked);

    const answer = await press(asked.browser, asked.requestId, 'deny');

    expect([answer.statusCode, linksOf(answer)]).toEqual([403, []]);
  });

  test('a program is told in JSON, and no way', async () => {
    const asked = await ask(website);
    await approve(asked);
    const form = { request_id: asked.requestId, decision: 'approve' };

    const answer = await asked.browser.submit('/consent', form, { accept: 'application/json' });

    expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([403, 'access_denied']);
    expect(answer.body).not.toContain('http');
  });
});
