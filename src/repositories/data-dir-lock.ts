/**
 * Lets one living process at a time use a data directory: PGlite takes no lock of its own, and a second
 * process would silently corrupt the data.
 *
 * A file cannot tell whether its writer is alive, and process ids mean nothing in another container. A
 * socket can: the kernel answers for a process that listens and refuses for one that died, at once, across
 * containers. So each starter listens on a socket of its own in the directory, then asks all the others.
 * Of two starters at least one sees the other, since both listen before they ask.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, realpath, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

export interface DataDirLock {
  release(): Promise<void>;
}

/** Where the sockets are, and how to say so within the limit of a socket's path. */
interface Place {
  readonly folder: string;
  address(name: string): string;
  close(): Promise<void>;
}

/** What the process behind a socket says: it has the directory, it would like to, or it is gone. */
type Answer = 'holder' | 'candidate' | 'gone';

/** A holder whose event loop is busy says nothing in time; that it is connected is enough. */
const answerTimeoutMs = 2_000;

const socketName = /^lock-[0-9a-f]{16}\.sock$/;

/** The shortest limit of `sun_path` among the systems that Node runs on, less its final zero. */
const longestSocketPath = 103;

/** How a file system says that it has no sockets. */
const noSockets = ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EINVAL'];

/**
 * @param dataDir an existing directory
 * @throws Error when another living process holds it
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const directory = await realpath(dataDir);
  if (process.platform === 'win32') return await lockByPipe(directory);
  const place = await placeIn(directory);
  try {
    return await lockBySocket(place, directory);
  } catch (error) {
    await place.close();
    if (!noSockets.some((code) => isCode(error, code))) throw error;
    return await lockBySocket(await placeInTemp(directory), directory);
  }
}

/** A named pipe exists only while its process does, and only one process can make it. */
async function lockByPipe(directory: string): Promise<DataDirLock> {
  const server = createServer((socket) => socket.end('holder'));
  try {
    await listen(server, `\\\\.\\pipe\\mcp-oauth-proxy-${shortHash(directory.toLowerCase())}`);
  } catch (error) {
    throw isCode(error, 'EADDRINUSE') ? inUse(directory) : error;
  }
  server.unref();
  return { release: () => close(server) };
}

async function lockBySocket(place: Place, directory: string): Promise<DataDirLock> {
  for (;;) {
    const own = `lock-${randomBytes(8).toString('hex')}.sock`;
    let says: Answer = 'candidate';
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(says);
    });
    await listen(server, place.address(own));
    const retire = async () => {
      await close(server);
      await rm(join(place.folder, own), { force: true });
    };

    const { outcome, gone } = await compete(place, own).catch(async (error: unknown) => {
      await retire();
      throw error;
    });
    if (outcome === 'won') {
      says = 'holder';
      server.unref();
      await Promise.all(gone.map((name) => rm(join(place.folder, name), { force: true })));
      return {
        async release() {
          await retire();
          await place.close();
        },
      };
    }
    await retire();
    if (outcome === 'lost') throw inUse(directory);
    await setTimeout(10 + Math.random() * 40);
  }
}

interface Verdict {
  readonly outcome: 'won' | 'lost' | 'yielded';
  /** Sockets of the dead. Only a holder may remove them: to others, one that is just being made looks dead. */
  readonly gone: readonly string[];
}

/** Asks all others until one holds the directory or none is left; among candidates the first name goes ahead. */
async function compete(place: Place, own: string): Promise<Verdict> {
  for (;;) {
    const names = (await readdir(place.folder)).filter((name) => socketName.test(name) && name !== own);
    const answers = await Promise.all(
      names.map(async (name) => ({ name, answer: await ask(place.address(name)) })),
    );
    const those = (wanted: Answer) =>
      answers.filter(({ answer }) => answer === wanted).map(({ name }) => name);
    if (those('holder').length > 0) return { outcome: 'lost', gone: [] };
    const candidates = those('candidate');
    if (candidates.length === 0) {
      // A holder that has died since may have taken ours for dead and removed it.
      const isSeen = existsSync(join(place.folder, own));
      return { outcome: isSeen ? 'won' : 'yielded', gone: those('gone') };
    }
    if (candidates.some((name) => name < own)) return { outcome: 'yielded', gone: [] };
    await setTimeout(5);
  }
}

function ask(address: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let heard = '';
    const socket = connect(address);
    socket.setTimeout(answerTimeoutMs, () => {
      socket.destroy();
      resolve('holder');
    });
    socket.on('data', (data) => (heard += String(data)));
    socket.on('close', () => resolve(heard === 'holder' ? 'holder' : 'candidate'));
    socket.on('error', (error) => {
      if (isCode(error, 'ECONNREFUSED') || isCode(error, 'ENOENT')) resolve('gone');
      else if (!isCode(error, 'ECONNRESET') && !isCode(error, 'EPIPE')) reject(error);
    });
  });
}

/** The directory itself; one with a long name is addressed by a descriptor where the system can. */
async function placeIn(directory: string): Promise<Place> {
  const direct = (name: string) => join(directory, name);
  if (Buffer.byteLength(direct('lock-0123456789abcdef.sock')) <= longestSocketPath) {
    return { folder: directory, address: direct, close: () => Promise.resolve() };
  }
  if (process.platform !== 'linux') return await placeInTemp(directory);
  const handle = await open(directory);
  return {
    folder: directory,
    address: (name) => `/proc/self/fd/${handle.fd}/${name}`,
    close: () => handle.close(),
  };
}

/** For a file system without sockets. Other containers do not see this place. */
async function placeInTemp(directory: string): Promise<Place> {
  const user = process.getuid?.();
  const folder = join(tmpdir(), `mcp-oauth-proxy-${user}-${shortHash(directory)}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if ((await stat(folder)).uid !== user) {
    throw new Error(`${folder} belongs to another user: remove it, or set DATA_DIR to another directory`);
  }
  return { folder, address: (name) => join(folder, name), close: () => Promise.resolve() };
}

function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function inUse(directory: string): Error {
  return new Error(
    `Another process is using the data directory ${directory}. Stop it first, or set DATA_DIR to another directory; several processes can share a PostgreSQL server (DATABASE_DSN)`,
  );
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
