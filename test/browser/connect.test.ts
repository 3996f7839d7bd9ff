/** A person connects, in real Chromium: what only a browser shows, cookies and policies along redirects among it. */
import { describe, expect, test } from 'vitest';
import { poll } from '../support/process.ts';
import { httpsCallback, listenOnLoopback, useChromium } from './visit.ts';

const appCallback = 'cursor://anysphere.cursor-mcp/oauth/callback';

function expectCode(answer: URL, issuer: string): void {
  expect(Object.fromEntries(answer.searchParams)).toEqual({
    code: expect.stringMatching(/^mop_code_/) as string,
    state: 'the state, exactly: ä+&=%20',
    iss: issuer,
  });
}

describe.each([
  ['as people have it', {}],
  ['without JavaScript', { javaScriptEnabled: false }],
])(
  'Chromium %s goes from consent to sign-in and back, and no policy stops it (OAuth 2.1 §7.11, clients.md 6.7)',
  (_how, options) => {
    const visit = useChromium(options);

    test('to an https callback', async () => {
      await visit.openConsent(httpsCallback);
      await visit.press('Continue');
      await visit.signIn();

      expectCode(await visit.arriveAt(httpsCallback), visit.site.front.origin);
      expect(visit.complaints).toEqual([]);
    });

    /** The addresses that a page of ours sends Chromium to by itself. */
    async function watchNavigations(): Promise<readonly string[]> {
      const devTools = await visit.context.newCDPSession(visit.page);
      await devTools.send('Page.enable');
      const addresses: string[] = [];
      devTools.on('Page.frameRequestedNavigation', ({ url, reason }) => {
        if (reason === 'httpHeaderRefresh') addresses.push(url);
      });
      return addresses;
    }

    test('"Cancel" leads to an app by its own scheme too', async () => {
      const navigations = await watchNavigations();
      await visit.openConsent(appCallback);
      await visit.press('Cancel');
      await poll(async () => navigations.length > 0);

      expect(new URL(navigations[0] ?? '').searchParams.get('error')).toBe('access_denied');
    });

    test('to a page with the answer to copy, when the app runs on another machine and nobody listens here (clients.md P18)', async () => {
      const callback = 'http://127.0.0.1:9/callback';
      await visit.openConsent(callback);
      await visit.page.getByRole('checkbox', { name: /another machine/ }).check();
      await visit.press('Continue');
      await visit.signIn();
      const address = await visit.arriveAt(`${visit.site.front.origin}/callback?`);

      const shown = await visit.page.locator('pre.copy').innerText();
      expect(shown.startsWith(`${callback}?`)).toBe(true);
      expectCode(new URL(shown), visit.site.front.origin);
      expect(address.href).not.toContain('mop_code_');

      await visit.page.reload();
      expect(await visit.page.locator('main').innerText()).toContain('This is finished');
      expect(await visit.page.content()).not.toContain('mop_code_');
      await visit.page.goBack();
      await visit.page.goForward();
      expect(await visit.page.content()).not.toContain('mop_code_');
    });

    test('to a listener on loopback (RFC 8252 §7.3)', async () => {
      const callback = `${await listenOnLoopback('You can close this page')}/callback`;

      await visit.openConsent(callback);
      await visit.press('Continue');
      await visit.signIn();

      expectCode(await visit.arriveAt(callback), visit.site.front.origin);
    });

    test('to an app by its own scheme: Chromium is sent there, though no app takes it here (RFC 8252 §7.1)', async () => {
      const navigations = await watchNavigations();
      const sentToApp = () => navigations.find((address) => address.startsWith(`${appCallback}?`));

      await visit.openConsent(appCallback);
      await visit.press('Continue');
      await visit.signIn();
      await poll(async () => sentToApp() !== undefined);

      expectCode(new URL(sentToApp() ?? ''), visit.site.front.origin);
      await visit.arriveAt(`${visit.site.front.origin}/callback?`);
      expect(await visit.page.locator('main').innerText()).toContain('you can close this page');
      expect(await visit.page.getByRole('link').getAttribute('href')).toBe(sentToApp());
      expect(visit.complaints.filter((text) => /content security policy|refused/i.test(text))).toEqual([]);
    });

    test('"Cancel" tells the client and asks nobody else (RFC 6749 §4.1.2.1)', async () => {
      const asked = visit.site.provider.passed.length;
      await visit.openConsent(httpsCallback);

      await visit.press('Cancel');

      const { searchParams } = await visit.arriveAt(httpsCallback);
      expect(searchParams.get('error')).toBe('access_denied');
      expect(searchParams.get('iss')).toBe(visit.site.front.origin);
      expect(visit.site.provider.passed).toHaveLength(asked);
    });

    test('who cancels at the provider is brought back to the client (protocol.md 115)', async () => {
      await visit.openConsent(httpsCallback);
      await visit.press('Continue');
      await visit.arriveAt(`${visit.site.provider.origin}/interaction/`);

      await visit.page.getByRole('button', { name: 'Cancel' }).click();

      expect((await visit.arriveAt(httpsCallback)).searchParams.get('error')).toBe('access_denied');
    });
  },
);

describe('a browser that was here before', () => {
  const visit = useChromium();

  test('is not asked again by the same https client (design §1)', async () => {
    const request = await visit.requestOf(
      httpsCallback,
      {},
      { token_endpoint_auth_method: 'client_secret_basic' },
    );
    await visit.page.goto(request);
    await visit.press('Continue');
    await visit.signIn();
    await visit.arriveAt(httpsCallback);
    const [consents, callbacks] = [visit.countRequests('/consent'), visit.countRequests('/callback')];

    // Playwright does not intercept what a redirect leads to: Chromium looks for a host that is not there.
    await visit.page.goto(request).catch(() => undefined);

    expect(visit.countRequests('/consent')).toBe(consents);
    expect(visit.countRequests('/callback')).toBe(callbacks + 1);
  });

  test('is asked again by a client on loopback: any program could be there (OAuth 2.1 §7.3.1)', async () => {
    const callback = `${await listenOnLoopback('You can close this page')}/callback`;
    const request = await visit.requestOf(callback);
    await visit.page.goto(request);
    await visit.press('Continue');
    await visit.signIn();
    await visit.arriveAt(callback);

    await visit.page.goto(request);

    expect(await visit.page.getByRole('button', { name: /^Continue to / }).isVisible()).toBe(true);
  });
});
