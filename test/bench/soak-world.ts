/** Everything that the soak needs, started: a database, a back end, instances of the proxy on it, and people with tokens. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sealer } from '../../src/crypto/sealing.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import { remote } from '../journeys/remote.ts';
import { register, type TestClient } from '../support/authorize.ts';
import { startPostgres } from '../support/postgres.ts';
import { freePort } from '../support/process.ts';
import { Calls } from './soak-calls.ts';
import type { Parts } from './soak-disturb.ts';
import type { Limits } from './soak-judge.ts';
import { Ledger } from './soak-ledger.ts';
import type { SignInServices } from './soak-people.ts';
import { BackendProcess, InstanceProcess } from './soak-processes.ts';
import { closeConnections } from './soak-send.ts';
import { Timeline } from './soak-timeline.ts';

export interface SoakWorldOptions {
  readonly node: string;
  /** The compiled server. */
  readonly serverFile: string;
  /** Variables of each instance, on top of those that all have. */
  readonly instances: readonly Readonly<Record<string, string>>[];
  readonly accessTokenSeconds: number;
  readonly graceSeconds: number;
  readonly limits: Limits;
}

export interface SoakWorld extends Parts {
  readonly origins: readonly string[];
  readonly ledger: Ledger;
  readonly calls: Calls;
  readonly signIn: SignInServices;
  readonly clients: readonly TestClient[];
  readonly world: ConstructorParameters<typeof Calls>[0];
  /** How many requests the back end has open now. */
  openAtBackend(): Promise<number>;
  close(): Promise<void>;
}

export async function startSoakWorld(options: SoakWorldOptions): Promise<SoakWorld> {
  const [folder, postgres, backendPort, ...ports] = await Promise.all([
    mkdtemp(join(tmpdir(), 'mcp-soak-')),
    startPostgres(),
    freePort(),
    ...options.instances.map(() => freePort()),
  ]);
  const origins = ports.map((port) => `http://127.0.0.1:${port}`);
  const [baseUrl = ''] = origins;
  const timeline = new Timeline(() => performance.now());
  const ledger = new Ledger();
  const isSeveral = (instance: number) => (options.instances[instance]?.WORKERS ?? '1') !== '1';
  const world = { timeline, limits: options.limits, isSeveral };
  const calls = new Calls(world, ledger, origins);
  let onOpen = (_open: number): void => undefined;
  const backend = new BackendProcess(backendPort, (line) => {
    if ('arrived' in line) calls.arrived(line.arrived);
    else if ('wrong' in line) ledger.judge('any', line.wrong);
    else if ('open' in line) onOpen(line.open);
  });
  const encryptionKey = randomBytes(32);
  const instances = options.instances.map(
    (environment, index) =>
      new InstanceProcess({
        node: options.node,
        file: options.serverFile,
        origin: origins[index] ?? '',
        cwd: folder,
        logFile: join(folder, `instance-${index}.log`),
        onCrash: (what) => ledger.judge(`instance ${index}`, what),
        environment: {
          BASE_URL: baseUrl,
          HOST: '127.0.0.1',
          PORT: String(ports[index]),
          MCP_SERVER_URL: `http://127.0.0.1:${backendPort}/mcp`,
          GITHUB_CLIENT_ID: 'soak',
          GITHUB_CLIENT_SECRET: 'soak-secret',
          DATABASE_DSN: postgres.dsn,
          ENCRYPTION_KEY: encryptionKey.toString('base64'),
          RATE_LIMIT_MAX: '1000000',
          MCP_RATE_LIMIT_MAX: '1000000',
          ACCESS_TOKEN_TTL_SECONDS: String(options.accessTokenSeconds),
          REFRESH_GRACE_SECONDS: String(options.graceSeconds),
          SHUTDOWN_GRACE_SECONDS: String(options.limits.graceMs / 1000),
          STREAM_KEEP_ALIVE_SECONDS: '2',
          ...environment,
        },
      }),
  );
  const db = openPostgresDatabase(postgres.dsn, { onError: () => undefined });
  const close = async (): Promise<void> => {
    closeConnections();
    await Promise.all([...instances.map((instance) => instance.kill()), backend.kill(), db.close()]);
    await postgres.remove();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all([backend.start(), ...instances.map((instance) => instance.start())]);
    const clients: TestClient[] = [];
    for (let index = 0; index < 8; index += 1) {
      const method = index % 2 === 0 ? 'none' : 'client_secret_post';
      const metadata = { client_name: `Soak ${index}`, token_endpoint_auth_method: method };
      clients.push(await register(remote(baseUrl), metadata));
    }
    return {
      timeline,
      postgres,
      backend,
      instances,
      origins,
      ledger,
      calls,
      clients,
      world,
      close,
      signIn: { db, sealer: new Sealer([encryptionKey]), resource: `${baseUrl}/mcp` },
      openAtBackend: () =>
        new Promise((resolve) => {
          onOpen = resolve;
          backend.askOpen();
        }),
    };
  } catch (error) {
    await close();
    throw error;
  }
}
