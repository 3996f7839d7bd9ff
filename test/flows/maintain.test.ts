/** What is done from time to time: expired rows go, live ones stay, and nobody waits for it (issue 2, "Storage"). */
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  askConsent,
  authorize,
  authorizeUrl,
  callMcp,
  redeem,
  refresh,
  register,
  registerByOperator,
  revoke,
  signIn,
  tokensOf,
} from '../support/authorize.ts';
import { openBrowser } from '../support/browser.ts';
import {
  createTestDatabase,
  databaseKinds,
  describePostgres,
  type TestDatabase,
} from '../support/database.ts';
import { runMaintenance } from '../support/maintenance.ts';
import { withAdmin } from '../support/postgres.ts';

const encryptionKey = randomBytes(32);

const tables = [
  'authorization_requests',
  'consents',
  'authorization_codes',
  'access_tokens',
  'grants',
  'upstream_sessions',
  'clients',
  'revocations',
] as const;

async function countRows(proxy: TestApp): Promise<Record<string, number>> {
  const counts = await Promise.all(
    tables.map(async (table): Promise<[string, number]> => {
      const { rowCount } = await proxy.db.query({ text: `select 1 from ${table}`, values: [] });
      return [table, rowCount];
    }),
  );
  return Object.fromEntries(counts);
}

describe.each(databaseKinds)('on %s', (kind) => {
  let proxy: TestApp;
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(kind);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await database.db.query(sql`truncate clients, upstream_sessions, revocations cascade`);
    proxy = await startTestApp({ db: database.db, config: { encryptionKeys: [encryptionKey] } });
  });
  afterEach(() => proxy.close());

  const isKnown = async (clientId: string) => {
    const page = await proxy.send({ url: `/authorize?client_id=${clientId}&response_type=code` });
    return page.statusCode !== 400 || page.json<{ error: string }>().error !== 'invalid_client';
  };

  test('a client that registered itself and was never used goes after 48 hours, and not before (protocol.md, P2)', async () => {
    const { clientId } = await register(proxy);
    proxy.clock.advance({ hours: 47, minutes: 59 });
    await runMaintenance(proxy);
    expect(await isKnown(clientId)).toBe(true);

    proxy.clock.advance({ minutes: 2 });
    await runMaintenance(proxy);

    expect(await isKnown(clientId)).toBe(false);
    const browser = openBrowser(proxy);
    const page = await browser.get(authorizeUrl({ clientId, clientSecret: undefined, redirectUri: '' }, 'v'));
    expect(page.statusCode).toBe(400);
  });

  test('a client that was used stays, and so does one that the operator made (protocol.md, P2)', async () => {
    const used = await register(proxy);
    const made = await registerByOperator(proxy);
    await signIn(proxy, used);

    proxy.clock.advance({ days: 390 });
    await runMaintenance(proxy);

    expect(await isKnown(used.clientId)).toBe(true);
    expect(await isKnown(made.clientId)).toBe(true);
  });

  test('a client whose first sign-in is under way is not taken away from under it (protocol.md 71)', async () => {
    const client = await register(proxy);
    proxy.clock.advance({ hours: 47, minutes: 59 });
    await askConsent(proxy, client);
    proxy.clock.advance({ minutes: 2 });

    await runMaintenance(proxy);

    expect(await isKnown(client.clientId)).toBe(true);
  });

  test('a live session loses nothing in a round: it can be used, refreshed and revoked (issue 2, "Storage")', async () => {
    const client = await register(proxy);
    const { refreshToken } = await signIn(proxy, client);
    proxy.clock.advance({ days: 29 });

    await runMaintenance(proxy);

    const refreshed = tokensOf(await refresh(proxy, client, refreshToken));
    expect((await callMcp(proxy, refreshed.accessToken)).statusCode).toBe(200);
    await revoke(proxy, client, refreshed.refreshToken);
    expect((await callMcp(proxy, refreshed.accessToken)).statusCode).toBe(401);
  });

  test('everything that has expired is gone: requests, codes, tokens, grants, the provider’s tokens, consents', async () => {
    const client = await register(proxy, { redirect_uris: ['https://claude.ai/api/mcp/auth_callback'] });
    await askConsent(proxy, client);
    await authorize(proxy, client);
    const { refreshToken } = await signIn(proxy, client);
    await revoke(proxy, client, refreshToken);
    await signIn(proxy, client);
    expect(Object.values(await countRows(proxy))).not.toContain(0);

    proxy.clock.advance({ days: 200 });
    await runMaintenance(proxy);

    expect(await countRows(proxy)).toEqual({
      ...Object.fromEntries(tables.map((table) => [table, 0])),
      clients: 1,
      // By the newest one instances know that it is still the database that they followed.
      revocations: 1,
    });
  });

  test('a used code is known for a day, so that a late replay still ends the grant (OAuth 2.1 §4.1.3)', async () => {
    const client = await register(proxy);
    const authorization = await authorize(proxy, client);
    const tokens = tokensOf(await redeem(proxy, client, authorization));
    proxy.clock.advance({ hours: 23 });
    await runMaintenance(proxy);

    const replay = await redeem(proxy, client, authorization);

    expect(replay.json()).toMatchObject({ error: 'invalid_grant' });
    expect((await refresh(proxy, client, tokens.refreshToken)).statusCode).toBe(400);
  });

  test('more than a batch is removed in one round', async () => {
    await proxy.db.query(sql`
      insert into revocations (kind, subject, revoked_at)
      select 'grant', id::text, now() - interval '2 days' from generate_series(1, 1234) as id`);

    await runMaintenance(proxy);

    expect(await countRows(proxy)).toMatchObject({ revocations: 1 });
  });

  test('a part that fails is logged, and does not stop the others', async () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    const { clientId } = await register(proxy);
    proxy.clock.advance({ days: 3 });
    await proxy.db.query(sql`alter table signing_keys rename to signing_keys_elsewhere`);

    await runMaintenance(proxy, log);

    await proxy.db.query(sql`alter table signing_keys_elsewhere rename to signing_keys`);
    expect(await isKnown(clientId)).toBe(false);
    expect(lines.map((line) => (JSON.parse(line) as { part: string }).part)).toContain('signing keys');
  });
});

describePostgres('on postgres, beside others', () => {
  let proxy: TestApp;
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase('postgres');
    proxy = await startTestApp({ db: database.db, config: { encryptionKeys: [encryptionKey] } });
  });
  afterEach(async () => {
    await proxy.close();
    await database.drop();
  });

  const registerMany = async (count: number) => {
    for (let index = 0; index < count; index += 1) await register(proxy, { client_name: `App ${index}` });
  };

  test('of several instances one sweeps: while it does, the others leave at once (issue 2, "Storage")', async () => {
    await registerMany(3);
    proxy.clock.advance({ days: 3 });
    await withAdmin(database.dsn ?? '', async (other) => {
      await other.query('begin');
      await other.query(`select pg_advisory_xact_lock(hashtextextended('mcp-oauth-proxy sweep', 0))`);

      await runMaintenance(proxy);

      expect(await countRows(proxy)).toMatchObject({ clients: 3 });
      await other.query('rollback');
    });
    await Promise.all([runMaintenance(proxy), runMaintenance(proxy), runMaintenance(proxy)]);
    expect(await countRows(proxy)).toMatchObject({ clients: 0 });
  });

  test('a row that a request has locked is left for the next round: nobody waits (issue 2, "Storage")', async () => {
    await registerMany(3);
    proxy.clock.advance({ days: 3 });
    await withAdmin(database.dsn ?? '', async (request) => {
      await request.query('begin');
      await request.query('select from clients limit 1 for update');

      await runMaintenance(proxy);

      expect(await countRows(proxy)).toMatchObject({ clients: 1 });
      await request.query('rollback');
    });
    await runMaintenance(proxy);
    expect(await countRows(proxy)).toMatchObject({ clients: 0 });
  });
});
