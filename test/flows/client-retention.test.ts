/** How long a client that registered itself is kept: two days without use, a year beyond its last grant (clients.md P2). */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { sweepExpired } from '../../src/repositories/sweep.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  askConsent,
  authorize,
  authorizeUrl,
  callMcp,
  redeem,
  refresh,
  register,
  revoke,
  signIn,
  tokensOf,
  isRegistered,
} from '../support/authorize.ts';
import {
  createTestDatabase,
  databaseKinds,
  describePostgres,
  type TestDatabase,
} from '../support/database.ts';
import { withAdmin } from '../support/postgres.ts';

const encryptionKeys = [randomBytes(32)];

const sweep = async ({ db, clock }: TestApp): Promise<number> => sweepExpired(db, clock());

describe.each(databaseKinds)('on %s', (kind) => {
  let proxy: TestApp;
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(kind);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await database.db.query(sql`truncate clients, upstream_sessions, revocations cascade`);
    proxy = await startTestApp({
      db: database.db,
      config: { encryptionKeys, refreshTokenTtlSeconds: 30 * 86_400 },
    });
  });
  afterEach(() => proxy.close());

  test('a registration that came again lives two days from then (clients.md P2)', async () => {
    const { clientId } = await register(proxy);
    proxy.clock.advance({ hours: 47 });
    await register(proxy);
    proxy.clock.advance({ hours: 47 });
    await sweep(proxy);
    expect(await isRegistered(proxy, clientId)).toBe(true);

    proxy.clock.advance({ hours: 2 });
    await sweep(proxy);
    expect(await isRegistered(proxy, clientId)).toBe(false);
  });

  test('a used client lives as long as its grant, and a year longer (clients.md P2)', async () => {
    const client = await register(proxy);
    await signIn(proxy, client);
    for (const days of [31, 169, 194]) {
      proxy.clock.advance({ days });
      await sweep(proxy);
      expect(await isRegistered(proxy, client.clientId)).toBe(true);
    }

    proxy.clock.advance({ days: 3 });
    await sweep(proxy);
    expect(await isRegistered(proxy, client.clientId)).toBe(false);
  });

  test('a client is never taken from a grant that is alive, however long ago it signed in (protocol.md 71)', async () => {
    const client = await register(proxy);
    let { refreshToken } = await signIn(proxy, client);
    for (let round = 0; round < 20; round += 1) {
      proxy.clock.advance({ days: 29 });
      await sweep(proxy);
      ({ refreshToken } = tokensOf(await refresh(proxy, client, refreshToken)));
    }
    const { accessToken } = tokensOf(await refresh(proxy, client, refreshToken));
    expect((await callMcp(proxy, accessToken)).statusCode).toBe(200);

    await revoke(proxy, client, tokensOf(await refresh(proxy, client, refreshToken)).refreshToken);
    proxy.clock.advance({ days: 360 });
    await sweep(proxy);
    expect(await isRegistered(proxy, client.clientId)).toBe(true);
    proxy.clock.advance({ days: 8 });
    await sweep(proxy);
    expect(await isRegistered(proxy, client.clientId)).toBe(false);
  });

  test('a sign-in whose code was never redeemed counts as use (clients.md P2)', async () => {
    const client = await register(proxy);
    await authorize(proxy, client);
    proxy.clock.advance({ days: 300 });
    await sweep(proxy);
    expect(await isRegistered(proxy, client.clientId)).toBe(true);
  });

  test('a client that is gone: 401 invalid_client at the token endpoint, a page at /authorize (RFC 6749 §5.2, §4.1.2.1)', async () => {
    const client = await register(proxy);
    const authorization = await authorize(proxy, await register(proxy, { client_name: 'Other' }));
    proxy.clock.advance({ days: 3 });
    await sweep(proxy);

    const token = await redeem(proxy, client, authorization);
    expect([token.statusCode, token.json<{ error: string }>().error]).toEqual([401, 'invalid_client']);
    const url = authorizeUrl(client, 'v'.repeat(43));
    const page = await proxy.send({ url, headers: { accept: 'text/html' } });
    expect([page.statusCode, page.headers.location]).toEqual([400, undefined]);
    expect(page.body).toContain('This app is not registered here');
    const json = await proxy.send({ url });
    expect(json.json()).toMatchObject({ error: 'invalid_client' });
    expect((await register(proxy)).clientId).not.toBe(client.clientId);
  });
});

describePostgres('on postgres, beside a request', () => {
  let proxy: TestApp;
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase('postgres');
    proxy = await startTestApp({ db: database.db });
  });
  afterEach(async () => {
    await proxy.close();
    await database.drop();
  });

  test('a client is not removed while a sign-in begins with it (protocol.md 71)', async () => {
    const client = await register(proxy);
    proxy.clock.advance({ days: 3 });
    await withAdmin(database.dsn ?? '', async (request) => {
      await request.query('begin');
      await request.query(
        `insert into authorization_requests (request_id_hash, consent_hash, client_id, redirect_uri, code_challenge,
           resource, scopes, created_at, expires_at)
         values ('a', 'b', $1, '', '', '', '{}', $2, $2::timestamptz + interval '30 minutes')`,
        [client.clientId, proxy.clock()],
      );
      await sweep(proxy);
      await request.query('commit');
    });
    await sweep(proxy);

    expect(await isRegistered(proxy, client.clientId)).toBe(true);
  });

  test('a sign-in that begins while its client is removed sees a page, not a failure (RFC 6749 §4.1.2.1)', async () => {
    const client = await register(proxy);
    const answer = await withAdmin(database.dsn ?? '', async (sweeper) => {
      await sweeper.query('begin');
      await sweeper.query('delete from clients where client_id = $1', [client.clientId]);
      const pending = proxy.send({ url: authorizeUrl(client, 'v'.repeat(43)) });
      await waitForLock(database.dsn ?? '');
      await sweeper.query('commit');
      return pending;
    });

    expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([400, 'invalid_client']);
  });

  test('many who ask for consent while rounds run all get their page (protocol.md 71)', async () => {
    const clients = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => register(proxy, { client_name: `App ${index}` })),
    );
    proxy.clock.advance({ hours: 47, minutes: 59 });
    await Promise.all([
      ...clients.map(async (client) => askConsent(proxy, client)),
      sweep(proxy),
      sweep(proxy),
      sweep(proxy),
    ]);
    proxy.clock.advance({ minutes: 2 });
    await sweep(proxy);

    for (const { clientId } of clients) expect(await isRegistered(proxy, clientId)).toBe(true);
  });
});

/** Until some statement waits for another's lock. */
async function waitForLock(dsn: string): Promise<void> {
  const isWaiting = async () =>
    withAdmin(dsn, async (admin) => {
      const { rowCount } = await admin.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return rowCount === 1;
    });
  while (!(await isWaiting())) await new Promise(setImmediate);
}
