/** Between client and MCP server: what passes, what does not, and what is said of the person (MCP transports, RFC 9700 §4.13). */
import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import {
  ada,
  callMcp,
  refresh,
  register,
  signIn,
  type TestClient,
  type Tokens,
} from '../support/authorize.ts';
import { createClock } from '../support/clock.ts';
import { sampleClient } from '../support/sample-provider.ts';
import { type Backend, openSite, type Outside, startBackend } from './outside.ts';
import { verifies } from './verifies.ts';

let backend: Backend;
let at: Outside;
let client: TestClient;
let tokens: Tokens;
/** What the MCP server does with the next requests. */
let answer: RequestListener = (_request, response) => response.end('{}');
beforeAll(async () => {
  backend = await startBackend((request, response) => answer(request, response));
  at = await openSite({ environment: { MCP_SERVER_URL: `${backend.url}/mcp` } });
  client = await register(at.proxy);
  tokens = await signIn(at.proxy, client);
});
afterAll(async () => {
  await at.site.close();
  await backend.close();
});

const bearer = () => ({ authorization: `Bearer ${tokens.accessToken}` });
/** Has the MCP server open a session with this id. */
const openSession = async (id: string): Promise<string> => {
  const usual = answer;
  answer = (_request, response) => response.writeHead(200, { 'mcp-session-id': id }).end('{}');
  await at.ask('/mcp', { method: 'POST', headers: bearer() });
  answer = usual;
  return id;
};
const lastArrived = (): IncomingMessage => {
  const last = backend.arrived.at(-1);
  if (last === undefined) throw new Error('nothing arrived');
  return last;
};

describe('to the MCP server', () => {
  test(
    'no credential passes: not the token, no cookie, nothing for proxies (MCP authorization, "Token Handling")',
    verifies('credentials-not-forwarded'),
    async () => {
      await at.ask('/mcp?a=b', {
        headers: {
          ...bearer(),
          cookie: 'a=b; c=d',
          'proxy-authorization': 'Basic abc',
          dpop: 'proof',
          Cookie2: 'x',
        },
      });
      const { rawHeaders, url } = lastArrived();

      expect(url).toBe('/mcp?a=b');
      expect(rawHeaders.join('\n')).not.toContain(tokens.accessToken);
      const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
      for (const name of ['authorization', 'cookie', 'cookie2', 'proxy-authorization', 'dpop']) {
        expect(names).not.toContain(name);
      }
    },
  );

  const identity = ['x-forwarded-user', 'x-forwarded-email', 'x-forwarded-name', 'x-forwarded-access-token'];
  test.each([
    Object.fromEntries(identity.map((name) => [name, 'evil'])),
    Object.fromEntries(identity.map((name) => [name.toUpperCase(), 'evil'])),
    Object.fromEntries(identity.map((name) => [name.replaceAll('-', '_'), 'evil'])),
    Object.fromEntries(identity.map((name) => [name.replace('-', '.'), 'evil'])),
    Object.fromEntries(identity.map((name) => [name, ['evil', 'evil2']])),
    { connection: `close, ${identity.join(', ')}`, 'x-forwarded-user': 'evil' },
    { 'x-forwarded-groups': 'evil', 'x-forwarded-preferred-username': 'evil', 'x-real-ip': 'evil' },
    { forwarded: 'for=evil;host=evil', 'x-forwarded-for': 'evil', 'x-forwarded-host': 'evil' },
  ])(
    'no header of a client says who calls, however it is spelled: %j (RFC 9700 §4.13)',
    verifies('identity-headers'),
    async (headers) => {
      await at.ask('/mcp', { headers: { ...headers, ...bearer() } });
      const { headers: arrived } = lastArrived();

      expect(JSON.stringify(arrived)).not.toContain('evil');
      expect(arrived['x-forwarded-email']).toBe(ada.email);
      expect(arrived['x-forwarded-name']).toBe(ada.name);
      expect(arrived['x-forwarded-user']).toMatch(/^[\w-]+$/);
    },
  );

  test(
    'the address of the client is the one that trusted proxies vouch for (TRUST_PROXY)',
    verifies('forwarded-origin'),
    async () => {
      const behind = await openSite({
        environment: { MCP_SERVER_URL: `${backend.url}/mcp`, TRUST_PROXY: '127.0.0.1' },
      });
      const { accessToken } = await signIn(behind.proxy, await register(behind.proxy));
      await behind.ask('/mcp', {
        headers: {
          authorization: `Bearer ${accessToken}`,
          'x-forwarded-for': '6.6.6.6, 203.0.113.7',
          'x-forwarded-host': 'evil.example',
          'x-forwarded-proto': 'gopher',
          forwarded: 'for=6.6.6.6',
        },
      });
      await behind.site.close();

      const { headers } = lastArrived();
      expect(headers).toMatchObject({
        'x-forwarded-for': '203.0.113.7',
        'x-forwarded-host': new URL(behind.issuer).host,
        'x-forwarded-proto': 'http',
      });
      expect(headers).not.toHaveProperty('forwarded');
    },
  );

  test(
    'a name in any script arrives as UTF-8, and can break no header (RFC 9110 §5.5)',
    verifies('identity-headers'),
    async () => {
      const person = { name: 'Zoë 王小明', email: 'zoe@example.com' };
      const { accessToken } = await signIn(at.proxy, client, {}, person);
      const { statusCode } = await callMcp(at.proxy, accessToken);
      const arrived = String(lastArrived().headers['x-forwarded-name']);

      expect(statusCode).toBe(200);
      expect(Buffer.from(arrived, 'latin1').toString('utf8')).toBe(person.name);
    },
  );

  test(
    'MCP’s headers and unknown ones pass as they came, and the body byte for byte (MCP 2026-07-28 transports, "Request Metadata")',
    verifies('headers-forwarded'),
    async () => {
      const sent = {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': '=?base64?w6Q=?=',
        'mcp-param-region': 'eu-central',
        'mcp-session-id': await openSession('session-1'),
        'last-event-id': 'event-7',
        'x-anything': 'kept, as it is',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      };
      const received: Buffer[] = [];
      answer = (request, response) => {
        request.on('data', (chunk: Buffer) => received.push(chunk));
        request.on('end', () => response.end('{}'));
      };
      const body = '{"jsonrpc":"2.0",  "id":1,\n"method":"tools/call","ä":"\\u0000"} ';
      await at.ask('/mcp', { method: 'POST', headers: { ...sent, ...bearer() }, body });

      expect(lastArrived().headers).toMatchObject(sent);
      expect(Buffer.concat(received).toString()).toBe(body);
    },
  );

  test(
    'GET, DELETE, POST and batches pass, with a token alone (MCP 2025-03-26 to 2025-11-25 transports)',
    verifies('legacy-transport'),
    async () => {
      const batch = '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"}]';
      let body = '';
      answer = (request, response) => {
        body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        request.on('end', () => response.writeHead(202).end());
      };
      const session = await openSession('session-2');
      for (const method of ['GET', 'POST', 'DELETE']) {
        const headers = { 'mcp-session-id': session, 'content-type': 'application/json' };
        const request = method === 'POST' ? { method, body: batch } : { method };
        const before = backend.arrived.length;
        const refused = await at.ask('/mcp', { ...request, headers });
        expect([refused.statusCode, backend.arrived.length]).toEqual([401, before]);
        const passed = await at.ask('/mcp', { ...request, headers: { ...headers, ...bearer() } });
        expect([passed.statusCode, lastArrived().method]).toEqual([202, method]);
        if (method === 'POST') expect(body).toBe(batch);
      }
    },
  );

  test(
    'it hears its own host, and ours as the public one (RFC 9700 §4.13)',
    verifies('forwarded-origin'),
    async () => {
      answer = (_request, response) => response.end('{}');
      await at.ask('/mcp', {
        headers: { ...bearer(), 'x-forwarded-proto': 'gopher', 'x-forwarded-for': '6.6.6.6' },
      });

      expect(lastArrived().headers).toMatchObject({
        host: new URL(backend.url).host,
        'x-forwarded-host': new URL(at.issuer).host,
        'x-forwarded-proto': 'http',
        'x-forwarded-for': '127.0.0.1',
      });
    },
  );

  test.each([
    ['both lengths', 'content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['two lengths', 'content-length: 4\r\ncontent-length: 5\r\n\r\nabcd'],
    ['a hidden chunked', 'transfer-encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['a space before the colon', 'transfer-encoding : chunked\r\n\r\n0\r\n\r\n'],
    ['a folded header', 'transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n'],
  ])(
    'one message is one message: a request with %s does not reach it as two (RFC 9112 §6.3, §11.2)',
    verifies('forwarded-origin'),
    async (_name, rest) => {
      const before = backend.arrived.length;
      const smuggled = `GET /mcp/smuggled HTTP/1.1\r\nhost: x\r\n\r\n`;
      const { port } = new URL(at.site.instances[0]?.origin ?? '');
      const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.write(
        `POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\nauthorization: Bearer ${tokens.accessToken}\r\n${rest}${smuggled}`,
      );
      await once(socket, 'close');

      expect(text).toMatch(/^HTTP\/1\.1 (4\d\d|501|200)/);
      expect(backend.arrived.slice(before).map(({ url }) => url)).not.toContain('/mcp/smuggled');
      expect(backend.arrived.length - before).toBeLessThanOrEqual(1);
    },
  );

  test.each([
    '/mcp/../admin',
    '/mcp/%2e%2e/admin',
    '/mcp/..;/admin',
    '/mcp/%252e%252e/admin',
    '/mcp\\..\\admin',
  ])('no spelling of %s leaves its address (RFC 3986 §5.2.4)', verifies('forwarded-origin'), async (path) => {
    const before = backend.arrived.length;
    const { statusCode } = await at.ask(path, { headers: bearer() });

    expect([400, 404]).toContain(statusCode);
    expect(backend.arrived).toHaveLength(before);
  });
});

describe('no way of writing an address gets past the door, with a token or without (RFC 3986 §5.2.4, RFC 9112 §3.2)', () => {
  const targets = [
    '/mcp/../health',
    '/health/../mcp',
    '/mcp/%2e%2e/health',
    '/mcp/..%2fhealth',
    '/mcp/..%5chealth',
    '/mcp/..\\health',
    '\\mcp',
    '//mcp',
    '/.//mcp',
    '/./mcp',
    '/%2e/mcp',
    '/x/../mcp',
    '/%6dcp',
    '/mc%70/x',
    '/mcp%2fx',
    '/mcp%2f..%2fx',
    '/mcp;a=b',
    '/mcp;/../x',
    '/MCP',
    '/mcp%00',
    '/mcp/%00',
    '/mcp/\0',
    '/mcp/%c0%ae%c0%ae/x',
    '/mcp/%e0%80%ae%e0%80%ae/x',
    '/mcp/%ff%fe',
    '/mcp/\u00ff',
    '/mcp/\u00c0\u00ae\u00c0\u00ae/x',
    '/mcp/%252e%252e/x',
    '/mcp/%u002e%u002e/x',
    '/mcp/.%00./x',
    '/mcp//evil.example/x',
    '/mcp/x#/../y',
    'http://evil.example/mcp',
    'http://127.0.0.1/mcp',
    'http://127.0.0.1/mcp/../x',
    'mcp',
  ];
  const askRaw = async (target: string, headers: string): Promise<string> => {
    const { port } = new URL(at.site.instances[0]?.origin ?? '');
    const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    const request = `GET ${target} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n${headers}\r\n`;
    socket.write(Buffer.from(request, 'latin1'));
    await once(socket, 'close');
    return text;
  };

  test.each(targets)('%j', verifies('forwarded-origin', 'token-every-request'), async (target) => {
    const before = backend.arrived.length;
    const without = await askRaw(target, '');
    expect(backend.arrived).toHaveLength(before);
    expect(without).toMatch(/^HTTP\/1\.1 (400|401|404) /);

    const withToken = await askRaw(target, `authorization: Bearer ${tokens.accessToken}\r\n`);
    expect(backend.arrived).toHaveLength(before);
    expect(withToken).toMatch(/^HTTP\/1\.1 (400|404) /);
  });
});

describe('from the MCP server', () => {
  test.each([200, 202, 400, 403, 404, 405, 406, 409, 415, 429, 500, 503])(
    'its %s passes with its body: clients read status codes (MCP 2026-07-28 transports, "Backward Compatibility")',
    verifies('status-codes-kept'),
    async (status) => {
      const body = `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"its own ${status}"}}`;
      answer = (_request, response) => {
        response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '7' });
        response.end(body);
      };
      const {
        statusCode,
        headers,
        body: received,
      } = await at.ask('/mcp', { method: 'POST', headers: bearer() });

      expect([statusCode, received]).toEqual([status, body]);
      expect(headers['content-type']).toBe('application/json');
      expect(headers['retry-after']).toBe('7');
    },
  );

  test(
    'its headers pass, those of MCP among them, but not what would speak for us: challenges, cookies, CORS (MCP 2026-07-28 transports; RFC 9110 §11.6.1)',
    verifies('headers-forwarded', 'credentials-not-forwarded'),
    async () => {
      answer = (_request, response) => {
        response.writeHead(200, {
          'mcp-session-id': 'session-1',
          'mcp-protocol-version': '2025-11-25',
          'x-anything': 'kept',
          'set-cookie': 'evil=1',
          'www-authenticate': 'Bearer resource_metadata="https://evil.example"',
          'access-control-allow-origin': 'https://evil.example',
          'access-control-allow-credentials': 'true',
          'strict-transport-security': 'max-age=0',
        });
        response.end('{}');
      };
      const { headers } = await at.ask('/mcp', { headers: { ...bearer(), origin: 'https://app.example' } });

      expect(headers).toMatchObject({
        'mcp-session-id': 'session-1',
        'mcp-protocol-version': '2025-11-25',
        'x-anything': 'kept',
        'access-control-allow-origin': '*',
      });
      expect(JSON.stringify(headers)).not.toMatch(/evil|allow-credentials/);
      for (const name of ['set-cookie', 'www-authenticate']) expect(headers).not.toHaveProperty(name);
    },
  );

  test(
    'its own 401 is no challenge of ours: the client’s token is good (MCP authorization, "Token Handling")',
    verifies('credentials-not-forwarded'),
    async () => {
      answer = (_request, response) =>
        response.writeHead(401, { 'www-authenticate': 'Bearer realm="inner"' }).end('{}');
      const { statusCode, headers } = await at.ask('/mcp', { method: 'POST', headers: bearer() });

      expect([401, 502]).toContain(statusCode);
      expect(String(headers['www-authenticate'])).not.toContain('inner');
    },
  );

  test(
    'trouble on the way is 502, never 4xx: a client must not take it for a word of the MCP server (MCP 2026-07-28 transports, "Backward Compatibility")',
    verifies('status-codes-kept'),
    async () => {
      answer = (request) => request.socket.destroy();
      const broken = await at.ask('/mcp', { method: 'POST', headers: bearer() });
      const away = await openSite({ environment: { MCP_SERVER_URL: 'http://127.0.0.1:1/mcp' } });
      const token = (await signIn(away.proxy, await register(away.proxy))).accessToken;
      const refused = await callMcp(away.proxy, token, { method: 'POST' });
      await away.site.close();

      expect([broken.statusCode, refused.statusCode]).toEqual([502, 502]);
      for (const { headers } of [broken, refused]) {
        expect(headers['content-type']).toMatch(/^application\/json/);
        expect(headers).not.toHaveProperty('www-authenticate');
      }
    },
  );

  test(
    'an event stream passes at once, byte for byte, uncompressed and unbuffered (MCP transports, "Receiving Messages")',
    verifies('streams-unbuffered', 'headers-forwarded'),
    async () => {
      const events = [': comment\n\n', 'id: 7\nretry: 100\nevent: message\ndata: {"a":"ä"}\n\n', ':\r\n\r\n'];
      let next: () => void = () => undefined;
      answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        const left = [...events];
        next = () => {
          const event = left.shift();
          if (event === undefined) response.end();
          else response.write(event);
        };
      };
      const stream = await fetch(`${at.issuer}/mcp`, {
        headers: { ...bearer(), accept: 'text/event-stream', 'accept-encoding': 'gzip, br' },
      });
      const reader = stream.body?.getReader();
      const received = [];
      for (const _event of events) {
        next();
        received.push(Buffer.from((await reader?.read())?.value ?? []).toString());
      }
      next();

      expect(received).toEqual(events);
      expect((await reader?.read())?.done).toBe(true);
      expect(stream.headers.get('content-type')).toBe('text/event-stream');
      expect(stream.headers.get('x-accel-buffering')).toBe('no');
      expect(stream.headers.get('content-encoding')).toBeNull();
    },
  );

  test(
    'a client that goes away ends the request there (MCP 2026-07-28 transports, "Cancellation")',
    verifies('cancellation'),
    async () => {
      for (const type of ['text/event-stream', 'application/json']) {
        let isGone = false;
        let hasArrived = false;
        answer = (_request, response) => {
          hasArrived = true;
          response.on('close', () => (isGone = true));
          if (type === 'text/event-stream') {
            response.writeHead(200, { 'content-type': type }).flushHeaders();
          }
        };
        const leave = new AbortController();
        const left = fetch(`${at.issuer}/mcp`, { method: 'POST', headers: bearer(), signal: leave.signal });
        await vi.waitFor(() => expect(hasArrived).toBe(true));
        leave.abort();
        await left.catch(() => undefined);
        await vi.waitFor(() => expect(isGone).toBe(true), { timeout: 2000 });
      }
      expect(backend.arrived.length).toBeGreaterThan(1);
    },
  );
});

test(
  'when the provider has ended the person’s session the client has to sign in again; while it is away nothing ends (MCP 2025-03-26 authorization, third-party flow)',
  verifies('bound-to-provider'),
  async () => {
    const clock = createClock();
    const bound = await openSite({
      clock,
      environment: { ACCESS_TOKEN_TTL_SECONDS: '86400' },
      provider: { accessTokenTtlSeconds: 600 },
    });
    const { proxy, site } = bound;
    const itsClient = await register(proxy);
    const itsTokens = await signIn(proxy, itsClient);
    const call = async () => (await callMcp(proxy, itsTokens.accessToken, { method: 'POST' })).statusCode;
    const before = await call();
    clock.advance({ minutes: 11 });
    site.setProviderAway(true);
    const away = await call();
    site.setProviderAway(false);
    clock.advance({ seconds: 10 });
    const back = await call();
    const given = site.provider.passed.findLast(({ path, status }) => path === '/token' && status === 200);
    const { refresh_token: token } = z
      .object({ refresh_token: z.string() })
      .parse(JSON.parse(given?.responseBody ?? ''));
    await fetch(`${site.provider.origin}/token/revocation`, {
      method: 'POST',
      body: new URLSearchParams({
        token,
        client_id: sampleClient.clientId,
        client_secret: sampleClient.clientSecret,
      }),
    });
    clock.advance({ minutes: 11 });
    const ended = await callMcp(proxy, itsTokens.accessToken, { method: 'POST' });
    const refreshed = await refresh(proxy, itsClient, itsTokens.refreshToken);
    await site.close();

    expect([before, away, back, ended.statusCode]).toEqual([406, 503, 406, 401]);
    expect(ended.headers['www-authenticate']).toContain('error="invalid_token"');
    expect([refreshed.statusCode, refreshed.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
  },
);
