/** Statements that are asked all the time are parsed and planned once for each connection, where one can be kept. */
import { expect, onTestFinished, test } from 'vitest';
import { type Database, frequent, type Queryable, sql } from '../../src/repositories/database.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import { createTestDatabase, describePostgres } from '../support/database.ts';

/** One connection, so that what it keeps can be asked for. */
async function open(): Promise<Database> {
  const database = await createTestDatabase('postgres', { empty: true });
  const db = openPostgresDatabase(database.dsn ?? '', { onError: () => undefined, maxConnections: 1 });
  onTestFinished(async () => {
    await db.close();
    await database.drop();
  });
  return db;
}

async function double(db: Queryable, value: number): Promise<unknown> {
  const { rows } = await db.query(frequent(sql`select ${value}::int * 2 as doubled`));
  return rows[0];
}

async function keptStatements(db: Queryable): Promise<number> {
  return (await db.query(sql`select from pg_prepared_statements`)).rowCount;
}

describePostgres('a frequent statement', () => {
  test('is kept by the connection under one name, whatever its values are', async () => {
    const db = await open();

    expect(await double(db, 1)).toEqual({ doubled: 2 });
    expect(await double(db, 21)).toEqual({ doubled: 42 });

    expect(await keptStatements(db)).toBe(1);
  });

  test('that another connection has kept, as with a pooler in transaction mode, is asked again without a name', async () => {
    const db = await open();
    await double(db, 1);
    await db.query(sql`deallocate all`);

    expect(await double(db, 21)).toEqual({ doubled: 42 });
    expect(await double(db, 4)).toEqual({ doubled: 8 });

    expect(await keptStatements(db)).toBe(0);
  });

  test('whose name the connection knows already is asked again without a name', async () => {
    const db = await open();
    await double(db, 1);
    const { rows } = await db.query(sql`select name from pg_prepared_statements`);
    const [{ name }] = rows as [{ name: string }];
    const other = await openBeside(name);

    expect(await double(other, 21)).toEqual({ doubled: 42 });
  });

  test('is done once when it changes something', async () => {
    const db = await open();
    await db.query(sql`create table counters (id int primary key, count int not null)`);
    await db.query(sql`insert into counters (id, count) values (1, 0)`);
    const count = async () =>
      (await db.query(frequent(sql`update counters set count = count + 1 where id = ${1} returning count`)))
        .rows;
    await count();
    await db.query(sql`deallocate all`);

    expect(await count()).toEqual([{ count: 2 }]);
  });

  test('has no name in a transaction, which an unknown one would end', async () => {
    const db = await open();

    await db.transaction(async (tx) => expect(await double(tx, 21)).toEqual({ doubled: 42 }));

    expect(await keptStatements(db)).toBe(0);
  });

  test('that fails by itself is not asked again', async () => {
    const db = await open();
    const divide = (by: number) => db.query(frequent(sql`select 1 / ${by}::int as share`));
    await divide(1);

    await expect(divide(0)).rejects.toMatchObject({ code: '22012' });
    await divide(1);

    expect(await keptStatements(db)).toBe(1);
  });
});

/** A database whose one connection has a statement of this name already. */
async function openBeside(name: string): Promise<Database> {
  const db = await open();
  await db.transaction((tx) => tx.script(`prepare ${name} as select 1`));
  return db;
}
