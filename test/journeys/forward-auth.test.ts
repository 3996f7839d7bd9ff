/** Forward-auth mode behind real proxies, with the configuration files of docs/forward-auth as they are documented. */
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt } from 'jose';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { createLogger } from '../../src/http/logging.ts';
import { type Database, DatabaseUnavailableError, type SqlQuery } from '../../src/repositories/database.ts';
import { identityHeaderNames } from '../../src/proxy/identity-headers.ts';
import { register, revoke, signIn, type TestClient, type Tokens } from '../support/authorize.ts';
import { createTestDatabase, databaseKinds } from '../support/database.ts';
import { startSurroundings } from '../support/instances.ts';
import { freePort, type ServerEnvironment } from '../support/process.ts';
import { verifies } from '../conformance/verifies.ts';
import { createMachine, machineToken } from '../support/servers.ts';
import { documentation, type Front, fronts } from './fronts.ts';
import { connectV1, connectV2 } from './mcp-client.ts';
import { remote } from './remote.ts';

const person = { name: 'Zoë 王小明 🦊', email: 'zoe@example.com' };

/** The server in forward-auth mode, and a proxy in front of it and of an MCP server. */
class Site {
  readonly origin: string;
  readonly db: Database;
  isDatabaseAway = false;
  #closing: (() => Promise<void>)[] = [];

  private constructor(origin: string, db: Database) {
    this.origin = origin;
    this.db = db;
  }

  static async start(front: Front, mcpServer?: string, changed: ServerEnvironment = {}): Promise<Site> {
    const [frontPort, port, authPort] = [await freePort(), await freePort(), await freePort()];
    const database = await createTestDatabase(databaseKinds[0] ?? 'embedded');
    const site = new Site(`http://127.0.0.1:${frontPort}`, database.db);
    site.#closing.unshift(() => database.drop());
    const surroundings = await startSurroundings(site.origin);
    site.#closing.unshift(() => surroundings.close());
    const environment = {
      ...surroundings.environment,
      MODE: 'forward_auth',
      PORT: String(port),
      AUTH_PORT: String(authPort),
      TRUST_PROXY: '127.0.0.1',
      IDENTITY_ASSERTION: 'true',
      CORS_ALLOWED_ORIGINS: 'https://app.example',
      ...changed,
    };
    const app = await buildApp(loadConfig(environment), {
      db: site.#droppable(database.db),
      log: createLogger('silent'),
    });
    site.#closing.unshift(() => app.close());
    await app.listen({ host: '127.0.0.1', port });
    const stop = await front.start({
      front: frontPort,
      port,
      authPort,
      mcpServer: mcpServer ?? new URL(surroundings.environment.MCP_SERVER_URL ?? '').origin,
    });
    site.#closing.unshift(stop);
    return site;
  }

  #droppable(db: Database): Database {
    return {
      ...db,
      urgent: undefined,
      query: async (query: SqlQuery) => {
        if (this.isDatabaseAway) throw new DatabaseUnavailableError('away');
        return db.query(query);
      },
    };
  }

  async close(): Promise<void> {
    for (const close of this.#closing) await close();
  }
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** One request through node:http, which sends the path and the headers as they are given. */
async function ask(
  origin: string,
  path: string,
  { method = 'GET', headers = [] as readonly string[], body = '' } = {},
): Promise<Answer> {
  const { hostname, port, host } = new URL(origin);
  const named = headers.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const request = httpRequest({
    hostname,
    port,
    path,
    method,
    agent: false,
    headers: [...headers, ...(named.includes('host') ? [] : ['Host', host])],
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

/** A trivial MCP server that answers with the headers that arrived, and has sent cookies and challenges of its own. */
async function startEcho(): Promise<{ readonly origin: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    response.setHeader('set-cookie', 'theirs=1');
    response.setHeader('www-authenticate', 'Basic realm="theirs"');
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('mcp-session-id', 'session');
    response.end(JSON.stringify({ url: request.url, method: request.method, raw: request.rawHeaders }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const isRunnable = (front: Front) => (front.isHere ? describe : describe.skip);

for (const front of fronts) {
  isRunnable(front)(`behind ${front.name}`, () => {
    describe('a real MCP server', () => {
      let site: Site;
      beforeAll(async () => {
        site = await Site.start(front);
        return () => site.close();
      });
      const mcpUrl = () => new URL('/mcp', site.origin);

      test.each([
        ['SDK 1.32', connectV1],
        ['SDK 2.4', connectV2('auto')],
      ] as const)(
        '%s discovers, registers, signs in, and the MCP server knows who calls (MCP authorization)',
        async (_name, connect) => {
          const client = await connect(mcpUrl(), { person });

          expect(await client.call('whoami')).toEqual({
            user: expect.stringMatching(/^[0-9a-f]{20}$/) as string,
            email: 'zoe@example.com',
            name: 'Zoë 王小明 🦊',
            accessToken: expect.stringMatching(/^.{4}… \(\d+ characters\)$/) as string,
          });
          await client.close();
        },
      );

      test('events of a stream arrive one by one, as they happen (protocol.md 128)', async () => {
        const client = await connectV1(mcpUrl(), { person });
        const arrivals: number[] = [];

        await client.call('countdown', { from: 3, stepMs: 150 }, () => arrivals.push(performance.now()));

        expect(arrivals).toHaveLength(3);
        expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(150);
        await client.close();
      });

      test('a revoked token stops at once (design §3.4)', async () => {
        const client = await register(remote(site.origin));
        const tokens = await signIn(remote(site.origin), client);
        const call = async () =>
          ask(site.origin, '/mcp', {
            method: 'POST',
            headers: ['Authorization', `Bearer ${tokens.accessToken}`],
          });
        expect((await call()).status).toBe(406);

        await revoke(remote(site.origin), client, tokens.refreshToken);

        const refused = await call();
        expect(refused.status).toBe(401);
        expect(refused.headers['www-authenticate']).toContain('error="invalid_token"');
      });
    });

    describe('what arrives and what comes back', () => {
      let site: Site;
      let echo: Awaited<ReturnType<typeof startEcho>>;
      let client: TestClient;
      let tokens: Tokens;
      beforeAll(async () => {
        echo = await startEcho();
        site = await Site.start(front, echo.origin);
        client = await register(remote(site.origin));
        tokens = await signIn(remote(site.origin), client);
        return async () => {
          await site.close();
          await echo.close();
        };
      });

      const call = async (headers: readonly string[] = [], path = '/mcp', method = 'POST') =>
        ask(site.origin, path, {
          method,
          headers: [
            'Authorization',
            `Bearer ${tokens.accessToken}`,
            'Content-Type',
            'application/json',
            ...headers,
          ],
          body: method === 'POST' ? '{}' : '',
        });
      const arrived = (answer: Answer) => {
        expect(answer.status).toBe(200);
        const { raw, ...rest } = JSON.parse(answer.body) as { raw: string[]; url: string; method: string };
        const headers = raw.flatMap((name, index) =>
          index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? ''] as const] : [],
        );
        return { ...rest, names: headers.map(([name]) => name), headers: Object.fromEntries(headers) };
      };

      test(
        'identity arrives, credentials do not (protocol.md 117)',
        verifies('credentials-not-forwarded'),
        async () => {
          const { headers, names } = arrived(
            await call([
              'Cookie',
              'a=b',
              'Proxy-Authorization',
              'Basic x',
              'DPoP',
              'proof',
              'Mcp-Session-Id',
              's',
            ]),
          );

          expect(headers).toMatchObject({
            'x-forwarded-user': expect.stringMatching(/^[0-9a-f]{20}$/) as string,
            'x-forwarded-email': 'ada@example.com',
            'x-forwarded-name': 'Ada Lovelace',
            'x-forwarded-access-token': expect.any(String) as string,
            'mcp-session-id': 's',
            'x-forwarded-for': '127.0.0.1',
          });
          expect(decodeJwt(headers['x-forwarded-jwt-assertion'] ?? '')).toMatchObject({ iss: site.origin });
          for (const name of ['authorization', 'cookie', 'proxy-authorization', 'dpop']) {
            expect(names).not.toContain(name);
          }
          expect(headers['x-forwarded-access-token']).not.toBe(tokens.accessToken);
          expect(JSON.stringify(headers)).not.toContain(tokens.accessToken);
        },
      );

      test('TRACE shows no client what was added for the MCP server (RFC 9110 §9.3.8)', async () => {
        const answer = await call([], '/mcp', 'TRACE');

        expect([403, 405]).toContain(answer.status);
        expect(answer.body).not.toContain('"raw"');
      });

      test('path, query and method arrive as they were sent', async () => {
        expect(arrived(await call([], '/mcp/x?a=%20b', 'DELETE'))).toMatchObject({
          url: '/mcp/x?a=%20b',
          method: 'DELETE',
        });
      });

      const forgeable = [...identityHeaderNames];
      const spellings = forgeable.flatMap((name) => [
        name,
        name.replaceAll('-', '_'),
        name.toUpperCase(),
        name.replace('-', '_'),
      ]);

      test(
        'a forged identity header does not arrive, in any spelling (protocol.md 118)',
        verifies('identity-headers'),
        async () => {
          for (const name of spellings) {
            const answer = await call([name, 'forged']);

            // nginx drops names with underscores by itself; everything else is cleared or refused.
            expect([200, 403]).toContain(answer.status);
            expect(answer.body).not.toContain('forged');
          }
        },
      );

      test('what is not known is not there: a machine has no e-mail, no name, and no token of a provider', async () => {
        const machine = await createMachine(site.db);
        const token = await machineToken(remote(site.origin), machine);

        const { headers } = arrived(
          await ask(site.origin, '/mcp', { headers: ['Authorization', `Bearer ${token}`] }),
        );

        // Caddy sends the others, empty.
        expect(identityHeaderNames.filter((name) => (headers[name] ?? '') !== '')).toEqual([
          'x-forwarded-user',
          'x-forwarded-client-id',
          'x-forwarded-jwt-assertion',
        ]);
        expect(headers['x-forwarded-user']).toBe(machine.clientId);
      });

      test('Connection removes none of ours on the way (RFC 9110 §7.6.1, protocol.md 118)', async () => {
        const { headers } = arrived(await call(['Connection', 'close, X-Forwarded-User, X-Forwarded-Email']));

        expect(headers).toMatchObject({
          'x-forwarded-user': expect.stringMatching(/^[0-9a-f]{20}$/) as string,
          'x-forwarded-email': 'ada@example.com',
        });
      });

      test.each([
        [
          'no token',
          [],
          401,
          /^Bearer resource_metadata="[^"]+\/\.well-known\/oauth-protected-resource\/mcp", scope="/,
        ],
        ['a bad token', ['Authorization', 'Bearer bad'], 401, /^Bearer error="invalid_token"/],
      ] as const)(
        '%s: 401 with the full challenge, in JSON, for every method (RFC 6750 §3, RFC 9728 §5.1)',
        async (_name, headers, status, challenge) => {
          for (const method of ['POST', 'GET', 'DELETE', 'PUT']) {
            const answer = await ask(site.origin, '/mcp', { method, headers });

            expect(answer.status).toBe(status);
            expect(answer.headers['www-authenticate']).toMatch(challenge);
            expect(answer.headers['www-authenticate']).toContain(`resource_metadata="${site.origin}/`);
            expect(JSON.parse(answer.body)).toHaveProperty('error');
          }
        },
      );

      test('an origin that is not allowed is 403, and a browser’s script may read the answer of one that is (protocol.md 102, 132)', async () => {
        const evil = await call(['Origin', 'https://evil.example']);
        const good = await call(['Origin', 'https://app.example']);
        const challenged = await ask(site.origin, '/mcp', { headers: ['Origin', 'https://app.example'] });
        const preflight = await ask(site.origin, '/mcp', {
          method: 'OPTIONS',
          headers: [
            'Origin',
            'https://app.example',
            'Access-Control-Request-Method',
            'POST',
            'Access-Control-Request-Headers',
            'authorization,mcp-protocol-version',
          ],
        });

        expect(evil.status).toBe(403);
        expect(good.status).toBe(200);
        for (const { headers } of [good, challenged]) {
          expect(headers['access-control-allow-origin']).toBe('https://app.example');
          expect(headers['access-control-expose-headers']).toContain('Mcp-Session-Id');
          expect(headers['access-control-expose-headers']).toContain('WWW-Authenticate');
          expect(headers).not.toHaveProperty('access-control-allow-credentials');
        }
        expect(challenged.status).toBe(401);
        expect(preflight.status).toBe(204);
        expect(preflight.headers['access-control-allow-origin']).toBe('https://app.example');
        expect(preflight.headers['access-control-allow-headers']).toContain('authorization');
      });

      test('no method gets past without a token, whatever a header says it was', async () => {
        for (const header of ['X-Forwarded-Method', 'X-Original-Method', 'X-HTTP-Method-Override']) {
          expect((await ask(site.origin, '/mcp', { headers: [header, 'OPTIONS'] })).status).toBe(401);
        }
        const options = await ask(site.origin, '/mcp', {
          method: 'OPTIONS',
          headers: ['X-Marker', 'arrived'],
        });
        expect(options.body).not.toContain('arrived');
      });

      test.each(['X-Original-URI', 'X-Original-URL', 'X-Forwarded-Uri', 'X-Rewrite-Url'])(
        'a client’s %s changes nothing for the better: no token, no access',
        async (name) => {
          const answer = await ask(site.origin, '/mcp', { headers: [name, '/health'] });
          expect([401, 403]).toContain(answer.status);
        },
      );

      test.each([
        '/mcp/../admin',
        '/mcp/%2e%2e/admin',
        '/mcp/..%2fadmin',
        '/mcp//admin',
        '/mcp/x/..;/..;/admin',
      ])('%s does not reach the MCP server, with a good token (RFC 3986 §5.2.4)', async (path) => {
        const answer = await call([], path);
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
        expect(answer.body).not.toContain('"raw"');
      });

      test('what the MCP server says for the public address does not come back: cookies, challenges, CORS', async () => {
        const { headers } = await call();

        expect(headers).not.toHaveProperty('set-cookie');
        expect(headers).not.toHaveProperty('www-authenticate');
        expect(headers).not.toHaveProperty('access-control-allow-origin');
        expect(headers['cache-control']).toBe('no-store');
        expect(headers['mcp-session-id']).toBe('session');
      });

      test('every discovery document is served without a token (RFC 9728 §3, RFC 8414 §3)', async () => {
        for (const path of [
          '/.well-known/oauth-protected-resource/mcp',
          '/mcp/.well-known/oauth-protected-resource',
          '/.well-known/oauth-authorization-server',
          '/jwks',
        ]) {
          expect((await ask(site.origin, path)).status).toBe(200);
        }
      });

      test(
        'nobody gets at the port for proxies through the proxy: the provider’s token is not for clients (protocol.md 119)',
        verifies('provider-token-header'),
        async () => {
          for (const path of ['/auth', '/auth/mcp', '/_mcp_auth']) {
            const answer = await call(['X-Original-URI', '/mcp', 'X-Forwarded-Uri', '/mcp'], path, 'GET');
            expect(answer.status).toBe(404);
            expect(JSON.stringify(answer.headers)).not.toContain('x-forwarded');
          }
        },
      );
    });

    test('too many calls are 429, and what cannot be decided is 503, both with Retry-After (design §3.8)', async () => {
      const echo = await startEcho();
      const site = await Site.start(front, echo.origin, { MCP_RATE_LIMIT_MAX: '2' });
      const client = await register(remote(site.origin));
      const [tokens, others] = await Promise.all([
        signIn(remote(site.origin), client),
        signIn(remote(site.origin), client, {}, { name: 'Eve', email: 'eve@example.com' }),
      ]);
      const call = async ({ accessToken }: Tokens) =>
        ask(site.origin, '/mcp', { headers: ['Authorization', `Bearer ${accessToken}`] });

      const answers = [await call(tokens), await call(tokens), await call(tokens)];
      site.isDatabaseAway = true;
      answers.push(await call(others));
      site.isDatabaseAway = false;
      answers.push(await call(others));

      await site.close();
      await echo.close();
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 503, 200]);
      for (const { headers, body } of answers.slice(2, 4)) {
        expect(Number(headers['retry-after'])).toBeGreaterThan(0);
        expect(JSON.parse(body)).toMatchObject({ error: 'temporarily_unavailable' });
      }
    });
  });
}

test('every documented configuration names every identity header', async () => {
  const files = (await readdir(documentation)).filter((name) => !name.endsWith('.md'));
  expect(files.toSorted()).toEqual(['Caddyfile', 'envoy.yaml', 'nginx.conf', 'traefik.yaml']);
  for (const file of files) {
    const written = (await readFile(new URL(file, documentation), 'utf8')).toLowerCase();
    expect([file, ...identityHeaderNames.filter((name) => !written.includes(name))]).toEqual([file]);
  }
});
