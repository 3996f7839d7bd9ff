/** What is wrong behind the server, made with real parts: the database, the keys, the provider, the MCP server. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { createAsk } from '../../src/doctor/ask.ts';
import { checkDatabase } from '../../src/doctor/check-database.ts';
import { checkKeys } from '../../src/doctor/check-keys.ts';
import { checkMcpServer } from '../../src/doctor/check-mcp-server.ts';
import { examine } from '../../src/doctor/examine.ts';
import { Report } from '../../src/doctor/finding.ts';
import { sql } from '../../src/repositories/database.ts';
import { createTestDatabase, describePostgres } from '../support/database.ts';
import { type Running, startSite } from './site.ts';

const idsOf = ({ findings }: Report) => findings.map(({ id }) => id);

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the MCP server', () => {
  async function check(url: string): Promise<Report> {
    const report = new Report();
    await checkMcpServer(url, 'https://mcp.example.com', createAsk({}), report);
    return report;
  }
  const initialized = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { protocolVersion: '2025-06-18' } });
  const json = { 'content-type': 'application/json' };
  const at =
    (path: string): RequestListener =>
    (request, response) =>
      request.url === path
        ? response.writeHead(200, json).end(initialized)
        : response.writeHead(404).end('no');

  test.each(['/mcp', '/', '/api/mcp'])(
    'that is at %s is found, and the line to use is said',
    async (path) => {
      const origin = await serve(at(path));

      const report = await check(`${origin}/wrong`);

      expect(report.findings).toMatchObject([
        { id: 'mcp.wrong-path', details: [`MCP_SERVER_URL=${origin}${path}`] },
      ]);
    },
  );

  it('that has a slash at the end of its path is found', async () => {
    const origin = await serve((request, response) =>
      request.url === '/server/'
        ? response.writeHead(200, json).end(initialized)
        : response.writeHead(307, { location: '/server/' }).end(),
    );

    expect((await check(`${origin}/server`)).findings).toMatchObject([
      { id: 'mcp.wrong-path', details: [`MCP_SERVER_URL=${origin}/server/`] },
    ]);
  });

  it('that answers with events is understood', async () => {
    const origin = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`event: message\ndata: ${initialized}\n\n`);
    });

    expect((await check(`${origin}/mcp`)).findings).toEqual([]);
  });

  it('that knows only the revision without sessions is understood (protocol.md §0)', async () => {
    const origin = await serve((request, response) =>
      request.headers['mcp-method'] === 'server/discover'
        ? response
            .writeHead(200, json)
            .end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { supportedVersions: ['2026-07-28'] } }))
        : response.writeHead(400, json).end('{}'),
    );

    expect((await check(`${origin}/mcp`)).findings).toEqual([]);
  });

  test.each<readonly [string, RequestListener, string]>([
    [
      'speaks only the transport of 2024',
      (request, response) =>
        request.url === '/sse' && request.method === 'GET'
          ? response
              .writeHead(200, { 'content-type': 'text/event-stream' })
              .write('event: endpoint\ndata: /messages?id=1\n\n')
          : response.writeHead(404).end(),
      'mcp.legacy',
    ],
    [
      'refuses the host name',
      (_request, response) => response.writeHead(421).end('Invalid Host header'),
      'mcp.host-refused',
    ],
    [
      'refuses the host name with 403',
      (_request, response) => response.writeHead(403).end('Invalid Host: x'),
      'mcp.host-refused',
    ],
    ['demands a sign-in', (_request, response) => response.writeHead(401).end(), 'mcp.wants-sign-in'],
    [
      'is this server',
      (_request, response) =>
        response
          .writeHead(401, {
            'www-authenticate':
              'Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"',
          })
          .end(),
      'mcp.is-this-server',
    ],
    [
      'redirects',
      (_request, response) => response.writeHead(302, { location: 'https://login.example' }).end(),
      'mcp.redirects',
    ],
    [
      'redirects to what is no address',
      (_request, response) => response.writeHead(302, { location: 'http://[' }).end(),
      'mcp.redirects',
    ],
    [
      'is a web site',
      (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
      'mcp.not-mcp',
    ],
    ['is broken', (_request, response) => response.writeHead(500).end(), 'mcp.unreachable'],
  ])('that %s is named', async (_name, answer, id) => {
    expect(idsOf(await check(`${await serve(answer)}/mcp`))).toEqual([id]);
  });

  it('that is not there is named', async () => {
    expect(idsOf(await check('http://127.0.0.1:1/mcp'))).toEqual(['mcp.unreachable']);
  });
});

describe('the configuration and the provider', () => {
  let running: Running;
  beforeAll(async () => {
    running = await startSite('http://localhost:0');
  });
  afterAll(async () => running.close());

  test.each<readonly [string, Readonly<Record<string, string>>, string]>([
    ['a variable that is missing', { MCP_SERVER_URL: '' }, 'config.invalid'],
    ['a wrong client secret', { OAUTH_CLIENT_SECRET: 'wrong' }, 'provider.secret-refused'],
    ['a client ID that it does not know', { OAUTH_CLIENT_ID: 'wrong' }, 'provider.client-unknown'],
    [
      'a redirect URI that it does not know',
      { BASE_URL: 'http://127.0.0.1:1' },
      'provider.redirect-uri-refused',
    ],
    ['a provider that is away', { OAUTH_AUTHORIZE_URL: 'http://127.0.0.1:1' }, 'provider.unreachable'],
    ['a scope that it does not know', { SCOPES_SUPPORTED: 'openid,tickets' }, 'provider.scope-unknown'],
    [
      'a key that is not the one of the database',
      { ENCRYPTION_KEY: randomBytes(32).toString('base64') },
      'keys.do-not-open',
    ],
  ])('names %s', async (_name, changed, id) => {
    const report = await examine({ ...running.environment, ...changed }, { idleSeconds: 1 });

    // The embedded database is in use, so what is in it cannot be looked at.
    if (id === 'keys.do-not-open' && running.environment.DATABASE_DSN === undefined) return;
    expect(idsOf(report)).toContain(id);
    for (const secret of [running.environment.OAUTH_CLIENT_SECRET, running.environment.ENCRYPTION_KEY]) {
      expect(JSON.stringify([report.findings, report.passes, report.unknowns])).not.toContain(secret);
    }
  });
});

describe('the keys', () => {
  it('in a file that others can read, or that holds none, are named; none is made', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'mcp-doctor-keys-'));
    closing.push(() => rm(dataDir, { recursive: true }));
    const check = () => {
      const report = new Report();
      checkKeys({ encryptionKeys: undefined, dataDir }, report);
      return idsOf(report);
    };

    expect(check()).toEqual([]);
    await expect(readFile(join(dataDir, 'encryption.key'))).rejects.toThrow('ENOENT');
    const file = join(dataDir, 'encryption.key');
    await writeFile(file, randomBytes(32).toString('base64'), { mode: 0o600 });
    expect(check()).toEqual([]);
    await chmod(file, 0o644);
    expect(check()).toEqual(['keys.file-open-to-others']);
    await writeFile(file, 'nothing');
    expect(check()).toEqual(['keys.file-unreadable']);
  });
});

describe('the embedded database', () => {
  it('in use by the server is no finding, and is said', async () => {
    const database = await createTestDatabase('embedded');
    closing.push(() => database.drop());
    const report = new Report();

    await checkDatabase(
      { databaseDsn: undefined, dataDir: database.dataDir ?? '', baseUrl: undefined },
      undefined,
      report,
    );

    expect(report.findings).toEqual([]);
    expect(report.unknowns).toMatchObject([
      { text: expect.stringContaining('in use by the running server') },
    ]);
  });
});

describePostgres('PostgreSQL', () => {
  async function check(dsn: string): Promise<Report> {
    const report = new Report();
    await checkDatabase({ databaseDsn: dsn, dataDir: '', baseUrl: undefined }, undefined, report);
    return report;
  }

  it('that is not there is named', async () => {
    expect(idsOf(await check('postgres://127.0.0.1:1/mcp'))).toEqual(['database.unreachable']);
  });

  it('that is empty is said, and stays empty', async () => {
    const database = await createTestDatabase('postgres', { empty: true });
    closing.push(() => database.drop());

    const report = await check(database.dsn ?? '');

    expect(report.findings).toEqual([]);
    expect(report.unknowns).toMatchObject([{ text: expect.stringContaining('0001_initial') }]);
    expect((await database.db.query(sql`select 1 from pg_tables where schemaname = 'public'`)).rowCount).toBe(
      0,
    );
  });

  it('of a newer program is named; so is one that takes no writes', async () => {
    const database = await createTestDatabase('postgres');
    closing.push(() => database.drop());
    const readOnly = new URL(database.dsn ?? '');
    readOnly.searchParams.set('options', '-c default_transaction_read_only=on');

    expect(idsOf(await check(readOnly.href))).toEqual(['database.read-only']);
    await database.db.query(sql`
      insert into schema_migrations (version, name, checksum, applied_at)
      values (9999, '9999_future', '', now())`);
    expect(idsOf(await check(database.dsn ?? ''))).toEqual(['database.mismatch']);
  });
});
