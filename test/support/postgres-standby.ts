/** A standby that follows a PostgreSQL of the test's own by streaming replication, and can take its place. */
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  environmentOf,
  freePort,
  keepServer,
  optionsOf,
  type PostgresServer,
  unprivilegedUser,
  withAdmin,
} from './postgres.ts';
import { poll } from './process.ts';

export interface PostgresStandby extends PostgresServer {
  /** Waits until all that is on the primary is here, too. */
  catchUp(): Promise<void>;
  /** Makes it a primary, with what it has. */
  promote(): Promise<void>;
}

/** Stops the primary to copy its files, and starts it again. The standby reads from it at `sourcePort`. */
export async function startStandby(primary: PostgresServer, sourcePort: number): Promise<PostgresStandby> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-pg-'));
  try {
    const user = unprivilegedUser();
    const data = join(folder, 'data');
    await primary.stop();
    execFileSync('cp', ['-a', join(primary.folder, 'data'), data]);
    await primary.start();
    const signal = join(data, 'standby.signal');
    writeFileSync(signal, '');
    for (const path of [folder, signal]) chownSync(path, user.uid, user.gid);

    const [port, dsn, source] = [await freePort(), new URL(primary.dsn), new URL(primary.dsn)];
    dsn.port = String(port);
    source.port = String(sourcePort);
    const server = keepServer({
      dsn: dsn.href,
      folder,
      programs: primary.programs,
      options: [...optionsOf(folder, port), `primary_conninfo=${source.href}`],
      environment: environmentOf(folder, user),
    });
    await server.start();
    return {
      ...server,
      catchUp: async () => catchUp(primary.dsn, dsn.href),
      promote: async () => promote(dsn.href),
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function catchUp(primary: string, standby: string): Promise<void> {
  const position = await withAdmin(primary, async (admin) => {
    const { rows } = await admin.query<{ position: string }>('select pg_current_wal_lsn() as position');
    return rows[0]?.position;
  });
  await withAdmin(standby, async (admin) =>
    poll(async () => {
      const { rows } = await admin.query<{ is_there: boolean }>(
        'select pg_last_wal_replay_lsn() >= $1::pg_lsn as is_there',
        [position],
      );
      return rows[0]?.is_there === true;
    }),
  );
}

async function promote(dsn: string): Promise<void> {
  await withAdmin(dsn, async (admin) => admin.query('select pg_promote()'));
}
