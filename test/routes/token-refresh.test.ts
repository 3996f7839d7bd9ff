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
