/** Forward-auth mode without a proxy in front: what the proxy is answered, and who else is not. */
import { decodeJwt } from 'jose';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config.ts';
import { trustedPeers } from '../../src/http/trusted-peers.ts';
import { identityHeaderNames } from '../../src/proxy/identity-headers.ts';
import { verifies } from '../conformance/verifies.ts';
import { localUrl, startTestApp, type TestApp } from '../support/app.ts';
import { callMcp, register, revoke, signIn, type TestClient, type Tokens } from '../support/authorize.ts';
import { freePort } from '../support/process.ts';
import { createMachine, machineToken } from '../support/servers.ts';

let proxy: TestApp;
let client: TestClient;
let tokens: Tokens;
beforeAll(async () => {
  proxy = await startForwardAuth();
  client = await register(proxy);
  tokens = await signIn(proxy, client);
  return proxy.close;
});

async function startForwardAuth(config: Partial<Config> = {}, db?: TestApp['db']): Promise<TestApp> {
  const app = await startTestApp({
    ...(db === undefined ? {} : { db }),
    config: {
      ...proxy?.config,
      mode: 'forward_auth',
      authPort: await freePort(),
      trustProxy: ['127.0.0.1'],
      ...config,
    },
  });
  await app.app.ready();
  return app;
}

interface Asked {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Asks at the port for proxies, as a proxy does. */
async function ask(
  headers: Readonly<Record<string, string | string[]>> = {},
  { app = proxy, path = '/auth', method = 'GET' } = {},
): Promise<Asked> {
  const outgoing = httpRequest({
    port: app.config.authPort,
    host: '127.0.0.1',
    path,
    method,
    headers,
    agent: false,
  });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

const bearer = () => ({ authorization: `Bearer ${tokens.accessToken}` });
const uri = { 'x-original-uri': '/mcp' };

test('a good token: 200 with the identity headers, without a body, not to be kept', async () => {
  const answer = await ask({ ...bearer(), ...uri });

  expect(answer).toMatchObject({ status: 200, body: '' });
  expect(answer.headers).toMatchObject({
    'x-forwarded-user': expect.stringMatching(/^[0-9a-f]{20}$/) as string,
    'x-forwarded-email': 'ada@example.com',
    'x-forwarded-name': 'Ada Lovelace',
    'x-forwarded-access-token': expect.any(String) as string,
    'cache-control': 'no-store',
    'content-length': '0',
  });
  expect(answer.headers['x-forwarded-jwt-assertion']).toBe('');
});

test('what is not known is said with an empty value, so that copying it replaces what a client sent (protocol.md 118)', async () => {
  const machine = await createMachine(proxy.db);
  const token = await machineToken(proxy, machine);

  const { headers } = await ask({ authorization: `Bearer ${token}`, ...uri });

  expect(Object.fromEntries(identityHeaderNames.map((name) => [name, headers[name]]))).toEqual({
    'x-forwarded-user': machine.clientId,
    'x-forwarded-email': '',
    'x-forwarded-name': '',
    'x-forwarded-client-id': machine.clientId,
    'x-forwarded-access-token': '',
    'x-forwarded-jwt-assertion': '',
  });
});

test('the options of the headers count here too: a signed identity, no token of the provider', async () => {
  const own = await startForwardAuth({ identityAssertion: true, forwardAccessToken: false }, proxy.db);

  const { headers } = await ask({ ...bearer(), ...uri }, { app: own });

  await own.close();
  expect(headers['x-forwarded-access-token']).toBe('');
  expect(decodeJwt(String(headers['x-forwarded-jwt-assertion'])).aud).toBe(proxy.config.mcpServerUrl);
});

describe('refusals', () => {
  test(
    'no token: 401 with the challenge, whose addresses are of BASE_URL, whatever the headers say (RFC 6750 §3, RFC 9728 §5.1)',
    verifies('challenge'),
    async () => {
      const answer = await ask({
        ...uri,
        host: 'localhost',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'gopher',
      });

      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe(
        `Bearer resource_metadata="${localUrl}/.well-known/oauth-protected-resource/mcp", scope="openid profile email"`,
      );
    },
  );

  test('a revoked token: 401 invalid_token, at once (design §3.4)', async () => {
    const own = await signIn(proxy, client);
    const headers = { authorization: `Bearer ${own.accessToken}`, ...uri };
    expect((await ask(headers)).status).toBe(200);

    await revoke(proxy, client, own.refreshToken);

    const answer = await ask(headers);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
  });

  test('a foreign origin: 403 before the token is looked at (MCP transports)', async () => {
    const own = await startForwardAuth({ corsAllowedOrigins: ['https://app.example'] }, proxy.db);

    const statuses = await Promise.all(
      ['https://app.example', 'https://evil.example'].map(
        async (origin) => (await ask({ ...bearer(), ...uri, origin }, { app: own })).status,
      ),
    );

    await own.close();
    expect(statuses).toEqual([200, 403]);
  });

  test('too many calls of a person: 429 with Retry-After, counted on both ports together', async () => {
    const own = await startForwardAuth({ mcpRateLimitMax: 2 }, proxy.db);

    await ask({ ...bearer(), ...uri }, { app: own });
    await callMcp(own, tokens.accessToken);
    const answer = await ask({ ...bearer(), ...uri }, { app: own });

    await own.close();
    expect(answer.status).toBe(429);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });

  test('an address that is not in TRUST_PROXY is answered 403, with any token and any header', async () => {
    const own = await startForwardAuth({ trustProxy: ['10.0.0.0/8'] }, proxy.db);

    const answer = await ask({ ...bearer(), ...uri, 'x-forwarded-for': '10.0.0.1' }, { app: own });

    await own.close();
    expect(answer.status).toBe(403);
    expect(answer.headers).not.toHaveProperty('x-forwarded-user');
  });

  test('OPTIONS is let through by nobody: there are no preflights here', async () => {
    const preflight = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
    for (const path of ['/auth', '/auth/mcp']) {
      expect((await ask({ ...uri, ...preflight }, { path, method: 'OPTIONS' })).status).toBe(404);
    }
  });

  test(
    'identity headers of a client: 403, in any spelling, on both ports (protocol.md 118)',
    verifies('identity-headers'),
    async () => {
      for (const name of identityHeaderNames.flatMap((known) => [known, known.replaceAll('-', '_')])) {
        const answers = [
          (await ask({ ...bearer(), ...uri, [name]: 'forged' })).status,
          (await callMcp(proxy, tokens.accessToken, { headers: { [name]: 'forged' } })).statusCode,
        ];
        expect([name, ...answers]).toEqual([name, 403, 403]);
      }
    },
  );
});

describe('the original URL', () => {
  test.each([
    ['X-Original-URI, as for nginx', { 'x-original-uri': '/mcp?x=1' }, '/auth'],
    ['X-Original-URL, as of ingress-nginx', { 'x-original-url': 'https://mcp.example.com/mcp/x' }, '/auth'],
    ['X-Forwarded-Uri, as of Traefik and Caddy', { 'x-forwarded-uri': '/mcp/' }, '/auth'],
    ['the path, as of Envoy', {}, '/auth/mcp?x=/../y'],
  ])('%s', async (_name, headers, path) => {
    expect((await ask({ ...bearer(), ...headers }, { path })).status).toBe(200);
  });

  test.each([
    ['is not named', {}, '/auth'],
    ['is empty', { 'x-original-uri': '' }, '/auth/'],
    [
      'is somewhere else: a token is for one resource (protocol.md 99)',
      { 'x-original-uri': '/admin' },
      '/auth',
    ],
    ['only begins like it', { 'x-original-uri': '/mcpx' }, '/auth'],
    ['leaves it', { 'x-forwarded-uri': '/mcp/../admin' }, '/auth'],
    ['leaves it, encoded', { 'x-original-uri': '/mcp/%2e%2e/admin' }, '/auth'],
    ['is another host’s path', { 'x-original-url': 'https://mcp.example.com/admin?/mcp' }, '/auth'],
    ['is somewhere else, for Envoy', {}, '/auth/admin'],
    [
      'is named twice, and one is somewhere else',
      { 'x-original-uri': '/mcp', 'x-forwarded-uri': '/admin' },
      '/auth',
    ],
    ['is repeated', { 'x-original-uri': '/mcp, /mcp' }, '/auth'],
    [
      'is hidden behind the query of one that a client sent before it',
      { 'x-original-uri': ['/mcp?x', '/admin'] },
      '/auth',
    ],
    [
      'is hidden likewise, as a whole URL',
      { 'x-original-url': ['https://mcp.example.com/mcp?x', 'https://mcp.example.com/admin'] },
      '/auth',
    ],
  ])('refused with 403: it %s', async (_name, headers, path) => {
    expect((await ask({ ...bearer(), ...headers }, { path })).status).toBe(403);
  });

  test('nothing that is said about the original method lets anyone in, and TRACE is refused (RFC 9110 §9.3.8)', async () => {
    for (const name of ['x-original-method', 'x-forwarded-method']) {
      expect((await ask({ ...uri, [name]: 'OPTIONS' })).status).toBe(401);
      expect((await ask({ ...bearer(), ...uri, [name]: 'POST' })).status).toBe(200);
      expect((await ask({ ...bearer(), ...uri, [name]: 'TRACE' })).status).toBe(403);
      expect((await ask({ ...bearer(), ...uri, [name]: ['GET', 'TRACE'] })).status).toBe(403);
    }
    expect((await ask(bearer(), { path: '/auth/mcp', method: 'TRACE' })).status).toBe(403);
  });
});

describe('the port for clients', () => {
  test(
    'has no /auth: the provider’s token is not for clients (protocol.md 119)',
    verifies('provider-token-header'),
    async () => {
      for (const url of ['/auth', '/auth/mcp']) {
        const answer = await proxy.send({ url, headers: { ...bearer(), ...uri } });
        expect(answer.statusCode).toBe(404);
      }
    },
  );

  test('and the port for proxies has nothing else', async () => {
    for (const path of [
      '/',
      '/mcp',
      '/health',
      '/token',
      '/jwks',
      '/.well-known/oauth-authorization-server',
    ]) {
      expect((await ask({ ...bearer(), ...uri }, { path })).status).toBe(404);
    }
  });

  test('a browser that opens /mcp gets the page that explains it, on either port; an event stream gets JSON', async () => {
    const accept = 'text/html,application/xhtml+xml';
    const page = await callMcp(proxy, undefined, { headers: { accept } });
    const passedOn = await ask({ ...uri, accept });
    const stream = await callMcp(proxy, undefined, { headers: { accept: 'text/event-stream' } });

    expect([page.statusCode, passedOn.status, stream.statusCode]).toEqual([401, 401, 401]);
    for (const { headers, body } of [page, passedOn]) {
      expect(headers['www-authenticate']).toContain('resource_metadata="');
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      expect(body).toContain('claude mcp add');
    }
    expect(stream.headers['content-type']).toMatch(/^application\/json/);
  });

  test('at /mcp a refusal can be had in full, and a good token gets 503: nothing is passed on from here', async () => {
    const [none, good] = [await callMcp(proxy, undefined), await callMcp(proxy, tokens.accessToken)];

    expect(none.statusCode).toBe(401);
    expect(none.headers['www-authenticate']).toContain('resource_metadata="');
    expect(good.statusCode).toBe(503);
    expect(Number(good.headers['retry-after'])).toBeGreaterThan(0);
    expect(proxy.log.join('')).toContain('a request with a good token came here');
  });

  test.each(['POST', 'PUT', 'DELETE', 'QUERY', 'PROPFIND'])(
    '%s /mcp with any body is challenged too',
    async (method) => {
      const answer = await callMcp(proxy, undefined, {
        method: method as 'POST',
        payload: '\0',
        headers: { 'content-type': 'application/x-unheard-of' },
      });
      expect(answer.statusCode).toBe(401);
    },
  );
});

describe('which peers are trusted', () => {
  test.each([
    [['127.0.0.1'], '127.0.0.1', true],
    [['127.0.0.1'], '::ffff:127.0.0.1', true],
    [['127.0.0.1'], '127.0.0.2', false],
    [['10.0.0.0/8'], '10.255.0.1', true],
    [['10.0.0.0/8'], '11.0.0.1', false],
    [['fd00::/8'], 'fd12::1', true],
    [['fd00::/8'], 'fe80::1', false],
    [['loopback'], '::1', true],
    [['loopback'], '127.9.9.9', true],
    [['uniquelocal'], '172.31.0.1', true],
    [['uniquelocal'], '172.32.0.1', false],
    [['linklocal'], '169.254.1.1', true],
    [[], '127.0.0.1', false],
    [['127.0.0.1'], undefined, false],
    [['127.0.0.1'], 'unix', false],
  ])('TRUST_PROXY=%j, %s: %s', (trusted, address, expected) => {
    expect(trustedPeers(trusted)(address)).toBe(expected);
  });
});
