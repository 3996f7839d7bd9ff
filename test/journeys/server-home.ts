/** Everything that the server as a process needs: a database, a port, and the world around it. */
import { afterAll } from 'vitest';
import { createTestDatabase, type DatabaseKind } from '../support/database.ts';
import { startSurroundings, type Surroundings } from '../support/instances.ts';
import {
  type CompiledServer,
  compileServer,
  freePort,
  type ServerEnvironment,
  type ServerProcess,
  spawnServer,
  startServer,
} from '../support/process.ts';

export interface ServerHome extends Surroundings {
  readonly origin: string;
  /** Starts a process and waits until it answers. Processes that are left are killed at the end. */
  start(changed?: ServerEnvironment, dotEnv?: string): Promise<ServerProcess>;
  /** Starts a process that is not expected to answer, or not yet. */
  spawn(changed?: ServerEnvironment): Promise<ServerProcess>;
}

/** One for all servers of a test file. */
let compiled: Promise<CompiledServer> | undefined;
afterAll(async () => (await compiled)?.remove());

export async function createServerHome(
  kind: DatabaseKind,
  provider?: Parameters<typeof startSurroundings>[1],
): Promise<ServerHome> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  compiled ??= compileServer();
  const [server, database, surroundings] = await Promise.all([
    compiled,
    createTestDatabase(kind),
    startSurroundings(origin, provider),
  ]);
  // From here on the database is the server's.
  await database.db.close();
  const environment: ServerEnvironment = {
    ...surroundings.environment,
    PORT: String(port),
    LOG_LEVEL: 'trace',
    ...(database.dsn === undefined
      ? { DATA_DIR: database.dataDir ?? '' }
      : { DATABASE_DSN: database.dsn, DATA_DIR: '/nonexistent' }),
  };
  const processes: ServerProcess[] = [];
  const kept = async (starting: Promise<ServerProcess>) => {
    const started = await starting;
    processes.push(started);
    return started;
  };
  return {
    ...surroundings,
    environment,
    origin,
    start: async (changed = {}, dotEnv) =>
      kept(startServer(server.file, { ...environment, ...changed }, dotEnv)),
    spawn: async (changed = {}) => kept(spawnServer(server.file, { ...environment, ...changed })),
    async close() {
      await Promise.all(processes.map((started) => started.kill()));
      await surroundings.close();
      await database.drop();
    },
  };
}
