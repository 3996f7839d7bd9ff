/** Approval that is remembered: the same browser is not asked the same again, unless anyone could get the answer. */
import { beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ada, authorize, authorizeUrl, locationOf, register, type TestClient } from '../support/authorize.ts';
import { openBrowser, type Parameters } from '../support/browser.ts';
import { signInAt } from '../support/sample-provider.ts';

/** The callback of a vendor in the catalogue. */
const hosted = { redirect_uris: ['https://claude.ai/api/mcp/auth_callback'] };

let proxy: TestApp;
let client: TestClient;
beforeAll(async () => {
  proxy = await startTestApp();
  client = await register(proxy, hosted);
  return proxy.close;
});

const requestBy = (who: TestClient, changed: Parameters = {}): string =>
  authorizeUrl(who, 'v'.repeat(43), changed);

test('the same browser, client and scopes go straight to the provider the second time (MCP security best practices)', async () => {
  const { browser } = await authorize(proxy, client, { scope: 'openid email' });
  const again = await browser.get(requestBy(client, { scope: 'email' }));
  expect(again.statusCode).toBe(303);
  const returned = await signInAt(locationOf(again), ada);
  const location = locationOf(await browser.get(`/callback${returned.search}`));
  expect(location.searchParams.get('code')).toMatch(/^mop_code_/);
});

test.each<[string, Parameters]>([
  ['more scopes', { scope: 'openid email profile' }],
  ['prompt=consent', { scope: 'openid', prompt: 'consent' }],
])('%s: the person is asked again (OpenID Connect Core §3.1.2.1)', async (_, changed) => {
  const { browser } = await authorize(proxy, client, { scope: 'openid email' });
  const again = await browser.get(requestBy(client, changed));
  expect(again.statusCode).toBe(200);
  expect(again.body).toContain('name="request_id"');
});

test('another browser, and another client with the same redirect URI, are asked (MCP security best practices)', async () => {
  const { browser } = await authorize(proxy, client);
  const twin = await register(proxy, { ...hosted, client_name: 'Twin' });
  expect((await browser.get(requestBy(twin))).statusCode).toBe(200);
  expect((await openBrowser(proxy).get(requestBy(client))).statusCode).toBe(200);
});

test.each(['http://localhost/callback', 'cursor://anysphere.cursor-mcp/oauth/callback'])(
  'an answer to %s proves nothing about who gets it: always asked (OAuth 2.1 §7.3.1)',
  async (redirectUri) => {
    const native = await register(proxy, { redirect_uris: [redirectUri] });
    const { browser } = await authorize(proxy, native);
    expect((await browser.get(requestBy(native))).statusCode).toBe(200);
  },
);

test.each<[string, object]>([
  ['an unknown web address: everyone who registers the same has this client_id', {}],
  ['a host that hands the answer on', { redirect_uris: ['https://vscode.dev/redirect'] }],
])('a public client with %s is asked about each time (OAuth 2.1 §7.3.1)', async (_, metadata) => {
  const shared = await register(proxy, metadata as Record<string, unknown>);
  const { browser } = await authorize(proxy, shared);
  expect((await browser.get(requestBy(shared))).statusCode).toBe(200);
});

test('a client with a secret has its client_id alone: its approval is remembered', async () => {
  const own = await register(proxy, { token_endpoint_auth_method: 'client_secret_post' });
  const { browser } = await authorize(proxy, own);
  expect((await browser.get(requestBy(own))).statusCode).toBe(303);
});

test('after half a year the person is asked again (design: never again without a reason)', async () => {
  const own = await startTestApp({ db: proxy.db, config: proxy.config });
  const { browser } = await authorize(own, client);
  own.clock.advance({ days: 181 });
  const again = await browser.get(requestBy(client));
  await own.close();
  expect(again.statusCode).toBe(200);
});
