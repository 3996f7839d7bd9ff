/** More statements than connections: a bounded queue, and a way past it for what must not wait. */
import { expect, onTestFinished, test } from 'vitest';
import { type Database, DatabaseUnavailableError, sql } from '../../src/repositories/database.ts';
import { openPostgresDatabase, type PostgresOptions } from '../../src/repositories/postgres-database.ts';
import { createTestDatabase, describePostgres } from '../support/database.ts';

/** Takes all but `free` of the connections until the test is over, or until it gives them back. */
async function occupy(db: Database, connections: number): Promise<() => Promise<void>> {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const held = Array.from({ length: connections }, async () => {
    let began = (): void => undefined;
    const begun = new Promise<void>((resolve) => (began = resolve));
    const over = db.transaction(async () => {
      began();
      await released;
    });
    await begun;
    return { over };
  });
  const transactions = await Promise.all(held);
  const giveBack = async (): Promise<void> => {
    release();
    await Promise.all(transactions.map(({ over }) => over));
  };
  onTestFinished(giveBack);
  return giveBack;
}

async function open(options: Pick<PostgresOptions, 'maxConnections' | 'maxWaiting'>): Promise<Database> {
  const database = await createTestDatabase('postgres', { empty: true });
  const db = openPostgresDatabase(database.dsn ?? '', { onError: () => undefined, ...options });
  onTestFinished(async () => {
    await db.close();
    await database.drop();
  });
  return db;
}

describePostgres('a busy PostgreSQL', () => {
  const ask = (on: Pick<Database, 'query'>) => on.query(sql`select 1 as one`);

  test('who comes when the queue is full is refused at once, and those who wait are served', async () => {
    const db = await open({ maxConnections: 2, maxWaiting: 3 });
    const giveBack = await occupy(db, 2);

    const waiting = [ask(db), ask(db), ask(db)];
    await expect(ask(db)).rejects.toThrow(DatabaseUnavailableError);
    await expect(db.transaction(async () => undefined)).rejects.toThrow(DatabaseUnavailableError);
    expect(db.pool?.()).toEqual({ total: 2, idle: 0, waiting: 3 });

    await giveBack();
    for (const answer of waiting) expect((await answer).rows).toEqual([{ one: 1 }]);
    expect((await ask(db)).rows).toEqual([{ one: 1 }]);
  });

  test('what must not wait has its own way in', async () => {
    const db = await open({ maxConnections: 1, maxWaiting: 1 });
    await occupy(db, 1);
    const waiting = ask(db);

    expect((await db.urgent?.query(sql`select 1 as one`))?.rows).toEqual([{ one: 1 }]);
    expect(db.pool?.().waiting).toBe(1);
    waiting.catch(() => undefined);
  });
});
