/**
 * Lets one living process at a time use a data directory: PGlite takes no lock of its own, and a second
 * process would silently corrupt the data.
 *
 * A file cannot tell whether its writer is alive, and process ids mean nothing in another container. A
 * socket can: the kernel answers for a process that listens and refuses for one that died, at once, across
 * containers. So each starter listens on a socket of its own in the directory, then asks all the others.
 * Of two starters at least one sees the other, since both listen before they ask.
 *
 * A socket cannot be asked from another machine that shares the directory (or from the host of a virtual
 * one). There the holder's heart beat, the time of its file, is watched for some seconds instead.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import {
  closeServer,
  isCode,
  listen,
  type LockSocket,
  openSocketFolder,
  openTemporarySocketFolder,
  shortHash,
  type SocketFolder,
} from './lock-sockets.ts';

export interface DataDirLock {
  release(): Promise<void>;
}

/** What a process says: it has the directory, or it would like to. */
type Claim = 'holder' | 'candidate';

/** `lock-<kernel>-<process>.sock` */
const lockName = /^lock-[0-9a-f]{8}-[0-9a-f]{16}\.sock$/;
const kernelOf = (name: string) => name.slice('lock-'.length, 'lock-'.length + 8);

/** How a file system says that it has no sockets. */
const noSockets = ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EINVAL'];

/**
 * @param dataDir an existing directory
 * @param kernel who answers for processes here; another value stands for another machine
 * @throws Error when another living process holds it
 */
export async function lockDataDir(dataDir: string, kernel = currentKernel()): Promise<DataDirLock> {
  const directory = await realpath(dataDir);
  if (process.platform === 'win32') return await lockByPipe(directory);
  try {
    return await lockBySocket(directory, kernel, openSocketFolder);
  } catch (error) {
    if (!isCode(error, ...noSockets)) throw error;
    return await lockBySocket(directory, kernel, openTemporarySocketFolder);
  }
}

/** A named pipe exists only while its process does, and only one process can make it. */
async function lockByPipe(directory: string): Promise<DataDirLock> {
  const server = createServer((socket) => socket.end());
  try {
    await listen(server, `\\\\.\\pipe\\mcp-oauth-proxy-${shortHash(directory.toLowerCase())}`);
  } catch (error) {
    throw isCode(error, 'EADDRINUSE') ? inUse(directory) : error;
  }
  server.unref();
  return { release: () => closeServer(server) };
}

async function lockBySocket(
  directory: string,
  kernel: string,
  openFolder: (directory: string) => Promise<SocketFolder>,
): Promise<DataDirLock> {
  const folder = await openFolder(directory);
  let held: LockSocket | undefined;
  try {
    while (held === undefined) {
      const own = `lock-${kernel}-${randomBytes(8).toString('hex')}.sock`;
      let claim: Claim = 'candidate';
      const socket = await folder.listen(own, () => claim);
      try {
        const { outcome, gone } = await compete(folder, own, socket);
        if (outcome === 'lost') throw inUse(directory);
        if (outcome === 'won') {
          claim = 'holder';
          held = socket;
          await folder.remove(gone);
        }
      } finally {
        if (held === undefined) await socket.close();
      }
      if (held === undefined) await setTimeout(10 + Math.random() * 40);
    }
  } finally {
    if (held === undefined) await folder.close();
  }
  const socket = held;
  socket.unref();
  return {
    async release() {
      await socket.close();
      await folder.close();
    },
  };
}

interface Verdict {
  readonly outcome: 'won' | 'lost' | 'yielded';
  /** Sockets of the dead. Only a holder may remove them: to others, one that is just being made looks dead. */
  readonly gone: readonly string[];
}

/** Asks all others until one holds the directory or none is left; among candidates the first name goes ahead. */
async function compete(folder: SocketFolder, own: string, socket: LockSocket): Promise<Verdict> {
  for (;;) {
    const others = (await folder.names()).filter((name) => lockName.test(name) && name !== own);
    const claims = await Promise.all(others.map((name) => claimOf(folder, name, kernelOf(own))));
    const those = (wanted: Claim | undefined) => others.filter((_, index) => claims[index] === wanted);

    if (those('holder').length > 0) return { outcome: 'lost', gone: [] };
    const candidates = those('candidate');
    if (candidates.length === 0) {
      // A holder that has died since may have taken ours for dead and removed it.
      return { outcome: socket.isThere() ? 'won' : 'yielded', gone: those(undefined) };
    }
    if (candidates.some((name) => name < own)) return { outcome: 'yielded', gone: [] };
    await setTimeout(5);
  }
}

/** Undefined: the process is gone. One that is too busy to say, or cannot be asked but lives, counts as the holder. */
async function claimOf(folder: SocketFolder, name: string, kernel: string): Promise<Claim | undefined> {
  const said = await folder.ask(name);
  // Nothing at all, from one that was just closing, is asked again like a candidate.
  if (said !== undefined) return said === 'holder' || said === 'busy' ? 'holder' : 'candidate';
  if (kernelOf(name) === kernel) return undefined;
  return (await folder.isBeating(name)) ? 'holder' : undefined;
}

/** The same in all containers of a machine, and another one after each boot. */
function currentKernel(): string {
  try {
    return shortHash(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')).slice(0, 8);
  } catch {
    return shortHash(hostname()).slice(0, 8);
  }
}

function inUse(directory: string): Error {
  return new Error(
    `Another process is using the data directory ${directory}. Stop it first, or set DATA_DIR to another directory; several processes can share a PostgreSQL server (DATABASE_DSN)`,
  );
}
