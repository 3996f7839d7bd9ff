/** More statements at a time than the embedded database has room for: the next is refused at once, the others are served. */
import { rm } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { DatabaseUnavailableError, sql } from '../../src/repositories/database.ts';
import { openEmbeddedDatabase } from '../../src/repositories/embedded-database.ts';
import { copyEmbeddedTemplate } from '../support/data-folder.ts';

test('who comes when the queue is full is refused, and what must not wait is not (design: transient is not dead)', async () => {
  const dataDir = copyEmbeddedTemplate();
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
