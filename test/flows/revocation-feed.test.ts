/** Following the revocation feed: nothing is missed, and silence is noticed (design §3.4). */
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
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
  readonly silences: number[];
  readonly monotonic: { now: number };
}

/** Follows the feed with a monotonic clock of the test's. */
async function follow(
  db: TestDatabase['db'],
  onNewPast: () => Promise<void> = async () => undefined,
): Promise<Followed> {
  const heard: string[] = [];
  const errors: unknown[] = [];
  const silences: number[] = [];
  const monotonic = { now: 0 };
  const feed = new RevocationFeed({
    db,
    onRevocation: ({ kind, subject }) => heard.push(`${kind} ${subject}`),
    onError: (error) => errors.push(error),
    onSilence: () => silences.push(monotonic.now),
    onNewPast: async () => {
      heard.push('a new past');
      await onNewPast();
    },
    now: () => monotonic.now,
  });
  await feed.start();
  onTestFinished(() => feed.stop());
  return { feed, heard, errors, silences, monotonic };
}

describe.each(databaseKinds)('on %s', (kind) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(kind);
  });
  afterAll(() => database.drop());

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

  test('each revocation is heard once, however often the feed is read', async () => {
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
    await revokeAs(1010);
    await feed.catchUp();

    await revokeAs(1007);
    await feed.catchUp();

    expect(heard).toEqual(['grant 1010', 'grant 1007']);
    await database.db.query(sql`select setval('revocations_revocation_id_seq', 2000)`);
  });

  test('an instance that starts does not hear what was over before: it remembers nothing yet', async () => {
    await revoke('before');

    const { feed, heard } = await follow(database.db);
    await revoke('after');
    await feed.catchUp();

    expect(heard).toEqual(['grant after']);
  });

  test('an id that never appears, as after a rollback, holds up nothing', async () => {
    const { feed, heard } = await follow(database.db);
    await database.db
      .transaction(async (tx) => {
        await tx.query(sql`insert into revocations (kind, subject) values ('grant', 'undone')`);
        throw new Error('undone');
      })
      .catch(() => undefined);
    await revoke('a');
    await feed.catchUp();
    await revoke('b');

    await feed.catchUp();

    expect(heard).toEqual(['grant a', 'grant b']);
  });

  test('where ids begin again, as after a restore or a failover that lost some, that is noticed, and nothing after it is missed', async () => {
    const { feed, heard } = await follow(database.db);
    for (const subject of ['a', 'b', 'c']) await revoke(subject);
    await feed.catchUp();
    await database.db.transaction((tx) =>
      tx.script(`
        truncate revocations restart identity;
        insert into revocations (kind, subject) values ('grant', 'd'), ('grant', 'e')`),
    );

    await feed.catchUp();
    await revoke('f');
    await feed.catchUp();

    expect(heard).toEqual(['grant a', 'grant b', 'grant c', 'a new past', 'grant f']);
  });

  test('what has to be done then is done, however often it fails; until then the feed is not fresh', async () => {
    let isAway = true;
    const { feed, heard, monotonic } = await follow(database.db, async () => {
      if (isAway) throw new DatabaseUnavailableError('away again');
    });
    await revoke('a');
    await feed.catchUp();
    await database.db.query(sql`truncate revocations restart identity`);
    monotonic.now = 6_000;

    await expect(feed.catchUp()).rejects.toThrow('away again');
    await expect(feed.catchUp()).rejects.toThrow('away again');
    expect(feed.isFresh).toBe(false);
    isAway = false;
    await feed.catchUp();
    expect(feed.isFresh).toBe(true);
    const heardUntilThen = heard.length;
    await feed.catchUp();

    expect(new Set(heard)).toEqual(new Set(['grant a', 'a new past']));
    expect(heard).toHaveLength(heardUntilThen);
  });

  test('a feed whose last rows were swept away for their age goes on', async () => {
    const { feed, heard } = await follow(database.db);
    await revoke('a');
    await feed.catchUp();
    await database.db.query(sql`delete from revocations`);
    await feed.catchUp();
    await revoke('b');

    await feed.catchUp();

    expect(heard).toEqual(['grant a', 'a new past', 'grant b']);
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
  beforeAll(async () => {
    database = await createTestDatabase('postgres');
  });
  afterAll(() => database.drop());

  const insert = (subject: string) => ({
    text: `insert into revocations (kind, subject) values ('grant', $1)`,
    values: [subject],
  });

  test('a revocation whose transaction stays open is heard when it commits, however long that takes', async () => {
    const { feed, heard, monotonic } = await follow(database.db);
    await withAdmin(database.dsn ?? '', async (slow) => {
      await slow.query('begin');
      await slow.query(insert('slow'));
      await withAdmin(database.dsn ?? '', (quick) => quick.query(insert('quick')));
      await feed.catchUp();
      monotonic.now = 23 * 3600_000;
      await feed.catchUp();
      expect(heard).toEqual(['grant quick']);
      await slow.query('commit');
    });

    await feed.catchUp();

    expect(heard).toEqual(['grant quick', 'grant slow']);
  });

  test('an instance that starts while a transaction is open hears what it revokes', async () => {
    await withAdmin(database.dsn ?? '', async (slow) => {
      await slow.query('begin');
      await slow.query(insert('slow'));
      await withAdmin(database.dsn ?? '', (quick) => quick.query(insert('quick')));
      const { feed, heard } = await follow(database.db);
      await slow.query('commit');

      await feed.catchUp();

      expect(heard).toEqual(['grant slow']);
    });
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

  test('after a minute in which nothing could be read, even what is open is not to be trusted: silence is told at each look', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const db = openPostgresDatabase(database.dsn ?? '', { onError: ignore });
    const { silences, monotonic } = await follow(db);
    await db.close();
    const toldAt = (now: number): number => {
      monotonic.now = now;
      vi.advanceTimersByTime(500);
      return silences.length;
    };

    expect([toldAt(59_000), toldAt(60_000), toldAt(60_001), toldAt(61_000)]).toEqual([0, 0, 1, 2]);
  });
});
