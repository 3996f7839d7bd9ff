/** Instances of the server that really listen, one or several on one database, and the world around them. */
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { startSampleMcpServer } from '../../scripts/sample-mcp-server.ts';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { createLogger } from '../../src/http/logging.ts';
import type { Overrides } from '../../src/services.ts';
import { createTestDatabase, type DatabaseKind, type TestDatabase } from './database.ts';
import { freePort, type ServerEnvironment } from './process.ts';
import { type RoundRobin, startRoundRobin } from './round-robin.ts';
import { sampleClient, startSampleProvider } from './sample-provider.ts';

/** What stands around the server: an MCP server, and an identity provider that can go away and come back. */
export interface Surroundings {
  /** Between the server and the provider: remembers every request, and drops them while the provider is away. */
  readonly provider: RoundRobin;
  setProviderAway(isAway: boolean): void;
  /** The variables of a server that is reached at `baseUrl`. */
  readonly environment: ServerEnvironment;
  close(): Promise<void>;
}

type ProviderOptions = Parameters<typeof startSampleProvider>[0];

export async function startSurroundings(
  baseUrl: string,
  providerOptions: ProviderOptions = {},
): Promise<Surroundings> {
  const [front, mcpServer, port] = await Promise.all([startRoundRobin(), startSampleMcpServer(), freePort()]);
  const redirectUris = [`${baseUrl}/callback`];
  const provider = await startSampleProvider({
    port,
    issuer: front.origin,
    redirectUris,
    backchannelLogout: { uri: `${baseUrl}/backchannel-logout`, withSession: true },
    ...providerOptions,
  });
  const setProviderAway = (isAway: boolean) => front.setTargets(isAway ? [] : [`http://127.0.0.1:${port}`]);
  setProviderAway(false);
  return {
    provider: front,
    setProviderAway,
    environment: {
      BASE_URL: baseUrl,
      HOST: '127.0.0.1',
      MCP_SERVER_URL: mcpServer.url,
      OAUTH_AUTHORIZE_URL: front.origin,
      OAUTH_CLIENT_ID: sampleClient.clientId,
      OAUTH_CLIENT_SECRET: sampleClient.clientSecret,
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      RATE_LIMIT_MAX: '1000000',
      SHUTDOWN_GRACE_SECONDS: '1',
    },
    async close() {
      await front.close();
      await provider.close();
      await mcpServer.close();
    },
  };
}

export interface Instance {
  readonly app: FastifyInstance;
  /** Where this one listens, past the front. */
  readonly origin: string;
  /** What it has logged, at every level. */
  readonly log: readonly string[];
}

export interface Site extends Surroundings {
  /** Gives each request to the next instance. */
  readonly front: RoundRobin;
  readonly instances: readonly Instance[];
  /** A database handle of the test's own; on PostgreSQL the instances do not share it. */
  readonly database: TestDatabase;
}

export interface SiteOptions {
  /** Several need PostgreSQL. Default: 1 */
  readonly instances?: number;
  readonly clock?: Overrides['clock'];
  /** One that is there, instead of one that is made. */
  readonly database?: TestDatabase;
  /** How it reaches the documents of strangers. */
  readonly outbound?: Overrides['outbound'];
  readonly providerTimeoutMs?: Overrides['providerTimeoutMs'];
  readonly environment?: ServerEnvironment;
  readonly provider?: ProviderOptions;
  /** Whether the provider names sessions when one is over, or only the person. Default: sessions */
  readonly logoutNames?: 'session' | 'person';
}

/** Starts instances behind a round-robin front. On PostgreSQL each has its own connections. */
export async function startSite(kind: DatabaseKind, options: SiteOptions = {}): Promise<Site> {
  const front = await startRoundRobin();
  const surroundings = await startSurroundings(front.origin, {
    ...options.provider,
    ...(options.logoutNames === 'person' && {
      backchannelLogout: { uri: `${front.origin}/backchannel-logout`, withSession: false },
    }),
  });
  const database = options.database ?? (await createTestDatabase(kind));
  const environment = {
    ...surroundings.environment,
    LOG_LEVEL: 'trace',
    ...(database.dsn !== undefined && { DATABASE_DSN: database.dsn }),
    ...options.environment,
  };
  const instances: Instance[] = [];
  for (let count = 0; count < (options.instances ?? 1); count += 1) {
    const log: string[] = [];
    const app = await buildApp(loadConfig(environment), {
      ...(kind === 'embedded' && { db: database.db }),
      ...(options.clock !== undefined && { clock: options.clock }),
      ...(options.outbound !== undefined && { outbound: options.outbound }),
      ...(options.providerTimeoutMs !== undefined && { providerTimeoutMs: options.providerTimeoutMs }),
      log: createLogger('trace', { write: (line) => void log.push(line) }),
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    instances.push({
      app,
      log,
      origin: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    });
  }
  front.setTargets(instances.map(({ origin }) => origin));
  return {
    ...surroundings,
    front,
    instances,
    database,
    async close() {
      await front.close();
      await Promise.all(instances.map(({ app }) => app.close()));
      await surroundings.close();
      await database.drop();
    },
  };
}
