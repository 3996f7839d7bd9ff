/** Starts private PostgreSQL servers for tests: on loopback, in a temporary directory, gone with the test run. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { Client } from 'pg';
import { copyPrograms, findPrograms, type PostgresPrograms } from './postgres-programs.ts';

export interface PostgresServer {
  /** For the superuser, over TCP; stays the same over restarts. */
  readonly dsn: string;
  /** Its files: data in `data`, a Unix socket, and whatever a test puts there. */
  readonly folder: string;
  /** Where `postgres` is. */
  readonly programs: string;
  start(): Promise<void>;
  /** Shuts down and drops all connections, as for an upgrade. */
  stop(): Promise<void>;
  /** Ends at once, as in a crash. */
  kill(): Promise<void>;
  /** Ends every connection but leaves the server running. */
  dropConnections(): Promise<void>;
  remove(): Promise<void>;
}

export interface PostgresOptions {
  /** PEM files for a server that offers TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Instead of what is good for tests, which forget everything when the machine loses power: `fsync=on`. */
  readonly settings?: readonly string[];
  /** Where its files are, in a folder of their own. Default: where temporary files are */
  readonly parent?: string;
}

/** @throws Error that says why when no PostgreSQL can be started on this machine */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const reasons: string[] = [];
  for (const programs of findPrograms()) {
    try {
      return await startWith(programs, options);
    } catch (error) {
      reasons.push(`${programs.folder}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(
    reasons.join('; ') || 'no PostgreSQL 15 or later found; install one, or set TEST_DATABASE_DSN',
  );
}

async function startWith(
  programs: PostgresPrograms,
  { tls, settings = [], parent = tmpdir() }: PostgresOptions,
): Promise<PostgresServer> {
  const folder = mkdtempSync(join(parent, 'mcp-pg-'));
  // Memory may be closed to programs.
  const copies = mkdtempSync(join(tmpdir(), 'mcp-pg-programs-'));
  const removeAll = (): void => {
    for (const made of [folder, copies]) rmSync(made, { recursive: true, force: true });
  };
  try {
    const bin = programs.isPackage ? copyPrograms(programs, join(copies, 'native')) : programs.folder;
    const user = unprivilegedUser();
    const data = join(folder, 'data');
    const password = randomBytes(12).toString('hex');
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, password, { mode: 0o600 });
    for (const path of [folder, copies, passwordFile]) chownSync(path, user.uid, user.gid);

    const environment = environmentOf(folder, user);
    const access = ['--auth-local=trust', '--auth-host=password', `--pwfile=${passwordFile}`];
    const shape = ['--username=postgres', '--encoding=UTF8', '--locale=C', '--no-sync'];
    execFileSync(join(bin, 'initdb'), ['-D', data, ...access, ...shape], { ...environment, stdio: 'pipe' });

    const port = await freePort();
    const dsn = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
    const options = [
      ...optionsOf(folder, port),
      ...(tls === undefined ? [] : copyCertificate(tls, folder, user)),
      ...settings,
    ];
    const server = keepServer({ dsn, folder, programs: bin, options, environment });
    await server.start();
    return { ...server, remove: async () => server.remove().finally(removeAll) };
  } catch (error) {
    removeAll();
    throw error;
  }
}

type User = ReturnType<typeof unprivilegedUser>;

export function environmentOf(folder: string, user: User) {
  return { cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }, ...user };
}

export function optionsOf(folder: string, port: number): readonly string[] {
  return [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    'fsync=off',
    'full_page_writes=off',
    'autovacuum=off',
    'max_connections=300',
    'shared_buffers=64MB',
  ];
}

/** The server wants its key to be its own, and private. */
function copyCertificate(
  files: { readonly cert: string; readonly key: string },
  folder: string,
  { uid, gid }: { readonly uid: number; readonly gid: number },
): string[] {
  const [cert, key] = [join(folder, 'server.crt'), join(folder, 'server.key')];
  writeFileSync(cert, readFileSync(files.cert), { mode: 0o600 });
  writeFileSync(key, readFileSync(files.key), { mode: 0o600 });
  for (const path of [cert, key]) chownSync(path, uid, gid);
  return ['ssl=on', `ssl_cert_file=${cert}`, `ssl_key_file=${key}`];
}

/**
 * Runs the server, and passes it the signal that arrives on descriptor 3. When that ends without one, the
 * test run is gone, however it ended: the server goes, too, with its files.
 */
const keeper = `
  "$@" & pid=$!
  ( if read -r signal; then kill -"$signal" $pid; else touch orphaned; kill -QUIT $pid; fi ) <&3 &
  wait $pid
  [ ! -e orphaned ] || rm -rf "$0"`;

interface ServerCommand {
  readonly dsn: string;
  readonly folder: string;
  readonly programs: string;
  /** `name=value` */
  readonly options: readonly string[];
  readonly environment: object;
}

/** For a server whose files are there; it is not started yet. */
export function keepServer({ dsn, folder, programs, options, environment }: ServerCommand): PostgresServer {
  const args = options.flatMap((option) => ['-c', option]);
  const command = [join(programs, 'postgres'), '-D', join(folder, 'data'), ...args];
  const log = join(folder, 'log');
  let shell: ChildProcess | undefined;

  async function signal(name: 'INT' | 'QUIT'): Promise<void> {
    const running = shell;
    shell = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const exit = once(running, 'exit');
    (running.stdio[3] as Writable).end(`${name}\n`);
    await exit;
  }

  async function answers(): Promise<boolean> {
    const client = new Client({ connectionString: dsn, connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  return {
    dsn,
    folder,
    programs,
    async start() {
      const output = openSync(log, 'a');
      const stdio = ['ignore', output, output, 'pipe'] as const;
      const started = spawn('/bin/sh', ['-c', keeper, folder, ...command], {
        ...environment,
        stdio: [...stdio],
      });
      shell = started;
      const deadline = Date.now() + 30_000;
      while (!(await answers())) {
        if (started.exitCode !== null || Date.now() > deadline) {
          throw new Error(readFileSync(log, 'utf8').trim().split('\n').slice(-3).join(' '));
        }
        await setTimeout(20);
      }
    },
    stop: () => signal('INT'),
    kill: () => signal('QUIT'),
    async dropConnections() {
      await withAdmin(dsn, (admin) =>
        admin.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where pid <> pg_backend_pid() and backend_type = 'client backend'`,
        ),
      );
    },
    async remove() {
      await signal('QUIT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The DSN of another database on the same server. */
export function dsnOf(dsn: string, database: string): string {
  const url = new URL(dsn);
  url.pathname = `/${database}`;
  return url.href;
}

export async function withAdmin<T>(dsn: string, work: (admin: Client) => Promise<T>): Promise<T> {
  const admin = new Client({ connectionString: dsn });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

/** The server refuses to run as root. */
export function unprivilegedUser(): { uid: number; gid: number } {
  const [uid = 0, gid = 0] = [process.getuid?.(), process.getgid?.()];
  if (uid !== 0) return { uid, gid };
  const entry = /^(?:nobody|postgres):[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'));
  if (entry === null) throw new Error('PostgreSQL refuses to run as root, and there is no user nobody');
  return { uid: Number(entry[1]), gid: Number(entry[2]) };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No free port');
  return address.port;
}
