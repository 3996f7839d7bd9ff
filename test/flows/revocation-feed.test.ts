/** Following the revocation feed: nothing is missed, and silence is noticed (design §3.4). */
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { RevocationFeed } from '../../src/flows/revocation-feed.ts';
import { DatabaseUnavailableError, sql } from '../../src/repositories/database.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import {
  createTestDatabase,
  databaseKinds,
  describePostgres,
  type TestDatabase,
} from '../support/database.ts';
import { withAdmin } from '../support/postgres.ts';

const ignore = () => undefined;

interface Followed {
  readonly feed: RevocationFeed;
  readonly heard: string[];
  readonly errors: unknown[];
  readonly monotonic: { now: number };
}

/** Follows the feed with a monotonic clock of the test's. */
async function follow(db: TestDatabase['db']): Promise<Followed> {
  const heard: string[] = [];
  const errors: unknown[] = [];
  const monotonic = { now: 0 };
  const feed = new RevocationFeed({
    db,
    onRevocation: ({ kind, subject }) => heard.push(`${kind} ${subject}`),
    onError: (error) => errors.push(error),
    now: () => monotonic.now,
  });
  await feed.start();
  onTestFinished(() => feed.stop());
  return { feed, heard, errors, monotonic };
}

describe.each(databaseKinds)('on %s', (kind) => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase(kind);
  });
  afterEach(() => database.drop());

  const revoke = async (subject: string) =>
    database.db.query(sql`insert into revocations (kind, subject) values ('grant', ${subject})`);

  test('what was committed before catchUp has been heard when it returns', async () => {
    const { feed, heard } = await follow(database.db);
    await revoke('a');

    await feed.catchUp();

    expect(heard).toEqual(['grant a']);
  });

  test('a look that is already under way does not count: it may have begun before the revocation', async () => {
    const { feed, heard } = await follow(database.db);
    const early = feed.catchUp();
    await revoke('a');

    await feed.catchUp();

    expect(heard).toEqual(['grant a']);
    await early;
  });

  test('a revocation is heard by itself, without anyone asking (LISTEN/NOTIFY)', async () => {
    const { heard } = await follow(database.db);

    await revoke('a');

    await vi.waitFor(() => expect(heard).toEqual(['grant a']), { timeout: 5000 });
  });

  test('each revocation is heard once, though young ones are read again and again', async () => {
    const { feed, heard } = await follow(database.db);
    for (const subject of ['a', 'b', 'c']) {
      await revoke(subject);
      await feed.catchUp();
    }

    await feed.catchUp();

    expect(heard).toEqual(['grant a', 'grant b', 'grant c']);
  });

  test('a revocation with a lower id that appears later is heard, too', async () => {
    const { feed, heard } = await follow(database.db);
    const revokeAs = async (id: number) =>
      database.db.query(sql`
        insert into revocations (revocation_id, kind, subject) overriding system value
        values (${id}, 'grant', ${String(id)})`);
    await revokeAs(10);
    await feed.catchUp();

    await revokeAs(7);
    await feed.catchUp();

    expect(heard).toEqual(['grant 10', 'grant 7']);
  });

  test('old revocations are settled: an instance that starts does not hear them', async () => {
    await database.db.query(sql`
      insert into revocations (kind, subject, revoked_at)
      values ('grant', 'old', clock_timestamp() - interval '2 minutes')`);
    await revoke('young');

    const { feed, heard } = await follow(database.db);
    await feed.catchUp();

    expect(heard).toEqual(['grant young']);
  });

  test('what was verified is trusted for five seconds after the last look, and again after the next', async () => {
    const { feed, monotonic } = await follow(database.db);
    await feed.catchUp();
    monotonic.now = 5_000;
    expect(feed.isFresh).toBe(true);

    monotonic.now = 5_001;
    expect(feed.isFresh).toBe(false);
    expect(feed.lagMs).toBe(5_001);

    await feed.catchUp();
    expect(feed.isFresh).toBe(true);
  });

  test('the feed is as fresh as the beginning of the look, not its end: what came in between may be missing', async () => {
    const { feed, monotonic } = await follow(database.db);
    await feed.catchUp();

    const look = feed.catchUp();
    monotonic.now = 60_000;
    await look;

    expect(feed.isFresh).toBe(false);
  });
});

describePostgres('on postgres, between connections', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase('postgres');
  });
  afterEach(() => database.drop());

  test('a revocation whose transaction stays open for minutes is heard when it commits, though later ones were settled long before', async () => {
    const { feed, heard } = await follow(database.db);
    const insertOld = (subject: string) => ({
      text: `insert into revocations (kind, subject, revoked_at)
             values ('grant', $1, clock_timestamp() - interval '2 minutes')`,
      values: [subject],
    });
    await withAdmin(database.dsn ?? '', async (slow) => {
      await slow.query('begin');
      await slow.query(insertOld('slow'));
      await withAdmin(database.dsn ?? '', (quick) => quick.query(insertOld('quick')));
      await feed.catchUp();
      await feed.catchUp();
      expect(heard).toEqual(['grant quick']);
      await slow.query('commit');
    });

    await feed.catchUp();

    expect(heard).toEqual(['grant quick', 'grant slow']);
  });

  test('a lost notification costs half a second: the next look finds what it announced', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    // Triggers do not fire in this session: nobody is notified, as when the message was lost.
    const { heard } = await follow(database.db);
    await withAdmin(database.dsn ?? '', async (admin) => {
      await admin.query('set session_replication_role = replica');
      await admin.query(`insert into revocations (kind, subject) values ('grant', 'a')`);
    });

    vi.advanceTimersByTime(500);

    await vi.waitFor(() => expect(heard).toEqual(['grant a']), { timeout: 5000 });
  });

  test('while the database is away nothing is trusted any more, the trouble is told once, and catchUp says so', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const db = openPostgresDatabase(database.dsn ?? '', { onError: ignore });
    const { feed, errors, monotonic } = await follow(db);
    await feed.catchUp();
    await db.close();
    monotonic.now = 5_001;

    await expect(feed.catchUp()).rejects.toThrow(DatabaseUnavailableError);
    vi.advanceTimersByTime(500);
    await vi.waitFor(() => expect(errors).toHaveLength(1), { timeout: 5000 });
    vi.advanceTimersByTime(5_000);
    await expect(feed.catchUp()).rejects.toThrow(DatabaseUnavailableError);

    expect(feed.isFresh).toBe(false);
    expect(errors).toHaveLength(1);
  });
});
