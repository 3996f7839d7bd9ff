/** Migrations: applied once by one of many, in one piece, and never onto a database that they do not fit. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Database, sql } from '../../src/repositories/database.ts';
import { migrate, MigrationError } from '../../src/repositories/migrate.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import {
  createTestDatabase,
  databaseKinds,
  describePostgres,
  type TestDatabase,
} from '../support/database.ts';

const first = 'create table pears (pear text primary key);\n';
const second = "insert into pears values ('conference');\n";

/** A folder with these migrations, `0001_…` first. */
async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(root, 'migrations-'));
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
  return folder;
}

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'mcp-migrate-'));
});
afterAll(() => rm(root, { recursive: true }));

/** Tables, and the content of those that the tests here make. */
async function stateOf(db: Database): Promise<unknown> {
  const tables = await db.query(sql`
    select table_name
    from information_schema.tables
    where table_schema = 'public'
    order by table_name`);
  const applied = await db.query(sql`
    select version, name, checksum, applied_at
    from schema_migrations
    order by version`);
  return [tables.rows, applied.rows];
}

describe.each(databaseKinds)('%s', (kind) => {
  let test: TestDatabase;
  let db: Database;

  beforeAll(async () => {
    test = await createTestDatabase(kind, { empty: true });
    db = test.db;
  });
  afterAll(() => test.drop());
  beforeEach(async () => {
    await db.transaction((tx) => tx.script('drop schema public cascade; create schema public'));
  });

  it('an empty database gets every migration of this program, in order', async () => {
    const files = (await readdir('migrations')).filter((file) => file.endsWith('.sql')).sort();

    await migrate(db);

    const { rows } = await db.query(sql`select version, name from schema_migrations order by version`);
    expect(rows).toEqual(
      files.map((file, index) => ({ version: index + 1, name: file.replace('.sql', '') })),
    );
    expect((await db.query(sql`select client_id from clients`)).rowCount).toBe(0);
  });

  it('only what is pending is applied, and a second run changes nothing', async () => {
    await migrate(db, { directory: await folderOf({ '0001_pears.sql': first }) });
    const both = await folderOf({ '0001_pears.sql': first, '0002_conference.sql': second });

    await migrate(db, { directory: both });
    const state = await stateOf(db);
    await migrate(db, { directory: both });

    expect(await stateOf(db)).toEqual(state);
    expect((await db.query(sql`select pear from pears`)).rows).toEqual([{ pear: 'conference' }]);
  });

  it('line endings do not count as a change', async () => {
    await migrate(db, { directory: await folderOf({ '0001_pears.sql': first }) });
    const windows = await folderOf({ '0001_pears.sql': first.replaceAll('\n', '\r\n') });

    await expect(migrate(db, { directory: windows })).resolves.toBeUndefined();
  });

  it('when one of several fails, none is applied, and the message names it', async () => {
    const directory = await folderOf({ '0001_pears.sql': first, '0002_broken.sql': 'select 1 / 0' });

    await expect(migrate(db, { directory })).rejects.toThrow(
      new MigrationError('Migration 0002_broken failed, and nothing was changed: division by zero'),
    );

    const { rows } = await db.query(
      sql`select to_regclass('pears') as pears, to_regclass('schema_migrations') as own`,
    );
    expect(rows).toEqual([{ pears: null, own: null }]);
  });

  it.each([
    [
      'was changed',
      { '0001_pears.sql': `${first}-- now with a comment`, '0002_conference.sql': second },
      /0001_pears was changed/,
    ],
    [
      'was renamed',
      { '0001_fruit.sql': first, '0002_conference.sql': second },
      /0001_pears was changed .*0001_fruit/,
    ],
    ['is missing', { '0002_conference.sql': second }, /Migration 0001 is missing/],
    [
      'is unknown, since the database is newer',
      { '0001_pears.sql': first },
      /newer than this program.*0002_conference.*0001_pears/,
    ],
    [
      'follows a gap',
      { '0001_pears.sql': first, '0002_conference.sql': second, '0004_late.sql': second },
      /Migration 0003 is missing.*0004_late\.sql/,
    ],
    [
      'is there twice',
      { '0001_pears.sql': first, '0001_plums.sql': first, '0002_conference.sql': second },
      /0001_plums\.sql/,
    ],
    [
      'has a name that says no version',
      { '0001_pears.sql': first, '0002_conference.sql': second, 'late.sql': second },
      /late\.sql/,
    ],
    ['nor any other is there', {}, /is empty/],
  ])('a migration that %s stops the start, and nothing is changed', async (_, files, message) => {
    await migrate(db, {
      directory: await folderOf({ '0001_pears.sql': first, '0002_conference.sql': second }),
    });
    const state = await stateOf(db);

    const attempt = migrate(db, {
      directory: await folderOf({ ...files, '0005_more.sql.txt': 'drop table pears' }),
    });

    await expect(attempt).rejects.toThrow(MigrationError);
    await expect(attempt).rejects.toThrow(message);
    expect(await stateOf(db)).toEqual(state);
  });

  it('a record without the one before it stops the start', async () => {
    const directory = await folderOf({ '0001_pears.sql': first, '0002_conference.sql': second });
    await migrate(db, { directory });
    await db.query(sql`delete from schema_migrations where version = 1`);

    await expect(migrate(db, { directory })).rejects.toThrow(/0002_conference but not the one before it/);
  });

  it('a server before PostgreSQL 15 is refused, and nothing is changed', async () => {
    await db.transaction((tx) =>
      tx.script(`
        create function public.current_setting(text) returns text language sql as $$ select '140011' $$;
        set search_path = public, pg_catalog`),
    );

    await expect(migrate(db)).rejects.toThrow(/is PostgreSQL 14; this program needs 15 or later/);

    expect((await db.query(sql`select 1 where to_regclass('schema_migrations') is not null`)).rowCount).toBe(
      0,
    );
    await db.query(sql`reset search_path`);
  });
});

describePostgres('several instances on PostgreSQL', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await createTestDatabase('postgres', { empty: true });
  });
  afterAll(() => test.drop());

  it('eight that start at once on an empty database all come up, and each migration is applied once', async () => {
    const directory = await folderOf({ '0001_pears.sql': first, '0002_conference.sql': second });
    for (let round = 0; round < 4; round += 1) {
      const { db, dsn = '', drop } = await createTestDatabase('postgres', { empty: true });
      const instances = Array.from({ length: 8 }, () =>
        openPostgresDatabase(dsn, { onError: () => undefined }),
      );

      await Promise.all(instances.map((instance) => migrate(instance, { directory })));

      expect((await db.query(sql`select version from schema_migrations`)).rowCount).toBe(2);
      expect((await db.query(sql`select pear from pears`)).rowCount).toBe(1);
      await Promise.all(instances.map((instance) => instance.close()));
      await drop();
    }
  });

  it('with nothing pending an instance does not wait for another that holds the lock', async () => {
    const directory = await folderOf({ '0001_pears.sql': first, '0002_conference.sql': second });
    await migrate(test.db, { directory });

    await test.db.transaction(async (tx) => {
      await tx.query(sql`lock table pears in access exclusive mode`);
      await tx.query(sql`select pg_advisory_xact_lock(5772156649)`);
      await expect(migrate(test.db, { directory })).resolves.toBeUndefined();
    });
  });

  it('a user who may not create or read the tables learns what to do', async () => {
    await test.db.query(sql`create role mcp_test_guest login password 'guest'`);
    const url = new URL(test.dsn ?? '');
    url.username = 'mcp_test_guest';
    url.password = 'guest';
    const guest = openPostgresDatabase(url.href, { onError: () => undefined });
    const owner = /permission denied .*Make the user of DATABASE_DSN the owner/;

    await expect(migrate(guest, { directory: await folderOf({ '0001_pears.sql': first }) })).rejects.toThrow(
      owner,
    );
    await test.db.query(sql`drop table schema_migrations`);
    await expect(migrate(guest, { directory: await folderOf({ '0001_pears.sql': first }) })).rejects.toThrow(
      owner,
    );

    await guest.close();
    await test.db.query(sql`drop role mcp_test_guest`);
  });
});

it('no migration ends the transaction that all of them share', async () => {
  const files = (await readdir('migrations')).filter((file) => file.endsWith('.sql'));
  const texts = await Promise.all(files.map((file) => readFile(join('migrations', file), 'utf8')));

  for (const text of texts)
    expect(text).not.toMatch(/^\s*(begin|start transaction|commit|rollback|end)\s*;|concurrently/im);
});
