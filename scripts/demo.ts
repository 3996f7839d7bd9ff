/** `npm run demo`: the proxy with a sample identity provider and a sample MCP server, on the embedded database. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';
import type { FastifyInstance } from 'fastify';
import { buildApp } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { createLogger } from '../src/http/logging.ts';
import { clientSetup } from '../src/pages/client-setup.ts';
import { startSampleIdentityProvider } from './sample-identity-provider.ts';
import { startSampleMcpServer } from './sample-mcp-server.ts';

const usage = `Usage: npm run demo -- [--fresh] [--verbose]

  --fresh     forget what earlier demos stored
  --verbose   print the proxy's log

PORT (default 8080) and DATA_DIR (default ./data/demo) may be set in the environment.`;

interface Demo {
  readonly mcpUrl: string;
  readonly identityProvider: string;
  readonly mcpServer: string;
  readonly dataDir: string;
  close(): Promise<void>;
}

async function startDemo(port: number, dataDir: string, isVerbose: boolean): Promise<Demo> {
  const baseUrl = `http://localhost:${port}`;
  const credentials = { clientId: 'mcp-oauth-proxy', clientSecret: randomBytes(24).toString('base64url') };
  const identityProvider = await startSampleIdentityProvider({
    ...credentials,
    port: await freePort(port + 1),
    redirectUris: [`${baseUrl}/callback`],
  });
  const mcpServer = await startSampleMcpServer({ port: await freePort(port + 2) });
  const config = loadConfig({
    MCP_SERVER_URL: mcpServer.url,
    OAUTH_AUTHORIZE_URL: identityProvider.issuer,
    OAUTH_CLIENT_ID: credentials.clientId,
    OAUTH_CLIENT_SECRET: credentials.clientSecret,
    BASE_URL: baseUrl,
    PORT: String(port),
    DATA_DIR: dataDir,
    SHUTDOWN_GRACE_SECONDS: '2',
  });
  const app: FastifyInstance = await buildApp(config, { log: createLogger(isVerbose ? 'info' : 'error') });
  await app.listen({ host: 'localhost', port });
  return {
    mcpUrl: `${baseUrl}/mcp`,
    identityProvider: identityProvider.issuer,
    mcpServer: mcpServer.url,
    dataDir,
    async close() {
      await app.close();
      await mcpServer.close();
      await identityProvider.close();
    },
  };
}

/** `wanted`, or any free port when it is taken. */
async function freePort(wanted: number): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(0);
      else reject(error);
    });
    server.listen(wanted, 'localhost', () => resolve(portOf(server)));
  });
  if (port !== 0) await new Promise((resolve) => server.close(resolve));
  return port === 0 ? freePort(0) : port;
}

function portOf(server: ReturnType<typeof createServer>): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function describeDemo(demo: Demo): string {
  const setup = clientSetup('demo', demo.mcpUrl);
  return `
  mcp-oauth-proxy demo is ready.

  Connect an MCP client to   ${demo.mcpUrl}

  Identity provider          ${demo.identityProvider}   (sample: any name and e-mail sign in)
  MCP server behind          ${demo.mcpServer}   (sample: whoami, countdown, counter, echo)
  Database                   ${demo.dataDir}   (embedded)

  In a second shell          npm run try -- --auto

  Claude Code                ${setup.claudeCode}
                             then /mcp inside Claude Code, to sign in
  VS Code                    ${setup.vsCode}
  Cursor                     ${setup.cursorLink}
  MCP Inspector              ${setup.inspector}

  Ctrl-C stops it.
`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { fresh: { type: 'boolean' }, verbose: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    console.log(usage);
    return;
  }
  const wanted = Number(process.env.PORT ?? 8080);
  const port = await freePort(wanted);
  if (port !== wanted) console.log(`Port ${wanted} is taken: using ${port}.`);
  const dataDir = process.env.DATA_DIR ?? './data/demo';
  if (values.fresh === true) rmSync(dataDir, { recursive: true, force: true });
  const demo = await startDemo(port, dataDir, values.verbose === true);
  console.log(describeDemo(demo));
  const stop = (): void => {
    demo.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

try {
  await main();
} catch (error) {
  console.error(`The demo cannot start: ${error instanceof Error ? error.message : 'unknown failure'}`);
  process.exit(1);
}
