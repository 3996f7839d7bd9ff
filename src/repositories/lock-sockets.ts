/** Sockets in a directory that tell whether the process that made them is alive. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

export interface SocketFolder {
  names(): Promise<string[]>;
  /** Listens as `name` until it is closed, and tells everyone who asks what `says` returns. */
  listen(name: string, says: () => string): Promise<LockSocket>;
  /** What the process behind `name` says: `busy` for one that is too busy, undefined when there is none. */
  ask(name: string): Promise<string | undefined>;
  /** Whether a process that cannot be asked, since it runs on another machine, is alive. Takes seconds. */
  isBeating(name: string): Promise<boolean>;
  remove(names: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export interface LockSocket {
  /** Whether others can still see it. */
  isThere(): boolean;
  /** Lets the process end without closing it. */
  unref(): void;
  close(): Promise<void>;
}

/** A process whose event loop is busy says nothing in time; that it is connected is enough. */
const answerTimeoutMs = 2_000;

const beatMs = 1_000;
/** Several beats, and longer than NFS clients believe what they knew about a file (`acregmin`). */
const beatWaitMs = 5_000;

/** The shortest limit of `sun_path` among the systems that Node runs on, less its final zero. */
const longestAddress = 103;
const longestName = 40;

/** Sockets in `directory` itself; one with a long name is addressed by a descriptor where the system can. */
export async function openSocketFolder(directory: string): Promise<SocketFolder> {
  if (Buffer.byteLength(directory) + 1 + longestName <= longestAddress) return socketsIn(directory);
  if (process.platform !== 'linux') return await openTemporarySocketFolder(directory);
  const handle = await open(directory);
  return socketsIn(directory, `/proc/self/fd/${handle.fd}`, () => handle.close());
}

/** For a directory on a file system without sockets. Other containers do not see these. */
export async function openTemporarySocketFolder(directory: string): Promise<SocketFolder> {
  const user = process.getuid?.();
  const folder = join(tmpdir(), `mcp-oauth-proxy-${user}-${shortHash(directory)}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if ((await stat(folder)).uid !== user) {
    throw new Error(`${folder} belongs to another user: remove it, or set DATA_DIR to another directory`);
  }
  return socketsIn(folder);
}

function socketsIn(folder: string, address = folder, close = () => Promise.resolve()): SocketFolder {
  const lastBeatOf = async (name: string) => {
    const found = await stat(join(folder, name)).catch(() => undefined);
    return found?.mtimeMs;
  };
  return {
    names: () => readdir(folder),
    async listen(name, says) {
      const path = join(folder, name);
      const server = createServer((socket) => {
        socket.on('error', () => socket.destroy());
        socket.end(says());
      });
      await listen(server, join(address, name));
      const beat = () => void utimes(path, new Date(), new Date()).catch(() => undefined);
      const beats = setInterval(beat, beatMs).unref();
      return {
        isThere: () => existsSync(path),
        unref: () => void server.unref(),
        async close() {
          clearInterval(beats);
          await closeServer(server);
          await rm(path, { force: true });
        },
      };
    },
    ask: (name) => ask(join(address, name)),
    async isBeating(name) {
      const before = await lastBeatOf(name);
      await setTimeout(beatWaitMs);
      const after = await lastBeatOf(name);
      return after !== undefined && after !== before;
    },
    async remove(names) {
      await Promise.all(names.map((name) => rm(join(folder, name), { force: true })));
    },
    close,
  };
}

function ask(address: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let heard = '';
    const socket = connect(address);
    socket.setTimeout(answerTimeoutMs, () => {
      resolve('busy');
      socket.destroy();
    });
    socket.on('data', (data) => (heard += String(data)));
    socket.on('close', () => resolve(heard));
    socket.on('error', (error) => {
      if (isCode(error, 'ECONNREFUSED', 'ENOENT')) resolve(undefined);
      else if (!isCode(error, 'ECONNRESET', 'EPIPE')) reject(error);
    });
  });
}

export function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
