/** "Not you? Switch account" on the consent page: where this browser was signed in with before, and naming nobody. */
import { beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ada, approve, askConsent, register, type TestClient } from '../support/authorize.ts';
import { linksOf, textOf } from '../support/html.ts';
import { signInAt } from '../support/sample-provider.ts';

let proxy: TestApp;
let client: TestClient;
beforeAll(async () => {
  proxy = await startTestApp();
  // Its answers stay on this computer, so it is asked about each time (OAuth 2.1 §7.3.1).
  client = await register(proxy, { redirect_uris: ['http://127.0.0.1:33418/callback'] });
  return proxy.close;
});

async function askAgain() {
  const asked = await askConsent(proxy, client, { state: 'a & b', scope: 'openid' });
  const returned = await signInAt(await approve(asked), ada);
  await asked.browser.get(`/callback${returned.search}`);
  return askConsent(proxy, client, { state: 'a & b', scope: 'openid' }, asked.browser);
}

test('a browser that nobody signed in with is not offered it', async () => {
  const { page } = await askConsent(proxy, client);
  expect(textOf(page)).not.toContain('Switch account');
});

test('who was signed in is not said, on a computer that people share (clients.md P10)', async () => {
  const { page } = await askAgain();
  expect(textOf(page)).toContain('Not you? Switch account');
  expect(page.body).not.toMatch(/Ada|Lovelace|ada@/);
});

test('it asks the same again, and then the provider lets the person choose (OpenID Connect Core §3.1.2.1)', async () => {
  const asked = await askAgain();
  const [link = ''] = linksOf(asked.page);
  expect(new URL(link).origin).toBe(proxy.config.baseUrl);

  const page = await asked.browser.get(link.slice(proxy.config.baseUrl.length));
  expect(page.statusCode).toBe(200);
  expect(textOf(page)).toContain('You can choose another account there.');
  expect(textOf(page)).not.toContain('Switch account');
  const [, requestId = ''] = /name="request_id" value="([^"]*)"/.exec(page.body) ?? [];
  const answer = await asked.browser.submit('/consent', { request_id: requestId, decision: 'approve' });
  expect(new URL(String(answer.headers.location)).searchParams.get('prompt')).toMatch(/login|select_account/);
});

test('the link approves nothing, and carries no secret (RFC 9700 §4.2.4)', async () => {
  const asked = await askAgain();
  const [link = ''] = linksOf(asked.page);
  expect(link).not.toContain(asked.requestId);
  for (const value of asked.browser.cookies.values()) expect(link).not.toContain(value);
  expect(new URL(link).searchParams.get('state')).toBe('a & b');
});
