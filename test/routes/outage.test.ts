/** The database goes away and comes back: nobody is sent away, nothing is lost (design: transient is not dead). */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import { startTestApp, type Answer, type TestApp } from '../support/app.ts';
import {
  authorize,
  authorizeUrl,
  callMcp,
  redeem,
  refresh,
  register,
  revoke,
  signIn,
  tokensOf,
  type Authorization,
  type TestClient,
  type Tokens,
} from '../support/authorize.ts';
import { openBrowser, postForm } from '../support/browser.ts';
import { describePrivatePostgres } from '../support/database.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

describePrivatePostgres('with a PostgreSQL that stops', () => {
  let server: PostgresServer;
  let proxy: TestApp;
  let client: TestClient;
  let seen: Tokens;
  let unseen: Tokens;
  let unredeemed: Authorization;
  beforeAll(async () => {
    server = await startPostgres();
    const db = openPostgresDatabase(server.dsn, { onError: () => undefined });
    proxy = await startTestApp({ db });
    client = await register(proxy);
    [seen, unseen] = [await signIn(proxy, client), await signIn(proxy, client)];
    unredeemed = await authorize(proxy, client);
    return async () => {
      await proxy.close();
      await db.close();
      await server.remove();
    };
  });
  // A test that needs it again starts it.
  beforeEach(async () => {
    await callMcp(proxy, seen.accessToken);
    await server.stop();
  });

  const expectAway = (answer: Answer): void => {
    expect(answer.statusCode).toBe(503);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(answer.headers['cache-control']).toBe('no-store');
  };

  test('accepted tokens go on for a few seconds, then get 503, never 401; all recovers by itself and nothing was used up', async () => {
    expect((await callMcp(proxy, seen.accessToken)).statusCode).toBe(200);
    const statuses = new Set<number>();
    const callSeen = async (): Promise<number> => {
      const { statusCode } = await callMcp(proxy, seen.accessToken);
      statuses.add(statusCode);
      return statusCode;
    };
    await expect.poll(callSeen, { timeout: 10_000, interval: 100 }).toBe(503);
    expect([...statuses]).toEqual([200, 503]);
    expectAway(await redeem(proxy, client, unredeemed));
    expectAway(await refresh(proxy, client, seen.refreshToken));

    await server.start();
    await expect.poll(callSeen, { timeout: 10_000, interval: 100 }).toBe(200);
    expect([...statuses]).toEqual([200, 503]);
    expect((await redeem(proxy, client, unredeemed)).statusCode).toBe(200);
    const renewed = tokensOf(await refresh(proxy, client, seen.refreshToken));
    expect((await revoke(proxy, client, renewed.accessToken)).statusCode).toBe(200);
    expect((await callMcp(proxy, renewed.accessToken)).statusCode).toBe(401);
    await expect
      .poll(async () => (await proxy.send({ url: '/health/ready' })).statusCode, { timeout: 5_000 })
      .toBe(200);
  });

  test('endpoints answer 503 with Retry-After, as JSON, and never an error that ends a session (design: transient is not dead)', async () => {
    const answers = [
      await redeem(proxy, client, unredeemed),
      await refresh(proxy, client, seen.refreshToken),
      await revoke(proxy, client, seen.refreshToken),
      await proxy.send({ url: authorizeUrl(client, 'v'.repeat(43)) }),
      await proxy.send({
        method: 'POST',
        url: '/register',
        payload: { redirect_uris: ['https://client.example/'] },
      }),
      await callMcp(proxy, unseen.accessToken),
    ];
    for (const answer of answers) {
      expectAway(answer);
      expect(answer.json()).toMatchObject({ error: 'temporarily_unavailable' });
      expect(answer.headers).not.toHaveProperty('www-authenticate');
    }
    const page = await openBrowser(proxy).get(authorizeUrl(client, 'v'.repeat(43)));
    expectAway(page);
    expect(page.body).toContain('We will be back in a moment');
  });

  test('what needs no database goes on: documents, keys, health, and saying no to nonsense', async () => {
    for (const url of [
      '/.well-known/oauth-authorization-server',
      '/.well-known/oauth-protected-resource',
      '/jwks',
      '/health',
      '/',
    ]) {
      expect((await proxy.send({ url })).statusCode).toBe(200);
    }
    expect((await callMcp(proxy, undefined)).statusCode).toBe(401);
    expect((await callMcp(proxy, 'nonsense')).statusCode).toBe(401);
    expect((await postForm(proxy, '/token', { grant_type: 'password' })).statusCode).toBe(400);
    const isReady = async (): Promise<unknown> => (await proxy.send({ url: '/health/ready' })).json();
    await expect
      .poll(isReady, { timeout: 5_000 })
      .toMatchObject({ status: 'unavailable', checks: { database: 'unavailable' } });
    expect((await proxy.send({ url: '/health/ready' })).statusCode).toBe(503);
  });
});
