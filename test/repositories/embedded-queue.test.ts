/** More statements at a time than the embedded database has room for: the next is refused at once, the others are served. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { DatabaseUnavailableError, sql } from '../../src/repositories/database.ts';
import { openEmbeddedDatabase } from '../../src/repositories/embedded-database.ts';

test('who comes when the queue is full is refused, and what must not wait is not (design: transient is not dead)', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'mcp-data-'));
  await cp(inject('embeddedTemplate'), dataDir, { recursive: true });
  const db = await openEmbeddedDatabase(dataDir, { onError: () => undefined, maxWaiting: 2 });
  onTestFinished(async () => {
    await db.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const ask = async (on = db as Pick<typeof db, 'query'>) => (await on.query(sql`select 1 as one`)).rows;
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));

  const held = db.transaction(async () => released);
  const waiting = ask();
  const urgent = ask(db.urgent);
  await expect(ask()).rejects.toThrow(DatabaseUnavailableError);
  await expect(db.transaction(async () => undefined)).rejects.toThrow(DatabaseUnavailableError);

  release();
  await held;
  expect([await waiting, await urgent, await ask()]).toEqual(Array.from({ length: 3 }, () => [{ one: 1 }]));
});
