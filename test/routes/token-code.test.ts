/** `/token` with an authorization code (OAuth 2.1 §4.1.3). */
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  authorize,
  callMcp,
  redeem,
  refresh,
  register,
  signIn,
  tokensOf,
  type TestClient,
  registerStranger,
} from '../support/authorize.ts';
import { type Parameters } from '../support/browser.ts';

let proxy: TestApp;
let client: TestClient;
let other: TestClient;
beforeAll(async () => {
  proxy = await startTestApp();
  [client, other] = [await register(proxy), await registerStranger(proxy)];
  return proxy.close;
});

const errorOf = (answer: Awaited<ReturnType<typeof redeem>>): [number, string] => [
  answer.statusCode,
  answer.json<{ error: string }>().error,
];

test('a code is exchanged for a bearer token, how long it lives, a refresh token and the scope (OAuth 2.1 §3.2.3)', async () => {
  const authorization = await authorize(proxy, client, { scope: 'openid email' });
  const answer = await redeem(proxy, client, authorization);
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toEqual({
    access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/) as string,
    token_type: 'Bearer',
    expires_in: expect.toSatisfy((value) => value === 3600 || value === 3599) as number,
    refresh_token: expect.stringMatching(/^mop_rt_[\w-]{43}$/) as string,
    scope: 'openid email',
  });
});

test('answers and errors are JSON that nobody stores (RFC 6749 §5.1, §5.2)', async () => {
  const authorization = await authorize(proxy, client);
  for (const answer of [
    await redeem(proxy, client, authorization, { code_verifier: 'w'.repeat(43) }),
    await redeem(proxy, client, authorization),
    await redeem(proxy, client, authorization, { client_id: 'unknown' }),
    await redeem(proxy, client, authorization, { grant_type: 'password' }),
  ]) {
    expect(answer.headers['content-type']).toMatch(/^application\/json\b/);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers.pragma).toBe('no-cache');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(Object.values(answer.json<object>())).not.toContain(null);
  }
});

test('redirect_uri may be left out (OAuth 2.1 §10.2)', async () => {
  const authorization = await authorize(proxy, client);
  expect((await redeem(proxy, client, authorization, { redirect_uri: undefined })).statusCode).toBe(200);
});

describe('a request that is wrong in something does not use the code up', () => {
  test.each<[string, Parameters, number, string]>([
    ['another verifier', { code_verifier: 'w'.repeat(43) }, 400, 'invalid_grant'],
    ['no verifier', { code_verifier: undefined }, 400, 'invalid_request'],
    ['a verifier that is too short', { code_verifier: 'short' }, 400, 'invalid_request'],
    ['another redirect URI', { redirect_uri: 'https://client.example/other' }, 400, 'invalid_grant'],
    [
      'a repeated redirect URI',
      { redirect_uri: ['https://client.example/callback', 'x'] },
      400,
      'invalid_request',
    ],
    ['another resource', { resource: 'https://evil.example/mcp' }, 400, 'invalid_target'],
    ['an unknown client', { client_id: 'unknown' }, 401, 'invalid_client'],
    ['a public client that brings a secret', { client_secret: 'x' }, 401, 'invalid_client'],
    ['another grant type', { grant_type: 'refresh_token' }, 400, 'invalid_request'],
    [
      'a redirect URI with NUL',
      { redirect_uri: 'https://client.example/callback\0' },
      400,
      'invalid_request',
    ],
  ])('%s (RFC 7636 §4.6, OAuth 2.1 §4.1.3, RFC 8707 §2.2)', async (_, changed, status, code) => {
    const authorization = await authorize(proxy, client);
    expect(errorOf(await redeem(proxy, client, authorization, changed))).toEqual([status, code]);
    expect((await redeem(proxy, client, authorization)).statusCode).toBe(200);
  });

  test('another client (OAuth 2.1 §4.1.3)', async () => {
    const authorization = await authorize(proxy, client);
    expect(errorOf(await redeem(proxy, other, authorization))).toEqual([400, 'invalid_grant']);
    expect((await redeem(proxy, client, authorization)).statusCode).toBe(200);
  });
});

test('a mismatch of redirect_uri is named; other causes of invalid_grant look the same (RFC 6749 §5.2)', async () => {
  const authorization = await authorize(proxy, client);
  const describe = async (changed: Parameters): Promise<unknown> =>
    (await redeem(proxy, client, authorization, changed)).json<{ error_description: string }>()
      .error_description;
  expect(await describe({ redirect_uri: 'https://client.example/' })).toContain('redirect_uri');
  expect(await describe({ code: 'mop_code_unknown' })).toBe(
    await describe({ code_verifier: 'w'.repeat(43) }),
  );
});

test.each(['http://localhost:8080/mcp', 'http://localhost:8080/mcp/', 'HTTP://localhost:8080'])(
  'resource %s is what was authorised (RFC 8707 §2.2)',
  async (resource) => {
    const authorization = await authorize(proxy, client);
    expect((await redeem(proxy, client, authorization, { resource })).statusCode).toBe(200);
  },
);

describe('a code works once (OAuth 2.1 §4.1.3, §7.5.3)', () => {
  test('its second use is refused, and ends the tokens of the first', async () => {
    const { authorization, accessToken, refreshToken } = await signIn(proxy, client);
    expect((await callMcp(proxy, accessToken)).statusCode).toBe(200);
    expect(errorOf(await redeem(proxy, client, authorization))).toEqual([400, 'invalid_grant']);
    expect((await callMcp(proxy, accessToken)).statusCode).toBe(401);
    expect(errorOf(await refresh(proxy, client, refreshToken))).toEqual([400, 'invalid_grant']);
  });

  test.each<[string, Parameters]>([
    ['another verifier', { code_verifier: 'w'.repeat(43) }],
    ['another redirect URI', { redirect_uri: 'https://client.example/other' }],
    ['another resource', { resource: 'https://evil.example/mcp' }],
    ['an unknown client', { client_id: 'unknown' }],
  ])(
    'its second use with %s ends nothing: seeing a code must not be enough to end a session',
    async (_, changed) => {
      const { authorization, accessToken } = await signIn(proxy, client);
      expect((await redeem(proxy, client, authorization, changed)).statusCode).toBeGreaterThanOrEqual(400);
      expect((await redeem(proxy, other, authorization)).statusCode).toBe(400);
      expect((await callMcp(proxy, accessToken)).statusCode).toBe(200);
    },
  );

  test('of ten redemptions at once exactly one gets tokens', async () => {
    const authorization = await authorize(proxy, client);
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => redeem(proxy, client, authorization)),
    );
    const statuses = answers.map(({ statusCode }) => statusCode).sort((a, b) => a - b);
    expect(statuses).toEqual([200, ...Array<number>(9).fill(400)]);
  });

  test('it expires within minutes, and an expired one ends nothing (RFC 6749 §4.1.2)', async () => {
    const own = await startTestApp({ db: proxy.db, config: proxy.config });
    const [early, late] = [await authorize(own, client), await authorize(own, client)];
    own.clock.advance({ seconds: 119 });
    const inTime = await redeem(own, client, early);
    own.clock.advance({ seconds: 1 });
    const expired = await redeem(own, client, late);
    await own.close();
    expect(inTime.statusCode).toBe(200);
    expect(errorOf(expired)).toEqual([400, 'invalid_grant']);
  });
});

test('only what is in the body counts; the query is not looked at (RFC 6749 §3.2)', async () => {
  const { code, codeVerifier } = await authorize(proxy, client);
  const query = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    code_verifier: codeVerifier,
    client_id: client.clientId,
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await proxy.send({
    method: 'POST',
    url: `/token?${query.toString()}`,
    payload: '',
    headers,
  });
  expect(errorOf(answer)).toEqual([400, 'invalid_request']);
});

test('the content type may have parameters and any case (RFC 9110 §8.3.1)', async () => {
  const authorization = await authorize(proxy, client);
  const payload = new URLSearchParams({
    grant_type: 'authorization_code',
    code: authorization.code,
    code_verifier: authorization.codeVerifier,
    client_id: client.clientId,
  }).toString();
  const headers = { 'content-type': 'Application/X-WWW-Form-URLEncoded; charset=UTF-8' };
  expect((await proxy.send({ method: 'POST', url: '/token', payload, headers })).statusCode).toBe(200);
});

test.each(['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const)(
  '%s is 405 with Allow (RFC 6749 §3.2)',
  async (method) => {
    const answer = await proxy.send({ method, url: '/token?grant_type=authorization_code' });
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'POST']);
  },
);

test('a token says who signed in, for which client and resource, and holds nothing of the provider’s (RFC 9068 §2.2)', async () => {
  const { accessToken } = tokensOf(await redeem(proxy, client, await authorize(proxy, client)));
  const [, payload = ''] = accessToken.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  expect(claims).toEqual({
    iss: 'http://localhost:8080',
    aud: 'http://localhost:8080/mcp',
    sub: expect.any(String) as string,
    client_id: client.clientId,
    scope: 'openid profile email',
    email: 'ada@example.com',
    name: 'Ada Lovelace',
    jti: expect.any(String) as string,
    iat: expect.any(Number) as number,
    exp: Number(claims.iat) + 3600,
  });
});
