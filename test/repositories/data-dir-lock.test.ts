/** One living process at a time uses a data directory: shown with real processes. */
import { mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockDataDir } from '../../src/repositories/data-dir-lock.ts';
import { type Child, startChild } from '../support/child-process.ts';

let dataDir: string;
let children: Child[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mcp-lock-'));
  children = [];
});
afterEach(async () => {
  await Promise.all(children.map((child) => child.signal('SIGKILL')));
  await rm(dataDir, { recursive: true });
});

async function startUser(): Promise<Child> {
  const child = startChild(new URL('../support/data-dir-user.ts', import.meta.url), dataDir);
  children.push(child);
  await child.line();
  return child;
}

async function tell(child: Child, line: 'lock' | 'release'): Promise<string> {
  child.say(line);
  return await child.line();
}

/** What a holder leaves behind that was killed: a socket that nobody listens on. */
async function leaveStaleSocket(name: string): Promise<void> {
  const server = createServer();
  const path = join(dataDir, 's');
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  await rename(path, join(dataDir, name));
  await new Promise((resolve) => {
    server.close(resolve);
  });
}

/** The names of the sockets of a holder. */
async function namesHeld(): Promise<string[]> {
  const lock = await lockDataDir(dataDir);
  const names = await readdir(dataDir);
  await lock.release();
  return names;
}

it('a directory that another process holds is refused, by its name, until it lets go', async () => {
  const holder = await startUser();
  expect(await tell(holder, 'lock')).toBe('done');

  await expect(lockDataDir(dataDir)).rejects.toThrow(
    `Another process is using the data directory ${dataDir}.`,
  );

  await tell(holder, 'release');
  const lock = await lockDataDir(dataDir);
  expect(await tell(holder, 'lock')).toContain('Another process');
  await lock.release();
  expect(await readdir(dataDir)).toEqual([]);
});

it('the same directory by another path is refused', async () => {
  const lock = await lockDataDir(dataDir);
  const other = `${dataDir}-link`;
  await symlink(dataDir, other);

  await expect(lockDataDir(other)).rejects.toThrow('Another process');

  await rm(other);
  await lock.release();
});

it('a holder that was killed does not delay the next start, and nothing of it remains', async () => {
  const holder = await startUser();
  await tell(holder, 'lock');
  await holder.signal('SIGKILL');
  expect(await readdir(dataDir)).toHaveLength(1);

  const startedAt = performance.now();
  const lock = await lockDataDir(dataDir);
  const elapsedMs = performance.now() - startedAt;

  expect(elapsedMs).toBeLessThan(1_000);
  await lock.release();
  expect(await readdir(dataDir)).toEqual([]);
});

it('a holder that is too busy to answer is still the holder', async () => {
  const holder = await startUser();
  await tell(holder, 'lock');
  await holder.signal('SIGSTOP');

  await expect(lockDataDir(dataDir)).rejects.toThrow('Another process');

  await holder.signal('SIGCONT');
});

it('of eight that start at once over what a dead one left, exactly one wins', async () => {
  const [here = ''] = await namesHeld();
  const staleName = (index: number) => here.replace(/[0-9a-f]{16}/, String(index * 9).repeat(16));
  const starters = await Promise.all(Array.from({ length: 8 }, startUser));

  for (let round = 0; round < 10; round += 1) {
    await leaveStaleSocket(staleName(0));
    await leaveStaleSocket(staleName(1));

    const answers = await Promise.all(starters.map((starter) => tell(starter, 'lock')));

    const winners = starters.filter((_, index) => answers[index] === 'done');
    expect(winners).toHaveLength(1);
    expect(answers.filter((answer) => answer.startsWith('Another process'))).toHaveLength(7);
    await Promise.all(winners.map((winner) => tell(winner, 'release')));
  }
});

it('a directory whose path is too long for a socket is locked all the same', async () => {
  const long = join(dataDir, 'd'.repeat(120));
  await mkdir(long);
  const lock = await lockDataDir(long);

  await expect(lockDataDir(long)).rejects.toThrow('Another process');

  await lock.release();
  await (await lockDataDir(long)).release();
});

it('a holder on another machine is known by its heart beat, and one without is taken for dead', async () => {
  const [alive, dead] = [join(dataDir, 'alive'), join(dataDir, 'dead')];
  await Promise.all([mkdir(alive), mkdir(dead)]);
  const lock = await lockDataDir(alive, '0e11f00d');
  await leaveStaleSocket('dead/lock-0e11f00d-0123456789abcdef.sock');
  // From here, a socket of another machine cannot be reached.
  const [name = ''] = await readdir(alive);
  await rename(join(alive, name), join(dataDir, 'hidden'));
  await leaveStaleSocket(join('alive', name));

  const [refused, taken] = await Promise.all([
    lockDataDir(alive).catch((error: unknown) => error),
    lockDataDir(dead),
  ]);

  expect(refused).toHaveProperty('message', expect.stringContaining('Another process'));
  await Promise.all([lock.release(), taken.release()]);
  expect(await readdir(dead)).toEqual([]);
});
