/** A real PgBouncer in transaction mode between a test and its PostgreSQL: the machine's own program. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dsnThrough } from './forwarder.ts';
import { freePort, unprivilegedUser } from './postgres.ts';

export interface PgBouncer {
  /** The database of the DSN that it was started with, through it. */
  readonly dsn: string;
  /** What it has logged. */
  log(): string;
  stop(): Promise<void>;
}

/** Debian has it where only root looks for programs. */
const env = { PATH: `${process.env.PATH ?? ''}:/usr/sbin` };

/** Whether this machine has it; tests that need it are skipped and named otherwise. */
export const hasPgBouncer = spawnSync('pgbouncer', ['--version'], { env }).status === 0;

export async function startPgBouncer(dsn: string): Promise<PgBouncer> {
  const { hostname, port, username, password } = new URL(dsn);
  const folder = mkdtempSync(join(tmpdir(), 'mcp-pgbouncer-'));
  const file = join(folder, 'pgbouncer.ini');
  const listenPort = await freePort();
  writeFileSync(
    file,
    `[databases]
* = host=${hostname} port=${port || '5432'} user=${decodeURIComponent(username)} password=${decodeURIComponent(password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 20
max_client_conn = 1000
`,
  );
  const user = unprivilegedUser();
  for (const path of [folder, file]) chownSync(path, user.uid, user.gid);
  const child = spawn('pgbouncer', [file], { env, ...user, stdio: ['ignore', 'ignore', 'pipe'] });
  const log = await started(child);
  return {
    dsn: dsnThrough(dsn, { port: listenPort }),
    log,
    async stop() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until it listens. Returns what reads its log. */
async function started({ stderr }: ChildProcess): Promise<() => string> {
  let printed = '';
  await new Promise<void>((resolve, reject) => {
    stderr?.on('data', (chunk) => {
      printed += String(chunk);
      if (printed.includes('process up')) resolve();
    });
    stderr?.on('end', () => reject(new Error(`pgbouncer ended: ${printed}`)));
  });
  return () => printed;
}
