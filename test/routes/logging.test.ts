/** What is logged, and that no secret ever is: codes, tokens, verifiers, states, cookies, keys. */
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { Sealer } from '../../src/crypto/sealing.ts';
import { createLogger } from '../../src/http/logging.ts';
import { findSealedUnder, sealedColumns } from '../../src/repositories/sealed-values.ts';
import { beginAccount, formsOf } from '../support/account.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  ada,
  approve,
  askConsent,
  callMcp,
  locationOf,
  redeem,
  refresh,
  register,
  revoke,
  tokensOf,
  type TestClient,
} from '../support/authorize.ts';
import { openBrowser, postForm } from '../support/browser.ts';
import { cancelAt, signInAt } from '../support/sample-provider.ts';

let proxy: TestApp;
beforeAll(async () => {
  proxy = await startTestApp({ config: { logLevel: 'trace' } });
  return proxy.close;
});

/** Everything sealed in the database: the provider's tokens, and what a sign-in under way is about. */
async function sealedSecrets(): Promise<string[]> {
  const sealer = new Sealer(proxy.config.encryptionKeys ?? []);
  const keyId = Buffer.from(sealer.keyIds[0], 'hex');
  const secrets = [];
  for (const column of sealedColumns) {
    for (const { sealed, place } of await findSealedUnder(proxy.db, column, keyId, 100)) {
      secrets.push(sealer.open(sealed, place));
    }
  }
  return secrets;
}

/** A whole life of a grant, with a few mistakes on the way; every secret that took part in it. */
async function liveAndCollectSecrets(client: TestClient): Promise<Readonly<Record<string, string>>> {
  const asked = await askConsent(proxy, client, { state: 'the-state-of-the-client' });
  const upstream = await approve(asked);
  const returned = await signInAt(upstream, ada);
  const cookies = Object.fromEntries(
    [...asked.browser.cookies].map(([name, value]) => [`cookie ${name}`, value]),
  );
  await openBrowser(proxy).get(`/callback${returned.search}`);
  const location = locationOf(await asked.browser.get(`/callback${returned.search}`));
  const code = location.searchParams.get('code') ?? '';
  const authorization = { ...asked, code, location };

  await redeem(proxy, client, authorization, { code_verifier: 'wrong-verifier-'.repeat(4) });
  const first = tokensOf(await redeem(proxy, client, authorization));
  await callMcp(proxy, first.accessToken, { url: `/mcp?access_token=${first.accessToken}&code=${code}` });
  await callMcp(proxy, `${first.accessToken}x`);
  await callMcp(proxy, undefined, { headers: { authorization: `Bearer ${first.refreshToken} ${code}` } });
  const second = tokensOf(await refresh(proxy, client, first.refreshToken));
  await refresh(proxy, client, second.refreshToken, { scope: 'admin' });
  const basic = Buffer.from(`${client.clientId}:${client.clientSecret}`).toString('base64');
  await postForm(
    proxy,
    '/token',
    { grant_type: 'refresh_token', refresh_token: second.refreshToken },
    { authorization: `Basic ${basic}x` },
  );
  const sealed = await sealedSecrets();
  await revoke(proxy, client, second.refreshToken);
  await redeem(proxy, client, authorization);

  const denied = await askConsent(proxy, client);
  const cancelled = await cancelAt(await approve(denied));
  await denied.browser.get(`/callback${cancelled.search}`);

  const account = openBrowser(proxy);
  const accountSignIn = await beginAccount(account);
  const accountAnswer = await signInAt(accountSignIn, ada);
  await openBrowser(proxy).get(`/callback${accountAnswer.search}`);
  const ofSignIn = [...account.cookies.values()];
  await account.get(`/callback${accountAnswer.search}`);
  const { token } = formsOf(await account.get('/account'));
  await account.submit('/account/end', { form_token: `${token}x`, everything: 'yes' });
  await account.submit('/account/end', { form_token: token, everything: 'yes' });
  const accountSecrets = [...ofSignIn, ...account.cookies.values(), token];

  const [encryptionKey = Buffer.of()] = (proxy.config.encryptionKeys ?? []).map((key) => Buffer.from(key));
  const parameter = ({ searchParams }: URL, name: string): string => searchParams.get(name) ?? '';
  return {
    ...cookies,
    ...Object.fromEntries(accountSecrets.map((secret, index) => [`of /account ${index}`, secret])),
    ...Object.fromEntries(sealed.map((secret, index) => [`sealed ${index}`, secret])),
    'first access token': first.accessToken,
    'its signature': first.accessToken.split('.')[2] ?? '',
    'first refresh token': first.refreshToken,
    'second access token': second.accessToken,
    'second refresh token': second.refreshToken,
    'client secret': client.clientSecret ?? '',
    'basic credentials': basic,
    'client state': 'the-state-of-the-client',
    'consent request': asked.requestId,
    'another consent request': denied.requestId,
    code,
    'code verifier': asked.codeVerifier,
    'wrong verifier': 'wrong-verifier',
    'upstream state': parameter(upstream, 'state'),
    'upstream nonce': parameter(upstream, 'nonce'),
    'upstream code': parameter(returned, 'code'),
    'upstream client secret': proxy.config.providers[0].clientSecret,
    'encryption key': encryptionKey.toString('base64'),
    'encryption key in hex': encryptionKey.toString('hex'),
  };
}

test('a log of everything, at the most talkative level, holds no secret that was used (OAuth 2.1 §7.6; design: never logged)', async () => {
  const client = await register(proxy, { token_endpoint_auth_method: 'client_secret_post' });
  const secrets = Object.entries(await liveAndCollectSecrets(client));
  const log = proxy.log.join('');
  const leaked = secrets.filter(
    ([, secret]) => log.includes(secret) || log.includes(encodeURIComponent(secret)),
  );

  expect(secrets.length).toBeGreaterThan(20);
  expect(secrets.filter(([, secret]) => secret.length < 14)).toEqual([]);
  expect(leaked.map(([name]) => name)).toEqual([]);
});

test('each request is one line: method, path without query, status, time (design: logs)', async () => {
  const line = z.object({
    reqId: z.string(),
    method: z.string(),
    path: z.string(),
    status: z.number(),
    ms: z.number(),
  });
  const before = proxy.log.length;
  const answer = await proxy.send({ url: '/authorize?client_id=unknown&state=s' });
  const requests = proxy.log
    .slice(before)
    .map((text) => JSON.parse(text) as object)
    .filter((entry) => 'path' in entry);
  expect(requests).toHaveLength(1);
  expect(line.parse(requests[0])).toMatchObject({
    reqId: answer.headers['x-request-id'],
    method: 'GET',
    path: '/authorize',
    status: 400,
  });
});

test('a refusal says why, for the operator only (design: the reason stays here)', async () => {
  const before = proxy.log.length;
  const answer = await postForm(proxy, '/token', {
    grant_type: 'refresh_token',
    refresh_token: 'x',
    client_id: 'unknown',
  });
  expect(proxy.log.slice(before).join('')).toContain('"reason":"unknown client"');
  expect(answer.body).not.toContain('unknown client');
});

test('a secret that is logged by its name is censored, and an error loses what libraries hang on it', () => {
  const lines: string[] = [];
  const log = createLogger('info', { write: (line) => void lines.push(line) });
  const error = Object.assign(new Error('words'), {
    response: { access_token: 'secret-1' },
    cause: { token: 'secret-2' },
  });
  log.info({
    err: error,
    access_token: 'secret-3',
    body: { refresh_token: 'secret-4', code_verifier: 'secret-5' },
  });
  log.info({
    req: { headers: { cookie: 'secret-6' } },
    headers: { authorization: 'secret-7', cookie: 'secret-8' },
  });
  expect(lines.join('')).toContain('words');
  expect(lines.join('')).not.toMatch(/secret-\d/);
});

test('the operator reads which identity provider became ready or stopped being so', async () => {
  await expect
    .poll(() => proxy.log.map((line) => JSON.parse(line) as Record<string, unknown>), { timeout: 5000 })
    .toContainEqual(
      expect.objectContaining({ msg: 'identity provider', provider: 'oauth', status: 'ready', level: 30 }),
    );
});
