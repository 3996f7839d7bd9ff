/** Both databases behave alike: the same values, the same transactions, the same errors. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type Database,
  DatabaseUnavailableError,
  type Queryable,
  sql,
} from '../../src/repositories/database.ts';
import { openEmbeddedDatabase } from '../../src/repositories/embedded-database.ts';
import { createTestDatabase, databaseKinds, type TestDatabase } from '../support/database.ts';
import { copyEmbeddedTemplate } from '../support/data-folder.ts';

describe.each(databaseKinds)('%s', (kind) => {
  let test: TestDatabase;
  let db: Database;

  beforeAll(async () => {
    test = await createTestDatabase(kind);
    db = test.db;
    await db.query(sql`create table notes (name text primary key, consumed_at timestamptz)`);
  });
  afterAll(() => test.drop());

  const names = async (on: Queryable = db) => {
    const { rows } = await on.query(sql`select name from notes order by name`);
    return rows.map((row) => (row as { name: string }).name);
  };
  const insert = (name: string, on: Queryable = db) =>
    on.query(sql`insert into notes (name) values (${name})`);

  it.each([
    ['text', 'grüße, "€"\\\n', 'grüße, "€"\\\n'],
    ['text', '', ''],
    ['text', null, null],
    ['text', undefined, null],
    ['boolean', false, false],
    ['integer', 42, 42],
    ['bigint', '9223372036854775807', '9223372036854775807'],
    ['bigint', 7, '7'],
    ['uuid', '0f8fad5b-d9cb-469f-a165-70867728950e', '0f8fad5b-d9cb-469f-a165-70867728950e'],
    ['timestamptz', new Date('2026-03-29T01:30:00.123Z'), new Date('2026-03-29T01:30:00.123Z')],
    ['timestamptz', new Date(0), new Date(0)],
    ['bytea', Uint8Array.of(0, 1, 127, 128, 255), Buffer.of(0, 1, 127, 128, 255)],
    ['bytea', Buffer.from('sealed'), Buffer.from('sealed')],
    ['bytea', new Uint8Array(0), Buffer.alloc(0)],
    ['bytea', Uint8Array.of(9, 8, 7, 6).subarray(1, 3), Buffer.of(8, 7)],
    ['jsonb', { a: [1, null, { b: 'ü' }] }, { a: [1, null, { b: 'ü' }] }],
    ['jsonb', JSON.stringify(['a']), ['a']],
    ['text[]', [], []],
    [
      'text[]',
      ['openid', 'a b', '"', '\\', '', 'NULL', '{}', ','],
      ['openid', 'a b', '"', '\\', '', 'NULL', '{}', ','],
    ],
    ['uuid[]', ['0f8fad5b-d9cb-469f-a165-70867728950e'], ['0f8fad5b-d9cb-469f-a165-70867728950e']],
    ['bytea[]', [Uint8Array.of(0, 255)], [Buffer.of(0, 255)]],
    ['bigint[]', ['1', '2'], ['1', '2']],
  ])('a %s comes back as it was stored: %j', async (type, value, expected) => {
    const { rows } = await db.query({ text: `select $1::${type} as value`, values: [value] });

    expect(rows).toEqual([{ value: expected }]);
  });

  it('any list of texts comes back as it was stored', async () => {
    const texts = fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', '')));

    await fc.assert(
      fc.asyncProperty(texts, async (list) => {
        const { rows } = await db.query(sql`select ${list}::text[] as list`);
        expect(rows).toEqual([{ list }]);
      }),
    );
  });

  it('a result counts the rows that were returned, or changed when none are', async () => {
    await db.query(sql`insert into notes (name) values ('count 1'), ('count 2')`);

    const selected = await db.query(sql`select name from notes where name like 'count%'`);
    const returned = await db.query(
      sql`update notes set consumed_at = null where name = 'count 1' returning name`,
    );
    const deleted = await db.query(sql`delete from notes where name like 'count%'`);

    expect(selected.rowCount).toBe(2);
    expect(returned).toEqual({ rows: [{ name: 'count 1' }], rowCount: 1 });
    expect(deleted).toEqual({ rows: [], rowCount: 2 });
  });

  it('a transaction returns what its work returns, and is kept', async () => {
    const result = await db.transaction(async (tx) => {
      await insert('kept', tx);
      return await names(tx);
    });

    expect(result).toContain('kept');
    expect(await names()).toContain('kept');
  });

  it('a transaction whose work throws leaves nothing, and throws the same', async () => {
    const refusal = new Error('refused');

    const attempt = db.transaction(async (tx) => {
      await insert('refused', tx);
      throw refusal;
    });

    await expect(attempt).rejects.toBe(refusal);
    expect(await names()).not.toContain('refused');
  });

  it('an error of the caller that looks like an outage stays what it is, and undoes the transaction', async () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), {
      code: 'ECONNREFUSED',
      syscall: 'connect',
    });

    const attempt = db.transaction(async (tx) => {
      await insert('elsewhere', tx);
      throw refused;
    });

    await expect(attempt).rejects.toBe(refused);
    expect(await names()).not.toContain('elsewhere');
  });

  it('a transaction that hides the failure of a statement is not taken for committed', async () => {
    const attempt = db.transaction(async (tx) => {
      await insert('hidden', tx);
      await tx.query(sql`select 1 / 0`).catch(() => undefined);
    });

    await expect(attempt).rejects.toThrow('rolled back');
    expect(await names()).not.toContain('hidden');
  });

  it('a statement that waited for the end of its transaction is refused', async () => {
    let kept: Queryable | undefined;
    await db.transaction((tx) => Promise.resolve((kept = tx)));

    await expect(kept?.query(sql`select 1`)).rejects.toThrow(/transaction is (over|closed)/i);
  });

  it('an error in a statement passes with its code and without its values, and the next one works', async () => {
    await insert('twice');

    const error: unknown = await insert('twice').catch((error: unknown) => error);

    expect(error).toMatchObject({ code: '23505', constraint: 'notes_pkey' });
    expect(error).not.toBeInstanceOf(DatabaseUnavailableError);
    expect(error).not.toHaveProperty('params');
    expect(await names()).toContain('twice');
  });

  it('of twenty callers that use something up, one wins (design §3.6)', async () => {
    await insert('ticket');
    const use = () =>
      db.query(sql`
        update notes
        set consumed_at = now()
        where name = 'ticket' and consumed_at is null
        returning name`);

    const results = await Promise.all(Array.from({ length: 20 }, use));

    expect(results.filter(({ rowCount }) => rowCount === 1)).toHaveLength(1);
  });

  it('a listener is told at once, about its own channel, after the commit, and not once it has stopped', async () => {
    const heard = vi.fn<() => void>();
    const stop = await db.listen('test_channel', heard);
    expect(heard).toHaveBeenCalledTimes(1);

    await db.query(sql`select pg_notify('other_channel', '')`);
    await db.transaction(async (tx) => {
      await tx.query(sql`select pg_notify('test_channel', '')`);
      await tx.query(sql`select 1`);
      expect(heard).toHaveBeenCalledTimes(1);
    });
    await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(2));

    await stop();
    await db.query(sql`select pg_notify('test_channel', '')`);
    await db.query(sql`select 1`);
    expect(heard).toHaveBeenCalledTimes(2);
  });

  it('after it is closed, twice if need be, a database is unavailable', async () => {
    const own = await createTestDatabase(kind);
    const stop = await own.db.listen('test_channel', () => undefined);

    await Promise.all([own.db.close(), own.db.close()]);

    await expect(own.db.query(sql`select 1`)).rejects.toThrow(DatabaseUnavailableError);
    await expect(stop()).resolves.toBeUndefined();
    await own.drop();
  });
});

describe('an embedded database that cannot be opened says why', () => {
  it.each([
    [
      'PG_VERSION',
      '17\n',
      /initialized by PostgreSQL version 17.*Start the version of this program that wrote it/,
    ],
    ['global/pg_control', 'x', /could not read file "global\/pg_control".*restore a backup/],
  ])('%s', async (file, content, message) => {
    const dataDir = copyEmbeddedTemplate();
    await writeFile(join(dataDir, 'pgdata', file), content);
    const open = () => openEmbeddedDatabase(dataDir, { onError: () => undefined });

    await expect(open()).rejects.toThrow(message);

    // The lock was given back: trying again says the same.
    await expect(open()).rejects.toThrow(message);
    await rm(dataDir, { recursive: true });
  });
});
