/** The protected resource: who gets to the MCP server, and what everyone else is told (RFC 6750, RFC 9728). */
import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto';
import { exportSPKI, importJWK, type JWK, SignJWT } from 'jose';
import { METHODS } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callMcp, register, revoke, signIn, type TestClient, type Tokens } from '../support/authorize.ts';
import { createClock } from '../support/clock.ts';
import { openSite, type Outside, signLike, startBackend } from './outside.ts';
import { verifies } from './verifies.ts';

let local: Outside;
let client: TestClient;
let tokens: Tokens;
const clock = createClock();
beforeAll(async () => {
  local = await openSite({ clock });
  client = await register(local.proxy);
  tokens = await signIn(local.proxy, client);
});
afterAll(() => local.site.close());

/** The MCP server's own answer to a request that accepts nothing: the proxy has let it through. */
const reached = 406;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const methods = METHODS.filter((method) => !['CONNECT', 'OPTIONS'].includes(method));
const addresses = ['/mcp', '/mcp/', '/mcp/x', '/mcp?a=b', '/mcp/a/b/?c', '/mcp/../x', '/mcp//'];
const challengeFor = (issuer: string) =>
  `Bearer resource_metadata="${issuer}/.well-known/oauth-protected-resource/mcp", scope="openid profile email"`;

describe('without a token', () => {
  test.each(methods)(
    '%s gets 401 with a challenge that has no error, before anything about path, method or body (RFC 6750 §3, §3.1)',
    verifies('challenge', 'challenge-scope'),
    async (method) => {
      for (const address of addresses) {
        const answer = await local.ask(address, {
          method,
          headers: { 'content-type': 'application/x-unknown', accept: '*/*' },
        });
        expect([address, answer.statusCode]).toEqual([address, 401]);
        expect(answer.headers['www-authenticate']).toBe(challengeFor(local.issuer));
        expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
        expect(answer.headers['cache-control']).toBe('no-store');
        if (method !== 'HEAD') expect(answer.json()).toMatchObject({ error: 'unauthorized' });
      }
    },
  );

  test(
    'a person’s browser gets a page, still as 401 with the same challenge (RFC 6750 §3)',
    verifies('challenge'),
    async () => {
      const page = await local.ask('/mcp', { headers: { accept: 'text/html,application/xhtml+xml' } });

      expect([page.statusCode, page.headers['www-authenticate']]).toEqual([401, challengeFor(local.issuer)]);
      expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    },
  );

  test.each(['Basic dXNlcjpwYXNz', 'Negotiate abc', 'DPoP abc', 'Token abc', 'Bearerx abc'])(
    '“%s” is no bearer token: a challenge without an error (RFC 6750 §3.1)',
    verifies('challenge'),
    async (authorization) => {
      const answer = await local.ask('/mcp', { method: 'POST', headers: { authorization } });

      expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([
        401,
        challengeFor(local.issuer),
      ]);
    },
  );

  test(
    'resource_metadata is absolute, can be fetched without a token, and is about the address asked for (RFC 9728 §5.1, §3.3)',
    verifies('challenge-resource-metadata'),
    async () => {
      for (const address of addresses) {
        const answer = await local.ask(address, { method: 'POST' });
        const [, url = ''] =
          /resource_metadata="([^"]+)"/.exec(String(answer.headers['www-authenticate'])) ?? [];
        expect(new URL(url).origin).toBe(local.issuer);
        expect(await (await fetch(url)).json()).toMatchObject({ resource: `${local.issuer}/mcp` });
      }
    },
  );

  test(
    'what a caller says does not get into the challenge, whose parameters are there once (RFC 9110 §11.6.1)',
    verifies('challenge-syntax', 'errors-echo-nothing'),
    async () => {
      const odd = [
        '/mcp?resource_metadata="https://evil.example"',
        '/mcp/evil"quote',
        '/mcp/%0d%0aset-cookie:evil=1',
        '/mcp/%22%2c%20scope=%22admin',
      ];
      for (const address of odd) {
        for (const headers of [{}, bearer('evil'), { authorization: 'Bearer "evil" , error="x"' }]) {
          const answer = await local.ask(address, { headers });
          const challenge = String(answer.headers['www-authenticate']);
          expect(answer.statusCode).toBe(401);
          expect(challenge).toMatch(/^Bearer [a-z_]+="[^"\\]*"(, [a-z_]+="[^"\\]*")*$/);
          const names = [...challenge.matchAll(/([a-z_]+)="/g)].map(([, name]) => name);
          expect(new Set(names).size).toBe(names.length);
          expect(JSON.stringify(answer.headers) + answer.body).not.toMatch(/evil|admin/);
        }
      }
    },
  );
});

describe('a token that is not good', () => {
  const forged: readonly (readonly [string, () => Promise<string> | string])[] = [
    ['no JWT', () => 'abc'],
    ['a JWT of nothing', () => '..'],
    ['a very long one', () => 'a'.repeat(20_000)],
    ['one with a changed signature', () => `${tokens.accessToken.slice(0, -8)}AAAAAAAA`],
    ['one without its signature', () => `${tokens.accessToken.split('.').slice(0, 2).join('.')}.`],
    ['the refresh token', () => tokens.refreshToken],
    ['the client id', () => client.clientId],
    ['alg none (RFC 8725 §3.1)', () => unsigned({ alg: 'none', typ: 'at+jwt' })],
    ['alg None', () => unsigned({ alg: 'None', typ: 'at+jwt' })],
    ['HS256 with the public key as secret (RFC 8725 §3.1)', async () => hmacWithPublicKey()],
    ['an unknown key id', async () => signLike(local, tokens.accessToken, { header: { kid: 'x' } })],
    ['no key id', async () => signLike(local, tokens.accessToken, { header: { kid: undefined } })],
    ['a stranger’s key under our id', async () => strangersToken()],
    ['a key that it brings along (RFC 8725 §3.10)', async () => strangersToken({ jwk: true })],
    [
      'an extension that must be understood (RFC 7515 §4.1.11)',
      async () => signLike(local, tokens.accessToken, { header: { crit: ['exp'], exp: 1 } }),
    ],
    [
      'another issuer',
      async () => signLike(local, tokens.accessToken, { claims: { iss: 'https://x.example' } }),
    ],
    [
      'the issuer with a slash',
      async () => signLike(local, tokens.accessToken, { claims: { iss: `${local.issuer}/` } }),
    ],
    [
      'an expiry in the past',
      async () => signLike(local, tokens.accessToken, { claims: { exp: 1_000_000_000 } }),
    ],
    ['no expiry', async () => signLike(local, tokens.accessToken, { claims: { exp: undefined } })],
    [
      'a beginning in the future (RFC 7519 §4.1.5)',
      async () => signLike(local, tokens.accessToken, { claims: { nbf: 4_000_000_000 } }),
    ],
    [
      'an id that was never issued',
      async () => signLike(local, tokens.accessToken, { claims: { jti: randomUUID() } }),
    ],
    ['no subject', async () => signLike(local, tokens.accessToken, { claims: { sub: undefined } })],
  ];

  test.each(forged)(
    '%s is 401 invalid_token (MCP authorization, "Token Handling"; RFC 6750 §3.1)',
    verifies('token-refused'),
    async (_name, make) => {
      const answer = await local.ask('/mcp', { method: 'POST', headers: bearer(await make()) });

      expect([answer.statusCode, answer.json()]).toMatchObject([401, { error: 'invalid_token' }]);
      expect(answer.headers['www-authenticate']).toMatch(
        /^Bearer error="invalid_token", .*resource_metadata="http/,
      );
    },
  );

  test.each([
    'Bearer',
    'Bearer ',
    'Bearer  a b',
    'Bearer a, Bearer b',
    'Bearer a,b',
    'Bearer é',
    'Bearer {}',
    'Bearer =abc',
  ])(
    'the header “%s” is refused as the caller’s mistake (RFC 6750 §3.1)',
    verifies('token-refused'),
    async (authorization) => {
      const answer = await local.ask('/mcp', { method: 'POST', headers: { authorization } });

      expect([400, 401]).toContain(answer.statusCode);
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer error="invalid_(token|request)"/);
    },
  );

  test(
    'two Authorization headers are not one good one (RFC 9110 §5.3)',
    verifies('token-refused'),
    async () => {
      const answer = await local.ask('/mcp', {
        method: 'POST',
        headers: { authorization: ['Bearer x', `Bearer ${tokens.accessToken}`] as unknown as string },
      });

      expect(answer.statusCode).toBe(401);
    },
  );

  test(
    'expired and revoked tokens are 401 invalid_token (MCP authorization, "Token Handling")',
    verifies('token-refused'),
    async () => {
      const later = createClock();
      const other = await openSite({ clock: later });
      const itsClient = await register(other.proxy);
      const [expiring, revoked] = [
        await signIn(other.proxy, itsClient),
        await signIn(other.proxy, itsClient),
      ];
      await revoke(other.proxy, itsClient, revoked.accessToken);
      const whenRevoked = await callMcp(other.proxy, revoked.accessToken, { method: 'POST' });
      const before = await callMcp(other.proxy, expiring.accessToken, { method: 'POST' });
      later.advance({ hours: 1, seconds: 10 });
      const after = await callMcp(other.proxy, expiring.accessToken, { method: 'POST' });
      await other.site.close();

      expect([whenRevoked, before, after].map(({ statusCode }) => statusCode)).toEqual([401, reached, 401]);
      for (const { headers } of [whenRevoked, after]) {
        expect(headers['www-authenticate']).toMatch(/error="invalid_token"/);
      }
    },
  );

  test(
    'a token of this very issuer for another resource is refused (RFC 8707 §2, MCP authorization, "Access Token Privilege Restriction")',
    verifies('token-audience'),
    async () => {
      const { issuer } = local;
      const audiences = [
        `${issuer}/other`,
        `${issuer}/mcp/`,
        `${issuer}/mcp2`,
        issuer,
        [`${issuer}/other`],
        '',
        undefined,
      ];
      for (const aud of audiences) {
        const token = await signLike(local, tokens.accessToken, { claims: { aud } });
        const answer = await local.ask('/mcp', { method: 'POST', headers: bearer(token) });
        expect([aud, answer.statusCode]).toEqual([aud, 401]);
      }
      const same = await signLike(local, tokens.accessToken, {});
      expect((await local.ask('/mcp', { method: 'POST', headers: bearer(same) })).statusCode).toBe(reached);
    },
  );

  test(
    'a JWT of another kind by our own key is no access token (RFC 9068 §4)',
    verifies('access-token-type-checked'),
    async () => {
      for (const typ of ['JWT', 'id_token+jwt', 'secevent+jwt', 'oauth-authz-req+jwt', '', undefined]) {
        const token = await signLike(local, tokens.accessToken, { header: { typ } });
        const answer = await local.ask('/mcp', { method: 'POST', headers: bearer(token) });
        expect([typ, answer.statusCode]).toEqual([typ, 401]);
      }
    },
  );

  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = (header: object): string => `${encode(header)}.${tokens.accessToken.split('.')[1]}.`;

  async function publishedKey(): Promise<JWK> {
    const { keys } = (await local.ask('/jwks')).json<{ keys: JWK[] }>();
    return keys[0] ?? {};
  }

  async function hmacWithPublicKey(): Promise<string> {
    const jwk = await publishedKey();
    const pem = await exportSPKI((await importJWK(jwk)) as Parameters<typeof exportSPKI>[0]);
    const input = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: jwk.kid })}.${tokens.accessToken.split('.')[1]}`;
    return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`;
  }

  async function strangersToken({ jwk: bringsKey = false } = {}): Promise<string> {
    const { kid } = await publishedKey();
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const claims = JSON.parse(Buffer.from(tokens.accessToken.split('.')[1] ?? '', 'base64url').toString());
    return new SignJWT(claims as Record<string, unknown>)
      .setProtectedHeader({
        alg: 'ES256',
        typ: 'at+jwt',
        kid: kid ?? '',
        ...(bringsKey && { jwk: publicKey.export({ format: 'jwk' }) }),
      })
      .sign(privateKey);
  }
});

describe('where a token may be', () => {
  test(
    'the scheme has no case, one or more spaces may follow (RFC 9110 §11.1)',
    verifies('token-in-header-only'),
    async () => {
      for (const scheme of ['bearer', 'BEARER', 'BeArEr', 'Bearer ']) {
        const headers = { authorization: `${scheme} ${tokens.accessToken}` };
        expect((await local.ask('/mcp', { method: 'POST', headers })).statusCode).toBe(reached);
      }
    },
  );

  test(
    'a token in the query, in a form body, in a cookie or in another header is not looked at (OAuth 2.1 §5.1)',
    verifies('token-in-header-only'),
    async () => {
      const { accessToken } = tokens;
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      const answers = [
        await local.ask(`/mcp?access_token=${accessToken}`, { method: 'POST' }),
        await local.ask('/mcp', { method: 'POST', headers: form, body: `access_token=${accessToken}` }),
        await local.ask('/mcp', { headers: { cookie: `access_token=${accessToken}; token=${accessToken}` } }),
        await local.ask('/mcp', { headers: { 'x-access-token': accessToken, 'x-auth-token': accessToken } }),
        await local.ask('/mcp', { headers: { 'proxy-authorization': `Bearer ${accessToken}` } }),
      ];

      for (const answer of answers) {
        expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([
          401,
          challengeFor(local.issuer),
        ]);
      }
    },
  );

  test(
    'a sign-in in the browser opens nothing: its cookies are no credential (MCP authorization, "Token Requirements")',
    verifies('token-in-header-only', 'token-every-request'),
    async () => {
      const { browser } = (await signIn(local.proxy, client)).authorization;
      const answer = await browser.get('/mcp', { accept: 'application/json' });

      expect(browser.cookies.size).toBeGreaterThan(0);
      expect(answer.statusCode).toBe(401);
    },
  );
});

describe('sessions', () => {
  const initialize = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'conformance', version: '1' },
    },
  });
  const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const open = async (token: string): Promise<string> => {
    const answer = await local.ask('/mcp', {
      method: 'POST',
      headers: { ...json, ...bearer(token) },
      body: initialize,
    });
    expect(answer.statusCode).toBe(200);
    return String(answer.headers['mcp-session-id']);
  };

  test(
    'a session id is no credential: each request needs its token (MCP authorization, "Token Requirements")',
    verifies('token-every-request'),
    async () => {
      const session = await open(tokens.accessToken);
      for (const method of ['GET', 'POST', 'DELETE']) {
        const headers = { ...json, 'mcp-session-id': session };
        expect((await local.ask('/mcp', { method, headers })).statusCode).toBe(401);
      }
    },
  );

  test(
    'another person’s session is 404, exactly as one that does not exist; its owner goes on, with a new token too (MCP security best practices, "Session Hijacking")',
    verifies('session-bound-to-person'),
    async () => {
      const session = await open(tokens.accessToken);
      const mallory = { name: 'Mallory', email: 'mallory@example.com' };
      const other = await signIn(local.proxy, client, {}, mallory);
      const again = await signIn(local.proxy, await register(local.proxy));
      const callAs = async (token: string, id: string, method = 'POST') =>
        local.ask('/mcp', {
          method,
          headers: { ...json, ...bearer(token), 'mcp-session-id': id, 'mcp-protocol-version': '2025-06-18' },
          ...(method === 'POST' && { body: '{"jsonrpc":"2.0","id":2,"method":"tools/list"}' }),
        });

      for (const method of ['GET', 'POST', 'DELETE']) {
        const refused = await callAs(other.accessToken, session, method);
        const unknown = await callAs(other.accessToken, randomUUID(), method);
        expect([refused.statusCode, unknown.statusCode]).toEqual([404, 404]);
        expect(refused.body).toBe(unknown.body);
        expect(refused.headers).not.toHaveProperty('www-authenticate');
      }
      expect((await callAs(tokens.accessToken, session)).statusCode).toBe(200);
      expect((await callAs(again.accessToken, session)).statusCode).toBe(200);
    },
  );
});

describe('browsers', () => {
  const origin = 'https://app.example';

  test(
    'any origin may call with a token by default; where origins are listed, others get 403 before the MCP server hears of it (MCP transports, "Security Warning")',
    verifies('origin-checked'),
    async () => {
      const backend = await startBackend((_request, response) => response.end('{}'));
      const strict = await openSite({
        environment: { CORS_ALLOWED_ORIGINS: origin, MCP_SERVER_URL: backend.url },
      });
      const { accessToken } = await signIn(strict.proxy, await register(strict.proxy));
      const callFrom = async (from: string | undefined, method = 'POST') =>
        strict.ask('/mcp', {
          method,
          headers: { ...bearer(accessToken), ...(from !== undefined && { origin: from }) },
        });
      const statuses = [];
      for (const from of [
        origin,
        undefined,
        strict.issuer,
        'https://evil.example',
        'null',
        `${origin}.evil.example`,
        'http://app.example',
        'https://app.example:444',
      ]) {
        statuses.push([from, (await callFrom(from)).statusCode]);
      }
      const refusedGet = await callFrom('https://evil.example', 'GET');
      await strict.site.close();
      await backend.close();

      expect(statuses.map(([, status]) => status)).toEqual([200, 200, 200, 403, 403, 403, 403, 403]);
      expect(refusedGet.statusCode).toBe(403);
      expect(refusedGet.json()).toMatchObject({ error: 'access_denied' });
      expect(backend.arrived).toHaveLength(3);
      const anywhere = { ...bearer(tokens.accessToken), origin: 'https://evil.example' };
      expect((await local.ask('/mcp', { method: 'POST', headers: anywhere })).statusCode).toBe(reached);
    },
  );

  test(
    'a server on loopback answers to no other name, token or not, on any endpoint (MCP transports, DNS rebinding)',
    verifies('host-checked'),
    async () => {
      const hosts = [
        'evil.example.com',
        'localhost.evil.example',
        '127.0.0.1.nip.io',
        'evil.example:8080',
        '[::2]',
      ];
      for (const host of hosts) {
        for (const path of ['/mcp', '/authorize', '/token', '/.well-known/oauth-authorization-server']) {
          const headers = { ...bearer(tokens.accessToken), host, origin: `http://${host}` };
          const answer = await local.ask(path, { method: 'POST', headers });
          expect([host, path, answer.statusCode]).toEqual([host, path, 421]);
        }
      }
      for (const host of ['localhost', '127.0.0.1:9', '[::1]:9', 'LOCALHOST:1']) {
        const headers = { ...bearer(tokens.accessToken), host };
        expect((await local.ask('/mcp', { method: 'POST', headers })).statusCode).toBe(reached);
      }
    },
  );

  test(
    'preflights need no token, and may ask for any header that MCP has (Fetch, "HTTP-CORS protocol")',
    verifies('cors-resource'),
    async () => {
      const wanted =
        'authorization,content-type,accept,mcp-protocol-version,mcp-session-id,mcp-method,mcp-name,last-event-id,mcp-param-region';
      for (const path of ['/mcp', '/mcp/', '/mcp/x']) {
        for (const method of ['GET', 'POST', 'DELETE']) {
          const answer = await local.ask(path, {
            method: 'OPTIONS',
            headers: {
              origin,
              'access-control-request-method': method,
              'access-control-request-headers': wanted,
            },
          });
          expect(answer.statusCode).toBe(204);
          expect(answer.headers['access-control-allow-origin']).toBe('*');
          expect(answer.headers['access-control-allow-headers']).toBe(wanted);
          expect(String(answer.headers['access-control-allow-methods']).split(', ')).toContain(method);
          expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
        }
      }
    },
  );

  test(
    'scripts can read the challenge, the session and when to come back: on answers, 401, 429 and 502 (Fetch, "HTTP-CORS protocol")',
    verifies('cors-resource'),
    async () => {
      const limited = await openSite({ environment: { MCP_RATE_LIMIT_MAX: '1' } });
      const away = await openSite({ environment: { MCP_SERVER_URL: 'http://127.0.0.1:1/mcp' } });
      const call = async (at: Outside, token: string) =>
        at.ask('/mcp', { method: 'POST', headers: { ...bearer(token), origin } });
      const limitedToken = (await signIn(limited.proxy, await register(limited.proxy))).accessToken;
      const awayToken = (await signIn(away.proxy, await register(away.proxy))).accessToken;
      const answers = [
        await call(local, tokens.accessToken),
        await call(local, 'x'),
        await call(limited, limitedToken),
        await call(limited, limitedToken),
        await call(away, awayToken),
      ];
      await limited.site.close();
      await away.site.close();

      expect(answers.map(({ statusCode }) => statusCode)).toEqual([reached, 401, reached, 429, 502]);
      for (const { headers } of answers) {
        expect(headers['access-control-allow-origin']).toBe('*');
        expect(headers).not.toHaveProperty('access-control-allow-credentials');
        expect(String(headers['access-control-expose-headers']).split(', ')).toEqual(
          expect.arrayContaining([
            'WWW-Authenticate',
            'Mcp-Session-Id',
            'MCP-Protocol-Version',
            'Retry-After',
          ]),
        );
      }
      expect(Number(answers[3]?.headers['retry-after'])).toBeGreaterThan(0);
    },
  );
});

describe('answers', () => {
  test(
    'are for one person: not stored, whatever the MCP server says, and different for each token (RFC 6750 §5.3)',
    verifies('resource-not-cached'),
    async () => {
      const backend = await startBackend((_request, response) => {
        response.writeHead(200, {
          'cache-control': 'public, max-age=3600, s-maxage=9',
          vary: 'Accept',
          etag: '"1"',
        });
        response.end('{"mail":"secret"}');
      });
      const at = await openSite({ environment: { MCP_SERVER_URL: `${backend.url}/mcp` } });
      const { accessToken } = await signIn(at.proxy, await register(at.proxy));
      const answer = await at.ask('/mcp', { headers: bearer(accessToken) });
      await at.site.close();
      await backend.close();

      expect(answer.headers['cache-control']).toBe('no-store');
      expect(String(answer.headers.vary).split(', ')).toEqual(
        expect.arrayContaining(['Accept', 'Authorization']),
      );
    },
  );

  test(
    'a stream ends when its grant is revoked, and runs on when its token merely expires (MCP transports, "Receiving Messages")',
    verifies('streams-at-revocation'),
    async () => {
      let say: (text: string) => void = () => undefined;
      const backend = await startBackend((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(': open\n\n');
        say = (text) => void response.write(text);
      });
      const itsClock = createClock();
      const at = await openSite({ clock: itsClock, environment: { MCP_SERVER_URL: `${backend.url}/mcp` } });
      const itsClient = await register(at.proxy);
      const { accessToken, refreshToken } = await signIn(at.proxy, itsClient);
      const stream = await fetch(`${at.issuer}/mcp`, { headers: bearer(accessToken) });
      const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
      const first = await reader?.read();

      itsClock.advance({ hours: 2 });
      expect((await at.ask('/mcp', { headers: bearer(accessToken) })).statusCode).toBe(401);
      say('data: still here\n\n');
      const second = await reader?.read();
      await revoke(at.proxy, itsClient, refreshToken);
      const end = await reader?.read().then(
        () => 'more',
        () => 'cut off',
      );

      await at.site.close();
      await backend.close();
      expect([first?.value, second?.value, end]).toEqual([': open\n\n', 'data: still here\n\n', 'cut off']);
    },
  );

  test(
    'a call without an answer yet is answered 401 when its grant is revoked (RFC 6750 §3.1)',
    verifies('streams-at-revocation'),
    async () => {
      let hasArrived: () => void = () => undefined;
      const arriving = new Promise<void>((resolve) => (hasArrived = resolve));
      let isGone: () => void = () => undefined;
      const going = new Promise<void>((resolve) => (isGone = resolve));
      const backend = await startBackend((_request, response) => {
        response.on('close', isGone);
        hasArrived();
      });
      const at = await openSite({ environment: { MCP_SERVER_URL: `${backend.url}/mcp` } });
      const itsClient = await register(at.proxy);
      const { accessToken, refreshToken } = await signIn(at.proxy, itsClient);
      const asking = at.ask('/mcp', { method: 'POST', headers: bearer(accessToken) });
      await arriving;

      await revoke(at.proxy, itsClient, refreshToken);
      const answer = await asking;
      await going;

      await at.site.close();
      await backend.close();
      expect(answer.statusCode).toBe(401);
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer error="invalid_token"/);
    },
  );
});
