/** Everything that the server as a process needs: a database, a port, and the world around it. */
import { rm } from 'node:fs/promises';
import { createTestDatabase, type DatabaseKind } from '../support/database.ts';
import { startSurroundings, type Surroundings } from '../support/instances.ts';
import {
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
  start(changed?: ServerEnvironment): Promise<ServerProcess>;
  /** Starts a process that is not expected to answer, or not yet. */
  spawn(changed?: ServerEnvironment): Promise<ServerProcess>;
}

export async function createServerHome(kind: DatabaseKind): Promise<ServerHome> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const [server, database, surroundings] = await Promise.all([
    compileServer(),
    createTestDatabase(kind),
    startSurroundings(origin),
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
    start: async (changed = {}) => kept(startServer(server.file, { ...environment, ...changed })),
    spawn: async (changed = {}) => kept(spawnServer(server.file, { ...environment, ...changed })),
    async close() {
      await Promise.all(processes.map((started) => started.kill()));
      await surroundings.close();
      await database.drop();
      if (database.dataDir !== undefined) await rm(database.dataDir, { recursive: true, force: true });
      await server.remove();
    },
  };
}
