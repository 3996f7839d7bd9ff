/** What stands around what is measured: PostgreSQL with seeded tokens, an MCP server that answers at once, and files. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../../support/postgres.ts';
import { freePort } from '../../support/process.ts';
import { type MeasuredProcess, startProcess } from './measured-process.ts';
import { cores, pinThisProcess } from './pinning.ts';
import { type CompiledPrograms, compilePrograms, findProgram, versionOf } from './programs.ts';
import { seedTokens } from './seed.ts';

export type TokenKind = 'ES256' | 'RS256' | 'new';

export interface World {
  /** Nothing in it outlives the benchmark. */
  readonly folder: string;
  readonly node: string;
  readonly programs: CompiledPrograms;
  readonly dsn: string;
  /** Of the proxy under test. */
  readonly environment: Readonly<Record<string, string>>;
  readonly issuer: string;
  readonly backend: MeasuredProcess;
  readonly backendName: string;
  tokenFile(kind: TokenKind): string;
  /** PEM; `new` tokens are signed with the key of ES256. */
  keyFile(kind: TokenKind): string;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly node: string;
  /** How many tokens of each kind there are. */
  readonly tokens: Readonly<Partial<Record<TokenKind, number>>>;
  say(line: string): void;
}

/** As a tool call. */
export const requestBody = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'add', arguments: { a: 40, b: 2, comment: 'x'.repeat(48) } },
});

/** 300 bytes. */
export const answerBody = ((): string => {
  const answer = (text: string): string =>
    JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text }] } });
  return answer('x'.repeat(300 - answer('').length));
})();

export async function startWorld({ node, tokens, say }: WorldOptions): Promise<World> {
  const closers: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    closers.push(pinThisProcess(cores.others));
    const folder = mkdtempSync(join(tmpdir(), 'mcp-bench-'));
    // nginx gives up its rights, and writes there all the same.
    chmodSync(folder, 0o777);
    closers.push(() => rmSync(folder, { recursive: true, force: true }));
    const programs = await compilePrograms();
    closers.push(() => programs.remove());
    const postgres = await startPostgres();
    closers.push(() => postgres.remove());
    const { backend, backendName } = await startBackend(folder, node, programs);
    closers.push(() => backend.stop());

    const issuer = `http://127.0.0.1:${await freePort()}`;
    const environment = proxyEnvironment({ issuer, dsn: postgres.dsn, backendPort: backend.port });
    const tokenFile = (kind: TokenKind): string => join(folder, `tokens-${kind}`);
    const keyFile = (kind: TokenKind): string => join(folder, `${kind === 'new' ? 'ES256' : kind}.pem`);
    for (const [kind, count] of Object.entries(tokens) as [TokenKind, number][]) {
      say(`${count} tokens (${kind}) are made`);
      const alg = kind === 'new' ? 'ES256' : kind;
      const files = { tokenFile: tokenFile(kind), keyFile: keyFile(kind) };
      await seedTokens({ environment, alg, count, ...files });
    }
    return {
      folder,
      node,
      programs,
      dsn: postgres.dsn,
      environment,
      issuer,
      backend,
      backendName,
      tokenFile,
      keyFile,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** As in production: PostgreSQL, the log at its usual level, the revocation feed, sessions bound to people. */
function proxyEnvironment(place: {
  readonly issuer: string;
  readonly dsn: string;
  readonly backendPort: number;
}): Record<string, string> {
  return {
    NODE_ENV: 'production',
    BASE_URL: place.issuer,
    HOST: '127.0.0.1',
    MCP_SERVER_URL: `http://127.0.0.1:${place.backendPort}/mcp`,
    DATABASE_DSN: place.dsn,
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    // Its endpoints are known, and nobody signs in.
    GITHUB_CLIENT_ID: 'bench',
    GITHUB_CLIENT_SECRET: 'bench',
    ACCESS_TOKEN_TTL_SECONDS: '86400',
    MCP_RATE_LIMIT_MAX: '100000000',
  };
}

async function startBackend(
  folder: string,
  node: string,
  programs: CompiledPrograms,
): Promise<{ readonly backend: MeasuredProcess; readonly backendName: string }> {
  const port = await freePort();
  const place = { port, cwd: folder, output: join(folder, 'backend.log'), core: cores.others };
  const nginx = findProgram('nginx');
  if (nginx === undefined) {
    const command = [node, programs.path('backend'), String(port), answerBody];
    return { backend: await startProcess({ ...place, command }), backendName: 'Node' };
  }
  const file = join(folder, 'backend.conf');
  writeFileSync(
    file,
    nginxConfig(folder, 'backend', `default_type application/json; return 200 '${answerBody}';`, port),
  );
  const command = [nginx, '-c', file, '-p', folder];
  return { backend: await startProcess({ ...place, command }), backendName: `nginx ${versionOf(nginx)}` };
}

/** One worker, no log of requests, connections kept for ever. `location` is what it does with every request. */
export function nginxConfig(folder: string, name: string, location: string, port: number, http = ''): string {
  return `daemon off; worker_processes 1; pid ${folder}/${name}.pid; error_log ${folder}/${name}.error.log warn;
    events { worker_connections 4096; }
    http {
      access_log off; client_body_temp_path ${folder}/${name}.body; proxy_temp_path ${folder}/${name}.proxy;
      fastcgi_temp_path ${folder}/${name}.fastcgi; uwsgi_temp_path ${folder}/${name}.uwsgi;
      scgi_temp_path ${folder}/${name}.scgi; keepalive_requests 1000000000;
      ${http}
      server { listen 127.0.0.1:${port}; location / { ${location} } }
    }`;
}
