/** The embedded database when its process is killed: shown with a real process that writes. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { openEmbeddedDatabase } from '../../src/repositories/embedded-database.ts';
import { type Child, startChild } from '../support/child-process.ts';
import { copyEmbeddedTemplate } from '../support/data-folder.ts';

const onError = () => undefined;
let dataDir: string;
let writer: Child;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mcp-crash-'));
});
afterEach(async () => {
  await writer.signal('SIGKILL');
  await rm(dataDir, { recursive: true });
});

const copyTemplate = () => copyEmbeddedTemplate(dataDir);

function startWriter(from: number): void {
  writer = startChild(new URL('../support/embedded-writer.ts', import.meta.url), dataDir, String(from));
}

async function readNumbers(): Promise<number[]> {
  const db = await openEmbeddedDatabase(dataDir, { onError });
  const { rows } = await db.query(sql`select number from writes order by number`);
  await db.close();
  return rows.map((row) => (row as { number: number }).number);
}

it('every acknowledged write survives kill -9, round after round', { timeout: 60_000 }, async () => {
  copyTemplate();
  let next = 1;
  for (let round = 0; round < 4; round += 1) {
    startWriter(next);
    const wanted = next + Math.floor(Math.random() * 150);
    let acknowledged = 0;
    while (acknowledged < wanted) acknowledged = Number(await writer.line());
    await writer.signal('SIGKILL');

    const numbers = await readNumbers();

    // Some may be there that were written but not yet printed; none may be missing.
    expect(numbers).toEqual(Array.from(numbers, (_, index) => index + 1));
    expect(numbers.length).toBeGreaterThanOrEqual(acknowledged);
    next = numbers.length + 1;
  }
});

it(
  'a process that is killed while it makes the database does not stop the next one',
  { timeout: 60_000 },
  async () => {
    startWriter(1);
    const unfinished = join(dataDir, 'pgdata.unfinished', 'PG_VERSION');
    await vi.waitFor(() => expect(existsSync(unfinished)).toBe(true), { timeout: 20_000, interval: 1 });
    await writer.signal('SIGKILL');
    expect(existsSync(join(dataDir, 'pgdata'))).toBe(false);

    startWriter(1);

    expect(await writer.line()).toBe('1');
  },
);

it('a second process is refused while the first one writes, and the first does not notice', async () => {
  copyTemplate();
  startWriter(1);
  await writer.line();

  await expect(openEmbeddedDatabase(dataDir, { onError })).rejects.toThrow(`the data directory ${dataDir}`);

  const seen = Number(await writer.line());
  expect(Number(await writer.line())).toBe(seen + 1);
});
