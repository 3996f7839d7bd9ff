/** A whole server that listens, and the environment that doctor reads beside it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { createLogger } from '../../src/http/logging.ts';
import { createTestDatabase, databaseKinds } from '../support/database.ts';
import { startSurroundings } from '../support/instances.ts';
import { freePort, type ServerEnvironment } from '../support/process.ts';

export interface Running {
  readonly port: number;
  readonly environment: ServerEnvironment;
  close(): Promise<void>;
}

/** Port 0 in the origin is a free one. */
export async function startSite(
  baseUrl: string,
  changed: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const port = await freePort();
  const database = await createTestDatabase(databaseKinds[0] ?? 'embedded');
  const surroundings = await startSurroundings(baseUrl.replace(/:0$/, `:${port}`));
  const emptyDir = await mkdtemp(join(tmpdir(), 'mcp-doctor-data-'));
  const environment = {
    ...surroundings.environment,
    PORT: String(port),
    TRUST_PROXY: '127.0.0.1',
    DATA_DIR: database.dataDir ?? emptyDir,
    ...(database.dsn !== undefined && { DATABASE_DSN: database.dsn }),
    ...changed,
  };
  const app = await buildApp(loadConfig(environment), { db: database.db, log: createLogger('silent') });
  await app.listen({ host: 'localhost', port });
  return {
    port,
    environment,
    async close() {
      await app.close();
      await surroundings.close();
      await database.drop();
      await rm(emptyDir, { recursive: true, force: true });
    },
  };
}
