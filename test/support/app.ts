/** The whole server as tests meet it: real routes, a real database, a real identity provider and an MCP server. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterAll } from 'vitest';
import { buildApp } from '../../src/app.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { createLogger } from '../../src/http/logging.ts';
import type { Overrides } from '../../src/services.ts';
import { traceFields } from '../../src/telemetry/tracing.ts';
import type { Database } from '../../src/repositories/database.ts';
import { createClock, type TestClock } from './clock.ts';
import { createTestDatabase, type DatabaseKind, databaseKinds } from './database.ts';
import { sampleClient, startSampleProvider } from './sample-provider.ts';

export interface TestApp {
  readonly app: FastifyInstance;
  readonly config: Config;
  readonly db: Database;
  readonly clock: TestClock;
  /** What was logged, at every level: one JSON line each. */
  readonly log: readonly string[];
  /** Sends a request, and gives the answer as any client would see it. */
  send(request: InjectOptions): Promise<Answer>;
  readonly close: () => Promise<void>;
}

export type Answer = Awaited<ReturnType<FastifyInstance['inject']>>;

export interface TestAppOptions {
  readonly config?: Partial<Config>;
  /** The kind of a database that is made for this app, and dropped with it. PostgreSQL where there is one. */
  readonly kind?: DatabaseKind;
  /** A database to use instead; it stays open. */
  readonly db?: Database;
  readonly clock?: TestClock;
  readonly outbound?: Overrides['outbound'];
  /** Variables on top of those that every test has; an empty one unsets. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How identity providers are reached. */
  readonly fetch?: typeof fetch;
}

/** A local server, and one behind a public name; the identity provider knows both. */
export const localUrl = 'http://localhost:8080';
export const publicUrl = 'https://mcp.example.com';

/** For `environment`: other variables name the provider. */
export const noOAuth = { OAUTH_AUTHORIZE_URL: '', OAUTH_CLIENT_ID: '', OAUTH_CLIENT_SECRET: '' };

/** Rate limits are out of the way unless a test asks for them. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const clock = options.clock ?? createClock();
  const database =
    options.db === undefined
      ? await createTestDatabase(options.kind ?? databaseKinds[0] ?? 'embedded')
      : { db: options.db, drop: async () => undefined };
  const config = {
    ...loadConfig({
      MCP_SERVER_URL: `${await sharedMcpServer()}/mcp`,
      OAUTH_AUTHORIZE_URL: await sharedProvider(),
      OAUTH_CLIENT_ID: sampleClient.clientId,
      OAUTH_CLIENT_SECRET: sampleClient.clientSecret,
      BASE_URL: localUrl,
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      RATE_LIMIT_MAX: '1000000',
      LOG_LEVEL: 'trace',
      SHUTDOWN_GRACE_SECONDS: '0',
      ...options.environment,
    }),
    ...options.config,
  };
  const log: string[] = [];
  const app = await buildApp(config, {
    db: database.db,
    clock,
    ...(options.outbound !== undefined && { outbound: options.outbound }),
    ...(options.fetch && { fetch: options.fetch }),
    log: createLogger(
      config.logLevel,
      { write: (line) => void log.push(line) },
      config.tracing && traceFields,
    ),
  });
  return {
    app,
    config,
    db: database.db,
    clock,
    log,
    send: (request) => app.inject(request),
    close: async () => {
      await app.close();
      await database.drop();
    },
  };
}

/** What the MCP server behind the proxy answers: the request as it arrived. */
export interface Arrived {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** One for all apps of a test file: started with the first of them, stopped with the file. */
const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
});

let provider: Promise<string> | undefined;
async function sharedProvider(): Promise<string> {
  provider ??= startSampleProvider({
    redirectUris: [`${localUrl}/callback`, `${publicUrl}/callback`],
  }).then(({ issuer, close }) => {
    closing.push(close);
    return issuer;
  });
  return provider;
}

let mcpServer: Promise<string> | undefined;
async function sharedMcpServer(): Promise<string> {
  mcpServer ??= listen(
    createServer(({ method = '', url = '', headers }, response) => {
      const arrived: Arrived = { method, url, headers };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(arrived));
    }),
  );
  return mcpServer;
}

async function listen(server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
