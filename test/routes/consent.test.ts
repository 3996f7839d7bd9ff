/** `POST /consent`: only the browser that was asked decides, once, on our own page. */
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  ada,
  approve,
  type Asked,
  askConsent,
  authorizeUrl,
  locationOf,
  register,
  type TestClient,
  registerStranger,
} from '../support/authorize.ts';
import { openBrowser } from '../support/browser.ts';
import { signInAt } from '../support/sample-provider.ts';

let proxy: TestApp;
let client: TestClient;
beforeAll(async () => {
  proxy = await startTestApp();
  client = await register(proxy);
  return proxy.close;
});

type Click = Pick<Asked, 'browser' | 'requestId'>;

const decide = async ({ browser, requestId }: Click, decision = 'approve', headers = {}) =>
  browser.submit('/consent', { request_id: requestId, decision }, headers);

/** What the browser sends as long as no answer has changed its cookies. */
function sentEarlier(asked: Asked, app = proxy): Click {
  const browser = openBrowser(app);
  for (const [name, value] of asked.browser.cookies) browser.cookies.set(name, value);
  return { browser, requestId: asked.requestId };
}

describe('approval', () => {
  test('it leads to the provider by 303, never 307 (OAuth 2.1 §7.5.4)', async () => {
    const asked = await askConsent(proxy, client, { scope: 'openid email' });
    const answer = await decide(asked);
    expect(answer.statusCode).toBe(303);
    expect(answer.headers['cache-control']).toBe('no-store');
    const { origin, searchParams } = locationOf(answer);
    expect(origin).toBe(proxy.config.providers[0].url.origin);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      response_type: 'code',
      redirect_uri: 'http://localhost:8080/callback',
      code_challenge_method: 'S256',
      state: expect.stringMatching(/^[\w-]{43}$/) as string,
      nonce: expect.stringMatching(/^[\w-]{43}$/) as string,
    });
  });

  test('what the client sent does not travel to the provider (MCP security best practices)', async () => {
    const location = await approve(await askConsent(proxy, client, { state: 'client-state' }));
    expect(location.href).not.toContain('client-state');
    expect(location.href).not.toContain(client.clientId);
  });

  test('the cookie of the sign-in comes with the approval, not before (MCP security best practices)', async () => {
    const asked = await askConsent(proxy, client);
    expect([...asked.browser.cookies.keys()].filter((name) => name.includes('signin'))).toEqual([]);
    const answer = await decide(asked);
    const cookie = answer.cookies.find(({ name }) => name.includes('signin'));
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/', maxAge: 600 });
  });

  test('over https every cookie is a __Host- cookie: Secure, HttpOnly, Lax, whole host (RFC 6265bis §4.1.3.2)', async () => {
    const publicProxy = await startTestApp({
      db: proxy.db,
      config: { ...proxy.config, baseUrl: 'https://mcp.example.com' },
    });
    const asked = await askConsent(publicProxy, client);
    const answers = [asked.page, await decide(asked)];
    const returned = await signInAt(locationOf(answers[1] ?? asked.page), ada);
    answers.push(await asked.browser.get(`/callback${returned.search}`));
    await publicProxy.close();
    const cookies = answers.flatMap((answer) => answer.cookies).filter(({ value }) => value !== '');
    expect(cookies).toHaveLength(3);
    for (const cookie of cookies) {
      expect(cookie).toMatchObject({ secure: true, httpOnly: true, sameSite: 'Lax', path: '/' });
      expect(cookie.name).toMatch(/^__Host-/);
      expect(cookie).not.toHaveProperty('domain');
    }
  });
});

describe('refusal', () => {
  test('the client learns access_denied, with its state and iss; nothing is stored, nobody else is asked (RFC 6749 §4.1.2.1)', async () => {
    const asked = await askConsent(proxy, client, { state: 'a b' });
    const answer = await decide(asked, 'deny');
    expect(answer.statusCode).toBe(303);
    const { origin, searchParams } = locationOf(answer);
    expect(origin).toBe('https://client.example');
    expect([...searchParams.keys()]).toEqual(['error', 'error_description', 'state', 'iss']);
    expect(searchParams.get('error')).toBe('access_denied');
    expect(searchParams.get('state')).toBe('a b');
    expect((await asked.browser.get(authorizeUrl(client, asked.codeVerifier))).statusCode).toBe(200);
  });
});

describe('a decision that does not count (OAuth 2.1 §7.11; MCP security best practices: CSRF)', () => {
  test('from a browser without the cookie of this page', async () => {
    const { requestId } = await askConsent(proxy, client);
    const answer = await decide({ browser: openBrowser(proxy), requestId });
    expect(answer.statusCode).toBe(403);
    expect(answer.headers).not.toHaveProperty('location');
  });

  test('from a browser that was asked about another request', async () => {
    const asked = await askConsent(proxy, client);
    const attacker = await askConsent(proxy, client);
    expect((await decide({ browser: attacker.browser, requestId: asked.requestId })).statusCode).toBe(403);
    const cookies = asked.browser.cookies;
    for (const [name, value] of attacker.browser.cookies) cookies.set(name, value);
    expect((await decide({ browser: asked.browser, requestId: 'x'.repeat(43) })).statusCode).toBe(403);
  });

  test('with the value of another page’s cookie under this page’s name', async () => {
    const asked = await askConsent(proxy, client);
    const attacker = await askConsent(proxy, client);
    const [foreign = ''] = attacker.browser.cookies.values();
    const wrong = openBrowser(proxy);
    for (const name of asked.browser.cookies.keys()) wrong.cookies.set(name, foreign);
    const { requestId } = asked;
    expect((await decide({ browser: wrong, requestId })).statusCode).toBe(403);
    expect((await decide(asked)).statusCode).toBe(303);
    expect((await decide({ browser: wrong, requestId })).statusCode).toBe(403);
  });

  test.each([
    ['cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['same-site, which a sister domain is', { 'sec-fetch-site': 'same-site' }],
    ['typed into the address bar', { 'sec-fetch-site': 'none' }],
    ['cross-site with our own origin', { 'sec-fetch-site': 'cross-site', origin: 'http://localhost:8080' }],
    ['from a foreign origin', { 'sec-fetch-site': undefined, origin: 'https://evil.example' }],
    ['from another port', { 'sec-fetch-site': undefined, origin: 'http://localhost:8081' }],
    ['from https instead of http', { 'sec-fetch-site': undefined, origin: 'https://localhost:8080' }],
  ])('%s', async (_, headers) => {
    const asked = await askConsent(proxy, client);
    const answer = await decide(asked, 'approve', headers);
    expect(answer.statusCode).toBe(403);
    expect((await decide(asked)).statusCode).toBe(303);
  });

  test.each([
    ['our own origin', { 'sec-fetch-site': undefined, origin: 'http://localhost:8080' }],
    [
      'the null origin that no-referrer makes, with the cookie',
      { 'sec-fetch-site': undefined, origin: 'null' },
    ],
    ['neither header, with the cookie', { 'sec-fetch-site': undefined }],
  ])('but an older browser with %s is believed', async (_, headers) => {
    expect((await decide(await askConsent(proxy, client), 'approve', headers)).statusCode).toBe(303);
  });

  test.each([
    ['no decision', { decision: undefined }],
    ['another decision', { decision: 'maybe' }],
    ['a repeated decision', { decision: ['approve', 'deny'] }],
    ['no request', { request_id: undefined }],
    ['a repeated request', { request_id: ['a', 'b'] }],
    ['a request with NUL', { request_id: 'a\0' }],
  ])('with %s', async (_, changed) => {
    const { browser, requestId } = await askConsent(proxy, client);
    const form = { request_id: requestId, decision: 'approve', ...changed };
    expect((await browser.submit('/consent', form)).statusCode).toBeGreaterThanOrEqual(400);
    expect((await decide({ browser, requestId })).statusCode).toBe(303);
  });
});

describe('each request is decided once', () => {
  test('clicks that were sent before the first answer arrived get the same redirect: a double click connects', async () => {
    const asked = await askConsent(proxy, client);
    const atOnce = await Promise.all(Array.from({ length: 6 }, async () => approve(asked)));
    const [first, ...others] = atOnce.map((location) => location.searchParams.get('state'));
    expect(first).toMatch(/^[\w-]{43}$/);
    expect(new Set(others)).toEqual(new Set([first]));
  });

  test.each(['approve', 'deny'] as const)(
    'the same answer (%s) sent again later is refused (MCP security best practices)',
    async (decision) => {
      const asked = await askConsent(proxy, client);
      expect((await decide(asked, decision)).statusCode).toBe(303);
      expect((await decide(asked, decision)).statusCode).toBe(403);
    },
  );

  test('once the browser is back from the provider, approving again starts nothing (MCP security best practices)', async () => {
    const asked = await askConsent(proxy, client);
    const late = sentEarlier(asked);
    const returned = await signInAt(await approve(asked), ada);
    await asked.browser.get(`/callback${returned.search}`);
    for (const decision of ['approve', 'deny']) {
      expect((await decide(late, decision)).statusCode).toBe(403);
    }
  });

  test('a decision cannot be turned into the other one, not even by a click that was sent before the answer arrived', async () => {
    const [approved, denied] = [await askConsent(proxy, client), await askConsent(proxy, client)];
    const [lateDenial, lateApproval] = [sentEarlier(approved), sentEarlier(denied)];
    await decide(approved, 'approve');
    await decide(denied, 'deny');
    expect((await decide(lateDenial, 'deny')).statusCode).toBe(403);
    expect((await decide(lateApproval, 'approve')).statusCode).toBe(403);
  });

  test('two tabs do not disturb each other, whichever is first (MCP security best practices)', async () => {
    const first = await askConsent(proxy, client, { state: 'first' });
    const second = await askConsent(proxy, client, { state: 'second' }, first.browser);
    const ways = [await approve(first), await approve(second)];
    const states = [];
    for (const way of ways.toReversed()) {
      const returned = await signInAt(way, ada);
      const location = locationOf(await first.browser.get(`/callback${returned.search}`));
      states.push(location.searchParams.get('state'));
    }
    expect(states).toEqual(['second', 'first']);
  });

  test('a page that was left open for half an hour has nothing to decide any more', async () => {
    const own = await startTestApp({ db: proxy.db, config: proxy.config });
    const inTime = await askConsent(own, client);
    const tooLate = await askConsent(own, client);
    const clickedTwice = sentEarlier(inTime, own);
    own.clock.advance({ minutes: 29 });
    const good = await decide(inTime);
    own.clock.advance({ minutes: 1 });
    const expired = await decide(tooLate);
    own.clock.advance({ minutes: 10 });
    const repeated = await decide(clickedTwice);
    await own.close();
    expect([good.statusCode, expired.statusCode, repeated.statusCode]).toEqual([303, 403, 403]);
    expect(expired.body).toContain('This request is over');
  });

  test('a client that is gone meanwhile gets nothing (RFC 9700 §4.1)', async () => {
    const removed = await registerStranger(proxy);
    const asked = await askConsent(proxy, removed);
    await proxy.db.query({ text: 'delete from clients where client_id = $1', values: [removed.clientId] });
    expect((await decide(asked)).statusCode).toBe(403);
  });

  test('a redirect URI that the client gave up meanwhile gets nothing (RFC 9700 §4.1)', async () => {
    const changed = await registerStranger(proxy);
    const asked = await askConsent(proxy, changed);
    const text = `update clients set redirect_uris = '{https://other.example/}' where client_id = $1`;
    await proxy.db.query({ text, values: [changed.clientId] });
    for (const decision of ['approve', 'deny']) {
      const answer = await decide(asked, decision);
      expect(answer.statusCode).toBe(403);
      expect(answer.headers).not.toHaveProperty('location');
    }
  });
});
