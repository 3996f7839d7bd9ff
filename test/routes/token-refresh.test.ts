/** `/token` with a refresh token (OAuth 2.1 §4.3). */
import { randomBytes } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  callMcp,
  refresh,
  register,
  signIn,
  tokensOf,
  type TestClient,
  type Tokens,
  registerStranger,
} from '../support/authorize.ts';
import { type Parameters } from '../support/browser.ts';
import { createTestDatabase, databaseKinds, type TestDatabase } from '../support/database.ts';
import { introspect } from '../support/servers.ts';

const encryptionKeys = [randomBytes(32)];

const errorOf = (answer: Awaited<ReturnType<typeof refresh>>): [number, string] => [
  answer.statusCode,
  answer.json<{ error: string }>().error,
];

describe.each(databaseKinds)('on %s', (kind) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(kind);
    return database.drop;
  });

  // Each test moves a clock of its own.
  let proxy: TestApp;
  let client: TestClient;
  let tokens: Tokens;
  beforeEach(async () => {
    proxy = await startTestApp({ db: database.db, config: { encryptionKeys } });
    client = await register(proxy);
    tokens = await signIn(proxy, client, { scope: 'openid email' });
    return proxy.close;
  });

  test('each use gives a new pair for the same person and scope (OAuth 2.1 §4.3.1)', async () => {
    proxy.clock.advance({ minutes: 50 });
    const renewed = tokensOf(await refresh(proxy, client, tokens.refreshToken));
    expect(renewed.refreshToken).not.toBe(tokens.refreshToken);
    expect(renewed.scope).toBe('openid email');
    const [before, after] = [
      await callMcp(proxy, tokens.accessToken),
      await callMcp(proxy, renewed.accessToken),
    ];
    expect(after.json<{ headers: object }>().headers).toMatchObject({
      'x-forwarded-email': 'ada@example.com',
    });
    expect(before.statusCode).toBe(200);
  });

  test('ten uses at once all get the same successor (design: refresh is idempotent for a while)', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => refresh(proxy, client, tokens.refreshToken)),
    );
    const successors = answers.map(tokensOf);
    expect(new Set(successors.map(({ refreshToken }) => refreshToken)).size).toBe(1);
    expect(new Set(successors.map(({ accessToken }) => accessToken)).size).toBe(1);
    expect((await callMcp(proxy, successors[0]?.accessToken)).statusCode).toBe(200);
  });

  test('within the grace window the same successor is given again, with the time it has left', async () => {
    const first = await refresh(proxy, client, tokens.refreshToken);
    proxy.clock.advance({ seconds: 119 });
    const again = await refresh(proxy, client, tokens.refreshToken);
    expect(tokensOf(again)).toEqual(tokensOf(first));
    const livesFor = again.json<{ expires_in: number }>().expires_in;
    expect([3481, 3480]).toContain(livesFor);
  });

  test('a retry that asks for another scope gets the first answer, which says what it is; one for another resource is refused (RFC 6749 §3.3, RFC 8707 §2.2)', async () => {
    const first = tokensOf(await refresh(proxy, client, tokens.refreshToken, { scope: 'email' }));
    for (const scope of ['openid', 'openid email', undefined]) {
      expect(tokensOf(await refresh(proxy, client, tokens.refreshToken, { scope }))).toEqual(first);
    }
    const wrong = [{ scope: 'profile' }, { resource: 'https://evil.example/mcp' }];
    const refused = await Promise.all(
      wrong.map(async (changed) => refresh(proxy, client, tokens.refreshToken, changed)),
    );
    expect(refused.map(errorOf)).toEqual([
      [400, 'invalid_scope'],
      [400, 'invalid_target'],
    ]);
    expect((await callMcp(proxy, first.accessToken)).statusCode).toBe(200);
  });

  test('a retry after the successor was used gets the newest token, and the grant lives on (design: refresh is idempotent for a while)', async () => {
    const second = tokensOf(await refresh(proxy, client, tokens.refreshToken));
    proxy.clock.advance({ seconds: 60 });
    const third = tokensOf(await refresh(proxy, client, second.refreshToken));
    proxy.clock.advance({ seconds: 59 });

    expect(tokensOf(await refresh(proxy, client, tokens.refreshToken))).toEqual(third);

    proxy.clock.advance({ minutes: 50 });
    const fourth = tokensOf(await refresh(proxy, client, third.refreshToken));
    expect((await callMcp(proxy, fourth.accessToken)).statusCode).toBe(200);
    expect(errorOf(await refresh(proxy, client, second.refreshToken))).toEqual([400, 'invalid_grant']);
    expect((await callMcp(proxy, fourth.accessToken)).statusCode).toBe(401);
  });

  test('reuse ends its own grant and no other of the same person and client (clients.md P4)', async () => {
    const other = await signIn(proxy, client, { scope: 'openid email' });
    await refresh(proxy, client, tokens.refreshToken);
    proxy.clock.advance({ seconds: 121 });
    await refresh(proxy, client, tokens.refreshToken);
    expect((await callMcp(proxy, tokens.accessToken)).statusCode).toBe(401);
    expect((await callMcp(proxy, other.accessToken)).statusCode).toBe(200);
    tokensOf(await refresh(proxy, client, other.refreshToken));
  });

  test('offline_access in a refresh asks for nothing new, so it is not refused (SEP-2207)', async () => {
    const changed = { scope: 'email offline_access' };
    expect(tokensOf(await refresh(proxy, client, tokens.refreshToken, changed)).scope).toBe('email');
  });

  test('with CONNECTION_TTL_SECONDS people sign in again after that time, however often it was refreshed (OAuth 2.1 §4.3.3)', async () => {
    const config = { ...proxy.config, connectionTtlSeconds: 10 * 86_400 };
    const limited = await startTestApp({ db: proxy.db, config, clock: proxy.clock });
    const introspectable = await register(limited, { token_endpoint_auth_method: 'client_secret_post' });
    let { refreshToken } = await signIn(limited, introspectable);
    limited.clock.advance({ days: 5 });
    ({ refreshToken } = tokensOf(await refresh(limited, introspectable, refreshToken)));
    limited.clock.advance({ days: 4, hours: 23, minutes: 59 });
    const facts = (await introspect(limited, introspectable, refreshToken)).json<{ exp: number }>();
    expect(facts.exp * 1000 - limited.clock().getTime()).toBeLessThanOrEqual(60_000);
    const last = tokensOf(await refresh(limited, introspectable, refreshToken));
    limited.clock.advance({ minutes: 1 });
    expect(errorOf(await refresh(limited, introspectable, last.refreshToken))).toEqual([
      400,
      'invalid_grant',
    ]);
    await limited.close();
  });

  test('CONNECTION_TTL_SECONDS holds for connections that were made before it was set (OAuth 2.1 §4.3.3)', async () => {
    proxy.clock.advance({ days: 2 });
    const config = { ...proxy.config, connectionTtlSeconds: 86_400 };
    const limited = await startTestApp({ db: proxy.db, config, clock: proxy.clock });
    expect(errorOf(await refresh(limited, client, tokens.refreshToken))).toEqual([400, 'invalid_grant']);
    await limited.close();
    tokensOf(await refresh(proxy, client, tokens.refreshToken));
  });

  test('after it a second use ends the grant, every token of it (OAuth 2.1 §4.3.1, RFC 9700 §4.14.2)', async () => {
    const successor = tokensOf(await refresh(proxy, client, tokens.refreshToken));
    expect((await callMcp(proxy, successor.accessToken)).statusCode).toBe(200);
    proxy.clock.advance({ seconds: 120 });
    expect(errorOf(await refresh(proxy, client, tokens.refreshToken))).toEqual([400, 'invalid_grant']);
    expect(errorOf(await refresh(proxy, client, successor.refreshToken))).toEqual([400, 'invalid_grant']);
    expect((await callMcp(proxy, successor.accessToken)).statusCode).toBe(401);
    expect((await callMcp(proxy, tokens.accessToken)).statusCode).toBe(401);
  });

  test('another client can neither use it nor end it (OAuth 2.1 §4.3.1)', async () => {
    const other = await registerStranger(proxy);
    expect(errorOf(await refresh(proxy, other, tokens.refreshToken))).toEqual([400, 'invalid_grant']);
    tokensOf(await refresh(proxy, client, tokens.refreshToken));
    proxy.clock.advance({ minutes: 5 });
    expect(errorOf(await refresh(proxy, other, tokens.refreshToken))).toEqual([400, 'invalid_grant']);
    expect((await callMcp(proxy, tokens.accessToken)).statusCode).toBe(200);
  });

  test('unused for its lifetime it is over; each use begins a new one (OAuth 2.1 §4.3.3)', async () => {
    proxy.clock.advance({ days: 29 });
    const renewed = tokensOf(await refresh(proxy, client, tokens.refreshToken));
    proxy.clock.advance({ days: 29 });
    const again = tokensOf(await refresh(proxy, client, renewed.refreshToken));
    proxy.clock.advance({ days: 30 });
    expect(errorOf(await refresh(proxy, client, again.refreshToken))).toEqual([400, 'invalid_grant']);
  });

  test('a narrower scope is for that access token alone; a wider one is refused and uses nothing up (RFC 6749 §6)', async () => {
    expect(errorOf(await refresh(proxy, client, tokens.refreshToken, { scope: 'openid profile' }))).toEqual([
      400,
      'invalid_scope',
    ]);
    const narrow = tokensOf(await refresh(proxy, client, tokens.refreshToken, { scope: 'email' }));
    expect(narrow.scope).toBe('email');
    expect(tokensOf(await refresh(proxy, client, narrow.refreshToken)).scope).toBe('openid email');
  });

  test.each<[string, Parameters, string]>([
    ['another resource', { resource: 'https://evil.example/mcp' }, 'invalid_target'],
    ['a malformed scope', { scope: 'a"b' }, 'invalid_scope'],
    ['a repeated scope', { scope: ['openid', 'email'] }, 'invalid_request'],
    ['a token with NUL', { refresh_token: 'mop_rt_\0' }, 'invalid_request'],
    ['an unknown token', { refresh_token: 'mop_rt_unknown' }, 'invalid_grant'],
  ])('%s is refused, and the token still works (RFC 8707 §2.2, RFC 6749 §5.2)', async (_, changed, code) => {
    expect(errorOf(await refresh(proxy, client, tokens.refreshToken, changed))).toEqual([400, code]);
    const resource = 'http://localhost:8080/mcp';
    expect((await refresh(proxy, client, tokens.refreshToken, { resource })).statusCode).toBe(200);
  });

  test('an access token or a code is no refresh token (RFC 6749 §6)', async () => {
    expect(errorOf(await refresh(proxy, client, tokens.accessToken))).toEqual([400, 'invalid_grant']);
  });

  test('a stored successor opens for nobody who has only the database (design: sealed for the holder)', async () => {
    const successor = tokensOf(await refresh(proxy, client, tokens.refreshToken));
    const dump = await proxy.db.query({ text: 'select t::text as row from access_tokens t', values: [] });
    const rows = JSON.stringify(dump.rows);
    for (const secret of [tokens.refreshToken, successor.refreshToken, successor.accessToken]) {
      expect(rows).not.toContain(secret);
      expect(rows).not.toContain(Buffer.from(secret).toString('hex'));
    }
  });
});
