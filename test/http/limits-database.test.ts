/** Every connection to the database is taken, and nobody else may wait: what still works, and what is said to the others. */
import { beforeAll, expect, test } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import { type Answer, startTestApp, type TestApp } from '../support/app.ts';
import {
  authorize,
  callMcp,
  redeem,
  refresh,
  register,
  signIn,
  type Authorization,
  type TestClient,
  type Tokens,
} from '../support/authorize.ts';
import { createTestDatabase, describePostgres, type TestDatabase } from '../support/database.ts';

describePostgres('with a database that is busy', () => {
  let database: TestDatabase;
  let proxy: TestApp;
  let client: TestClient;
  let seen: Tokens;
  let unseen: Tokens;
  let unredeemed: Authorization;
  let giveBack: () => Promise<void>;

  beforeAll(async () => {
    database = await createTestDatabase('postgres');
    const db = openPostgresDatabase(database.dsn ?? '', {
      onError: () => undefined,
      maxConnections: 1,
      maxWaiting: 1,
    });
    proxy = await startTestApp({ db });
    client = await register(proxy);
    [seen, unseen] = [await signIn(proxy, client), await signIn(proxy, client)];
    unredeemed = await authorize(proxy, client);
    await callMcp(proxy, seen.accessToken);

    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const held = db.transaction(async () => {
      begin();
      await released;
    });
    await begun;
    // Waits for five seconds. Another may have taken the place: a sweep, or what was noted about calls.
    const waiting = db.query(sql`select 1`).catch(() => undefined);
    giveBack = async () => {
      release();
      await Promise.all([held, waiting]);
    };
    return async () => {
      await giveBack();
      await proxy.close();
      await db.close();
      await database.drop();
    };
  });

  const expectBusy = (answer: Answer): void => {
    expect(answer.statusCode).toBe(503);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(answer.json()).toMatchObject({ error: 'temporarily_unavailable' });
  };

  test('requests that need it get 503 with Retry-After at once, never an error that ends a session (design: transient is not dead)', async () => {
    expectBusy(await redeem(proxy, client, unredeemed));
    expectBusy(await refresh(proxy, client, seen.refreshToken));
    expectBusy(await callMcp(proxy, unseen.accessToken));
  });

  test('known tokens are served, the instance is ready, and revocations are heard', async () => {
    expect((await callMcp(proxy, seen.accessToken)).statusCode).toBe(200);
    const ready = await proxy.send({ url: '/health/ready' });
    expect([ready.statusCode, ready.json<{ checks: object }>().checks]).toMatchObject([
      200,
      { database: 'ready' },
    ]);

    const [, claims = ''] = seen.accessToken.split('.');
    const { jti } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { jti: string };
    await database.db.query(sql`
      update grants set revoked_at = now(), revocation_reason = 'operator'
      where grant_id = (select grant_id from access_tokens where jti = ${jti})`);
    // Before five seconds are over, after which a feed that cannot be read has every token looked up.
    await expect
      .poll(async () => (await callMcp(proxy, seen.accessToken)).statusCode, { timeout: 3_000, interval: 20 })
      .not.toBe(200);
  });

  test('when it has time again, nothing was used up or lost', async () => {
    await giveBack();

    expect((await redeem(proxy, client, unredeemed)).statusCode).toBe(200);
    expect((await callMcp(proxy, seen.accessToken)).statusCode).toBe(401);
  });
});
