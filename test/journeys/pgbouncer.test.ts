/** Two instances whose only way to the database is PgBouncer in transaction mode, where LISTEN hears nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { migrate } from '../../src/repositories/migrate.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import {
  callMcp,
  refresh,
  register,
  revoke,
  signIn,
  type TestClient,
  tokensOf,
} from '../support/authorize.ts';
import { createTestDatabase, databaseKinds, type TestDatabase } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { hasPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { poll } from '../support/process.ts';
import { remote } from './remote.ts';
import { endsOf, openStreams, reachedMcpServer } from './streams.ts';

const canRun = hasPgBouncer && databaseKinds.includes('postgres');

describe.skipIf(!canRun)('through PgBouncer in transaction mode (needs pgbouncer and PostgreSQL)', () => {
  let database: TestDatabase;
  let pgBouncer: PgBouncer;
  let site: Site;
  let client: TestClient;
  beforeAll(async () => {
    database = await createTestDatabase('postgres', { empty: true });
    pgBouncer = await startPgBouncer(database.dsn ?? '');
    const pooled = [0, 1].map(() => openPostgresDatabase(pgBouncer.dsn, { onError: () => undefined }));
    await Promise.all(pooled.map(async (db) => migrate(db)));
    await Promise.all(pooled.map(async (db) => db.close()));
    site = await startSite('postgres', {
      instances: 2,
      database: { ...database, dsn: pgBouncer.dsn, drop: async () => undefined },
    });
    client = await register(remote(site.front.origin));
  });
  afterAll(async () => {
    await site.close();
    await pgBouncer.stop();
    await database.drop();
  });

  const front = () => remote(site.front.origin);
  const callBoth = async (accessToken: string): Promise<number[]> =>
    Promise.all(
      site.instances.map(
        async ({ origin }) => (await callMcp(remote(origin), accessToken, { method: 'POST' })).statusCode,
      ),
    );

  test('instances that start at once bring the tables up to date together (the lock is the transaction’s)', async () => {
    const { rows } = await database.db.query(
      sql`select count(*)::int as applied, max(version) as latest from schema_migrations`,
    );
    const [row] = rows as { applied: number; latest: number }[];

    expect(row?.applied).toBeGreaterThan(0);
    expect(row?.applied).toBe(row?.latest);
  });

  test('people sign in and refresh, and what is revoked is refused by both and ended on both (design §3.4)', async () => {
    const signedIn = await signIn(front(), client);
    const tokens = tokensOf(await refresh(front(), client, signedIn.refreshToken));
    expect(await callBoth(tokens.accessToken)).toEqual([reachedMcpServer, reachedMcpServer]);
    const streams = await openStreams(site, tokens.accessToken);

    expect((await revoke(front(), client, tokens.refreshToken)).statusCode).toBe(200);

    await poll(async () => (await callBoth(tokens.accessToken)).every((status) => status === 401));
    expect(await endsOf(streams)).toEqual(['rejected', 'rejected']);
  });

  test('many at once, with other connections on the same sessions, get right answers, and nobody complains', async () => {
    const people = await Promise.all(Array.from({ length: 20 }, async () => signIn(front(), client)));
    const work = people.map(async ({ accessToken, refreshToken }) => {
      const before = await callBoth(accessToken);
      const revoked = await revoke(front(), client, refreshToken);
      await poll(async () => (await callBoth(accessToken)).every((status) => status === 401));
      return [...before, revoked.statusCode];
    });

    expect(new Set((await Promise.all(work)).map(String))).toEqual(
      new Set([`${reachedMcpServer},${reachedMcpServer},200`]),
    );
    const troubles = site.instances.flatMap(({ log }) =>
      log.filter((line) => (JSON.parse(line) as { level: number }).level >= 40),
    );
    expect(troubles).toEqual([]);
    // A notification for a connection that is nobody's at the time is dropped, and that is all.
    const complaints = pgBouncer
      .log()
      .split('\n')
      .filter((line) => /WARNING|ERROR|FATAL/.test(line));
    expect(complaints.filter((line) => !line.includes("got packet 'A' from server when not linked"))).toEqual(
      [],
    );
  });
});
