/** `/revoke` (RFC 7009): what it ends is over at once, and it ends nothing else. */
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  callMcp,
  refresh,
  register,
  revoke,
  signIn,
  tokensOf,
  type TestClient,
  registerStranger,
} from '../support/authorize.ts';
import { postForm } from '../support/browser.ts';
import { databaseKinds } from '../support/database.ts';

describe.each(databaseKinds)('on %s', (kind) => {
  let proxy: TestApp;
  let client: TestClient;
  beforeAll(async () => {
    proxy = await startTestApp({ kind });
    client = await register(proxy);
    return proxy.close;
  });

  test('a revoked access token gets 401 at /mcp in the next moment, also one that was just accepted; its refresh token lives (RFC 7009 §2.1)', async () => {
    const { accessToken, refreshToken } = await signIn(proxy, client);
    expect((await callMcp(proxy, accessToken)).statusCode).toBe(200);
    const answer = await revoke(proxy, client, accessToken, { token_type_hint: 'access_token' });
    expect(answer.statusCode).toBe(200);
    expect((await callMcp(proxy, accessToken)).statusCode).toBe(401);
    expect((await refresh(proxy, client, refreshToken)).statusCode).toBe(200);
  });

  test('a revoked refresh token takes every access token of its grant along (RFC 7009 §2.1)', async () => {
    const first = await signIn(proxy, client);
    const second = tokensOf(await refresh(proxy, client, first.refreshToken));
    expect((await callMcp(proxy, first.accessToken)).statusCode).toBe(200);
    expect((await revoke(proxy, client, second.refreshToken)).statusCode).toBe(200);
    for (const { accessToken } of [first, second]) {
      expect((await callMcp(proxy, accessToken)).statusCode).toBe(401);
    }
    const answer = await refresh(proxy, client, second.refreshToken);
    expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([400, 'invalid_grant']);
  });

  test('another sign-in of the same person and client goes on', async () => {
    const [ended, lives] = [await signIn(proxy, client), await signIn(proxy, client)];
    await revoke(proxy, client, ended.refreshToken);
    expect((await callMcp(proxy, lives.accessToken)).statusCode).toBe(200);
  });

  test('another instance on the same database refuses it within a second (design: revocation is real)', async () => {
    const second = await startTestApp({ db: proxy.db, config: proxy.config });
    const { accessToken, refreshToken } = await signIn(proxy, client);
    expect((await callMcp(second, accessToken)).statusCode).toBe(200);
    await revoke(proxy, client, refreshToken);
    await expect
      .poll(async () => (await callMcp(second, accessToken)).statusCode, { timeout: 1000, interval: 20 })
      .toBe(401);
    await second.close();
  });

  test('a client cannot end another one’s tokens; the answer is the same (RFC 7009 §2.1, §2.2)', async () => {
    const other = await registerStranger(proxy);
    const { accessToken, refreshToken } = await signIn(proxy, client);
    for (const token of [accessToken, refreshToken]) {
      expect((await revoke(proxy, other, token)).statusCode).toBe(200);
    }
    expect((await callMcp(proxy, accessToken)).statusCode).toBe(200);
    expect((await refresh(proxy, client, refreshToken)).statusCode).toBe(200);
  });

  test('without the client’s authentication nothing is ended (RFC 7009 §2.1)', async () => {
    const confidential = await register(proxy, { token_endpoint_auth_method: 'client_secret_post' });
    const { accessToken } = await signIn(proxy, confidential);
    const answer = await revoke(proxy, confidential, accessToken, { client_secret: 'wrong' });
    expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([401, 'invalid_client']);
    expect((await callMcp(proxy, accessToken)).statusCode).toBe(200);
  });

  test.each([
    ['unknown', 'mop_rt_unknown'],
    ['of a foreign format', 'ya29.A0ARrdaM'],
    ['that is half a JWT', 'a.b.c'],
    ['that is very long', 'x'.repeat(8000)],
  ])('a token %s is no error: there is nothing left to end (RFC 7009 §2.2)', async (_, token) => {
    const answer = await revoke(proxy, client, token, { token_type_hint: 'something_new' });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test('it can be done twice (RFC 7009 §2.2)', async () => {
    const { accessToken, refreshToken } = await signIn(proxy, client);
    for (const token of [accessToken, accessToken, refreshToken, refreshToken]) {
      expect((await revoke(proxy, client, token)).statusCode).toBe(200);
    }
  });

  test('asked a second time, an instance that has not heard of the first refuses the token once it has answered (RFC 7009 §2, design: revocation is real)', async () => {
    const deaf = { ...proxy.db, listen: async () => async () => undefined };
    const second = await startTestApp({ db: deaf, config: proxy.config });
    const { accessToken } = await signIn(proxy, client);
    expect((await callMcp(second, accessToken)).statusCode).toBe(200);
    await revoke(proxy, client, accessToken);

    expect((await revoke(second, client, accessToken)).statusCode).toBe(200);
    const after = await callMcp(second, accessToken);
    await second.close();

    expect(after.statusCode).toBe(401);
  });

  test('an expired access token is no error either (RFC 7009 §2.2)', async () => {
    const { accessToken } = await signIn(proxy, client);
    const later = await startTestApp({ db: proxy.db, config: proxy.config });
    later.clock.advance({ hours: 2 });
    const answer = await revoke(later, client, accessToken);
    await later.close();
    expect(answer.statusCode).toBe(200);
  });

  test('no token, or two, is invalid_request (RFC 7009 §2.1)', async () => {
    for (const token of [undefined, '', ['a', 'b']]) {
      const answer = await postForm(proxy, '/revoke', { token, client_id: client.clientId });
      expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([400, 'invalid_request']);
    }
  });

  test('a token of a key that another instance has just made is ended, too', async () => {
    const second = await startTestApp({ db: proxy.db, config: { ...proxy.config, signingAlg: 'RS256' } });
    const { accessToken } = await signIn(second, client);
    expect((await revoke(proxy, client, accessToken)).statusCode).toBe(200);
    await expect
      .poll(async () => (await callMcp(second, accessToken)).statusCode, { timeout: 5000, interval: 20 })
      .toBe(401);
    await second.close();
  });
});
