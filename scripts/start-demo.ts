/** The proxy between a sample identity provider and a sample MCP server, on the embedded database. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildApp } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { createLogger } from '../src/http/logging.ts';
import { lockDataDir } from '../src/repositories/data-dir-lock.ts';
import { freeLocalPort, startOnPort } from './demo-ports.ts';
import { readableLog } from './readable-log.ts';
import { startSampleIdentityProvider } from './sample-identity-provider.ts';
import { startSampleMcpServer } from './sample-mcp-server.ts';

export interface DemoOptions {
  /** Where the proxy should listen; the samples take the two ports behind it. */
  readonly port: number;
  readonly dataDir: string;
  /** Forgets what earlier demos stored. */
  readonly isFresh: boolean;
  /** A pino level. */
  readonly logLevel: string;
  readonly print: (line: string) => void;
}

export interface Demo {
  readonly baseUrl: string;
  readonly mcpUrl: string;
  readonly issuer: string;
  readonly mcpServerUrl: string;
  close(): Promise<void>;
}

/** @throws Error for a person, when the data directory is in use or cannot be read */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { dataDir, print } = options;
  if (options.isFresh && existsSync(dataDir)) await forget(dataDir);
  const port = await freeLocalPort(options.port);
  const baseUrl = `http://localhost:${port}`;
  const credentials = { clientId: 'mcp-oauth-proxy', clientSecret: randomBytes(24).toString('base64url') };
  const identityProvider = await startOnPort(portAfter(port, 1), (free) =>
    startSampleIdentityProvider({
      ...credentials,
      port: free,
      redirectUris: [`${baseUrl}/callback`],
      onError: (error) => print(`The sample identity provider failed: ${error.message}`),
    }),
  );
  const mcpServer = await startOnPort(portAfter(port, 2), (free) => startSampleMcpServer({ port: free }));
  const config = loadConfig({
    MCP_SERVER_URL: mcpServer.url,
    OAUTH_AUTHORIZE_URL: identityProvider.issuer,
    OAUTH_CLIENT_ID: credentials.clientId,
    OAUTH_CLIENT_SECRET: credentials.clientSecret,
    BASE_URL: baseUrl,
    PORT: String(port),
    DATA_DIR: dataDir,
    SHUTDOWN_GRACE_SECONDS: '2',
    // Until it runs: a key of its own is nothing to warn about here.
    LOG_LEVEL: options.logLevel === 'warn' ? 'error' : options.logLevel,
  });
  const log = createLogger(config.logLevel, readableLog(print));
  const app = await buildApp(config, { log });
  await app.listen({ host: config.host, port: config.port });
  log.level = options.logLevel;
  return {
    baseUrl,
    mcpUrl: `${baseUrl}/mcp`,
    issuer: identityProvider.issuer,
    mcpServerUrl: mcpServer.url,
    async close() {
      await app.close();
      await mcpServer.close();
      await identityProvider.close();
    },
  };
}

/** Removes what a proxy stores, and nothing else that may be there; not while another one uses it. */
async function forget(dataDir: string): Promise<void> {
  const lock = await lockDataDir(dataDir);
  try {
    for (const name of ['pgdata', 'pgdata.unfinished', 'encryption.key']) {
      await rm(join(dataDir, name), { recursive: true, force: true });
    }
  } finally {
    await lock.release();
  }
}

/** Behind the last port there is none: then any will do. */
function portAfter(port: number, distance: number): number {
  return port + distance > 65_535 ? 0 : port + distance;
}
