/** What reaches the MCP server, over real sockets (protocol.md, items 94, 117-119, 125-132). */
import { createHash, randomBytes } from 'node:crypto';
import { METHODS, type IncomingMessage, type RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import cors from '@fastify/cors';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  alice,
  headerLines,
  send,
  sendBytes,
  startBackend,
  startProxy,
  startRawBackend,
  statusOf,
} from './support.ts';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headersDistinct'];
  readonly body: Buffer;
}

/** A backend that remembers what it was asked, and answers 200 with the length of the body. */
function recorder(): { readonly seen: Seen[]; readonly listener: RequestListener } {
  const seen: Seen[] = [];
  async function record(request: IncomingMessage): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    seen.push({ method: request.method, url: request.url, headers: request.headersDistinct, body });
    return body;
  }
  return {
    seen,
    listener: (request, response) => {
      record(request).then(
        (body) => response.end(String(body.length)),
        () => response.destroy(),
      );
    },
  };
}

async function startRecorded(path = '/api/mcp', options: Parameters<typeof startProxy>[1] = {}) {
  const { seen, listener } = recorder();
  const backend = await startBackend(listener);
  const proxy = await startProxy(backend.origin + path, options);
  return { seen, backend, proxy };
}

describe('every method passes (protocol.md, items 129, 130)', () => {
  const methods = METHODS.filter((method) => !['CONNECT', 'OPTIONS', 'TRACE'].includes(method));

  test('with and without content, below the endpoint as well', async () => {
    const { seen, proxy } = await startRecorded();
    const answers = [];
    for (const method of methods) {
      const body = method === 'GET' || method === 'HEAD' ? undefined : 'content';
      answers.push(await send(`${proxy.origin}/mcp`, { method }));
      const sending = body === undefined ? {} : { body, headers: { 'content-length': String(body.length) } };
      answers.push(await send(`${proxy.origin}/mcp/below`, { method, ...sending }));
    }
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(seen.map(({ method, url, body }) => `${method} ${url} ${String(body)}`.trim())).toEqual(
      methods.flatMap((method) => [
        `${method} /api/mcp`,
        `${method} /api/mcp/below${method === 'GET' || method === 'HEAD' ? '' : ' content'}`,
      ]),
    );
  });

  test('TRACE would show the client the identity headers: refused (RFC 9110 §9.3.8)', async () => {
    const { seen, proxy } = await startRecorded();
    const answer = await send(`${proxy.origin}/mcp`, { method: 'TRACE' });
    expect(answer.status).toBe(405);
    expect(JSON.parse(answer.text)).toMatchObject({ error: 'method_not_allowed' });
    expect(seen).toEqual([]);
  });

  test('a preflight is answered by CORS, without authentication and without the MCP server', async () => {
    const { seen, proxy } = await startRecorded('/api/mcp', {
      configure: (app) => void app.register(cors),
      authenticate: () => Promise.reject(new Error('not for preflights')),
    });
    const answer = await send(`${proxy.origin}/mcp`, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
    });
    expect(answer.status).toBe(204);
    expect(seen).toEqual([]);
  });
});

describe('authentication comes first (protocol.md, item 94)', () => {
  const refuse = () => Promise.reject(Object.assign(new Error('who are you?'), { statusCode: 401 }));

  test.each([
    ['GET', '/mcp'],
    ['HEAD', '/mcp/'],
    ['DELETE', '/mcp/nothing/here'],
    ['PROPFIND', '/mcp'],
    ['TRACE', '/mcp'],
    ['POST', '/mcp/x//y'],
  ])('%s %s without credentials is 401, whatever else is wrong with it', async (method, path) => {
    const { seen, proxy } = await startRecorded('/api/mcp', { authenticate: refuse });
    expect((await send(proxy.origin + path, { method })).status).toBe(401);
    expect(seen).toEqual([]);
  });

  test('the answer does not wait for the body', async () => {
    const { proxy } = await startRecorded('/api/mcp', { authenticate: refuse });
    const head = 'POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\n{';
    expect(statusOf(await sendBytes(proxy.port, head))).toBe(401);
  });

  test('a request that nobody vouches for stops here', async () => {
    const { seen, proxy } = await startRecorded('/api/mcp', { authenticate: async () => undefined });
    expect((await send(`${proxy.origin}/mcp`)).status).toBe(500);
    expect(seen).toEqual([]);
  });
});

describe('the path and the query (design.md §2)', () => {
  test.each([
    ['', '/mcp/x', '/mcp/x'],
    ['', '/mcp/', '/mcp/'],
    ['/', '/mcp', '/'],
    ['/', '/mcp/x?y', '/x?y'],
    ['/api/mcp', '/mcp', '/api/mcp'],
    ['/api/mcp', '/mcp/', '/api/mcp'],
    ['/api/mcp', '/mcp/?y', '/api/mcp?y'],
    ['/api/mcp', '/mcp/x?y', '/api/mcp/x?y'],
    ['/api/mcp/', '/mcp', '/api/mcp/'],
    ['/api/mcp', '/mcp?', '/api/mcp?'],
    ['/api/mcp', '/mcp/a%20b%2Fc?q=%zz&&=%2e%2e/..//#', '/api/mcp/a%20b%2Fc?q=%zz&&=%2e%2e/..//#'],
    [
      '/api/mcp',
      `/mcp/${'long/'.repeat(300)}?${'q'.repeat(3000)}`,
      `/api/mcp/${'long/'.repeat(300)}?${'q'.repeat(3000)}`,
    ],
  ])('MCP_SERVER_URL http://host%s: %s', async (mcpServerPath, requested, expected) => {
    const { seen, proxy } = await startRecorded(mcpServerPath);
    const response = await sendBytes(
      proxy.port,
      `GET ${requested} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    expect(statusOf(response)).toBe(200);
    expect(seen.map(({ url }) => url)).toEqual([expected]);
  });

  test.each([
    'GET /mcp/../admin',
    'GET /mcp/%2e%2e/admin',
    'GET /mcp/..%2fadmin',
    'GET /mcp/..%5cadmin',
    'GET /mcp/..\\admin',
    'GET /mcp/%252e%252e%252fadmin',
    'GET /mcp/..;/admin',
    'GET /mcp//evil.example/',
    'GET /%6dcp/x',
    'GET http://evil.example/mcp',
    'GET http://evil.example/mcp/../admin',
    'GET /mcp/%00',
    'GET /mcp/\0',
    'GET /mcp/\u0001',
    'GET /mcp/%zz',
    'POST /mcp/../../etc/passwd',
  ])('%j never leaves the target: 400 in JSON', async (start) => {
    const { seen, proxy } = await startRecorded();
    const response = await sendBytes(proxy.port, `${start} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(statusOf(response)).toBe(400);
    expect(seen).toEqual([]);
  });

  test('a refusal says what is wrong in JSON, and repeats nothing of the request', async () => {
    const { proxy } = await startRecorded();
    const response = await sendBytes(
      proxy.port,
      'GET /mcp/..;evil/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    expect(response).toMatch(/\r\ncontent-type: application\/json/i);
    expect(response).toMatch(/\r\ncache-control: no-store/i);
    expect(JSON.parse(response.slice(response.indexOf('{')))).toEqual({
      error: 'invalid_request',
      error_description: expect.stringContaining('dot segments'),
    });
  });
});

describe('headers on the wire', () => {
  test('ours arrive as UTF-8 bytes, credentials and forgeries do not arrive', async () => {
    let received = '';
    const backend = await startRawBackend((socket) => {
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
        if (received.includes('\r\n\r\n')) socket.end('HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n');
      });
    });
    const proxy = await startProxy(`${backend.origin}/mcp`, {
      principal: { ...alice, name: 'Zoë 王🦊\r\nX-Evil: 1' },
    });
    await send(`${proxy.origin}/mcp`, {
      headers: headerLines(
        'Host: mcp.example.com',
        'authorization: Bearer our-own-token',
        'Cookie: session=1',
        'DPoP: proof',
        'X_Forwarded_User: mallory',
        'X-FORWARDED-USER: mallory',
        'x-forwarded.user: mallory',
        'Connection: X-Forwarded-User, X-Forwarded-Access-Token',
        'Mcp-Session-Id: abc',
      ),
    });
    const lines = Buffer.from(received, 'latin1').toString('utf8').split('\r\n');
    expect(lines).toEqual([
      'GET /mcp HTTP/1.1',
      `host: 127.0.0.1:${backend.port}`,
      'mcp-session-id: abc',
      'x-forwarded-host: mcp.example.com',
      'x-forwarded-proto: https',
      'x-forwarded-for: 127.0.0.1',
      'x-forwarded-user: alice-subject',
      'x-forwarded-email: alice@example.com',
      'x-forwarded-name: Zoë 王🦊X-Evil: 1',
      'x-forwarded-client-id: client-1',
      'x-forwarded-access-token: upstream-access-token',
      '',
      '',
    ]);
  });

  test('no client header can pass as ours, as the MCP server sees it (protocol.md, item 118)', async () => {
    const { seen, proxy } = await startRecorded();
    const separator = fc.constantFrom('-', '_', '.', '!', '');
    const name = fc
      .tuple(
        fc.constantFrom(
          'X-Forwarded-User',
          'x-forwarded-EMAIL',
          'X-Forwarded-Access-Token',
          'Connection',
          'X',
        ),
        separator,
      )
      .map(([text, by]) => text.replaceAll('-', by));
    const header = fc.tuple(
      name,
      fc.constantFrom('mallory', 'x-forwarded-user', 'X-Forwarded-Access-Token, close'),
    );

    await fc.assert(
      fc.asyncProperty(fc.array(header, { maxLength: 8 }), async (headers) => {
        await send(`${proxy.origin}/mcp`, { headers: ['Host', 'x', ...headers.flat()] });
        const last = seen.at(-1)?.headers ?? {};
        const claims = Object.entries(last).filter(([key]) =>
          /^x.?forwarded.(user|email|access.?token)$/.test(key),
        );
        expect(Object.fromEntries(claims)).toEqual({
          'x-forwarded-user': ['alice-subject'],
          'x-forwarded-email': ['alice@example.com'],
          'x-forwarded-access-token': ['upstream-access-token'],
        });
      }),
      { numRuns: 60 },
    );
  });

  test('the client’s address is the one that trusted proxies vouch for', async () => {
    const { seen, proxy } = await startRecorded();
    await send(`${proxy.origin}/mcp`, {
      headers: { 'X-Forwarded-For': '1.2.3.4', 'X-Real-IP': '1.2.3.4', Forwarded: 'for=1.2.3.4' },
    });
    expect(seen[0]?.headers['x-forwarded-for']).toEqual(['127.0.0.1']);
    expect(JSON.stringify(seen[0]?.headers)).not.toContain('1.2.3.4');
  });
});

describe('bodies pass untouched (design.md §3.10)', () => {
  const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

  test.each([
    ['application/json', Buffer.from('{"jsonrpc":"2.0", "id":1 ,"method":"ping"}\n')],
    ['application/json', Buffer.from('this is not JSON')],
    ['application/json', Buffer.from('[{"id":1},{"__proto__":{}}]')],
    ['application/x-www-form-urlencoded', Buffer.from('a=1&a=2')],
    ['text/plain; charset=utf-16', Buffer.from([0xff, 0xfe, 0x00, 0x80])],
    ['multipart/form-data; boundary=x', Buffer.from('--x\r\n')],
    ['not a media type', Buffer.from('x')],
    [undefined, randomBytes(1000)],
    ['application/octet-stream', randomBytes(10_000_000)],
  ])('%s', async (contentType, body) => {
    const { seen, proxy } = await startRecorded();
    const headers = contentType === undefined ? {} : { 'content-type': contentType };
    const answer = await send(`${proxy.origin}/mcp`, { method: 'POST', headers, body });
    expect(answer.text).toBe(String(body.length));
    expect(seen[0]?.headers['content-type']).toEqual(contentType === undefined ? undefined : [contentType]);
    expect(seen[0]?.headers['content-length']).toEqual([String(body.length)]);
    expect(digest(seen[0]?.body ?? Buffer.of())).toBe(digest(body));
  });

  test('compressed content stays compressed, both ways', async () => {
    const zipped = gzipSync('{"jsonrpc":"2.0"}');
    let received = Buffer.of();
    const backend = await startBackend((request, response) => {
      request.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
      request.on('end', () => {
        response.setHeader('content-encoding', 'gzip').end(zipped);
      });
    });
    const proxy = await startProxy(`${backend.origin}/mcp`);
    const answer = await send(`${proxy.origin}/mcp`, {
      method: 'POST',
      headers: { 'content-encoding': 'gzip', 'accept-encoding': 'gzip' },
      body: zipped,
    });
    expect(received).toEqual(zipped);
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(answer.body).toEqual(zipped);
  });

  test('what the rest of the app does with bodies does not matter', async () => {
    const { proxy } = await startRecorded('/api/mcp', {
      configure: (app) => {
        app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: 2 }, (_request, body, done) =>
          done(null, body),
        );
        app.addContentTypeParser(
          'application/octet-stream',
          { parseAs: 'string', bodyLimit: 2 },
          (_request, body, done) => done(null, body),
        );
      },
    });
    const answer = await send(`${proxy.origin}/mcp`, { method: 'POST', body: 'content' });
    expect([answer.status, answer.text]).toEqual([200, '7']);
  });

  test('content in chunks arrives whole', async () => {
    const { seen, proxy } = await startRecorded();
    const chunked = '5\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n';
    await sendBytes(
      proxy.port,
      `POST /mcp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunked}`,
    );
    expect(seen[0]?.body.toString()).toBe('hello world');
  });

  test('a POST without content is sent without content', async () => {
    const { seen, proxy } = await startRecorded();
    await send(`${proxy.origin}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': '0' },
    });
    expect(seen[0]?.body.length).toBe(0);
    expect(seen[0]?.headers['content-length']).toEqual(['0']);
  });

  test('Expect: 100-continue is answered here', async () => {
    const { seen, proxy } = await startRecorded();
    const head =
      'POST /mcp HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n';
    const response = await sendBytes(proxy.port, `${head}{}`);
    expect(response).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    expect(seen[0]?.headers['expect']).toBeUndefined();
  });
});

describe('one request in is one request out (RFC 9112 §11.2)', () => {
  const smuggled = 'GET /mcp/smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

  test.each([
    ['both framings', `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    [
      'both framings, the other way round',
      `Transfer-Encoding: chunked\r\nContent-Length: ${smuggled.length + 5}\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    ['two lengths', `Content-Length: 5\r\nContent-Length: 0\r\n\r\n${smuggled}`],
    ['two lengths in one', `Content-Length: 5, 0\r\n\r\n${smuggled}`],
    ['a length with a sign', `Content-Length: +5\r\n\r\n${smuggled}`],
    ['a space before the colon', `Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['an unknown coding', `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['a folded line', `Transfer-Encoding:\r\n chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`],
    ['a bad chunk size', `Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n${smuggled}`],
  ])('%s: refused, and nothing is smuggled', async (_name, rest) => {
    const { seen, proxy } = await startRecorded();
    const response = await sendBytes(
      proxy.port,
      `POST /mcp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${rest}`,
    );
    expect(response.match(/HTTP\/1\.1 \d+/g) ?? []).toSatisfy((statuses: string[]) => statuses.length <= 1);
    expect(statusOf(response)).not.toBe(200);
    expect(seen).toEqual([]);
  });

  test('a coding that would get lost on the way is refused (RFC 9112 §6.1)', async () => {
    const { seen, proxy } = await startRecorded();
    const head =
      'POST /mcp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n';
    expect(statusOf(await sendBytes(proxy.port, `${head}0\r\n\r\n`))).toBe(501);
    expect(seen).toEqual([]);
  });

  test('content of a GET is not taken for the next request', async () => {
    const { seen, proxy } = await startRecorded();
    const head = `GET /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`;
    const next = 'GET /mcp/next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    await sendBytes(proxy.port, head + next);
    expect(seen.map(({ url, body }) => [url, body.length])).toEqual([
      ['/api/mcp', 0],
      ['/api/mcp/next', 0],
    ]);
  });
});

describe('other protocols', () => {
  test('WebSocket is refused in plain words', async () => {
    const { seen, proxy } = await startRecorded();
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: AAAA\r\nSec-WebSocket-Version: 13';
    const response = await sendBytes(
      proxy.port,
      `GET /mcp HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n\r\n`.replace('Upgrade\r\n', 'Upgrade, close\r\n'),
    );
    expect(statusOf(response)).toBe(400);
    expect(response).toContain('"error":"invalid_request"');
    expect(response).toContain('WebSocket is not supported');
    expect(seen).toEqual([]);
  });

  test('an offer of HTTP/2 is ignored (RFC 9110 §7.8)', async () => {
    const { seen, proxy } = await startRecorded();
    const upgrade = 'Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA';
    const response = await sendBytes(
      proxy.port,
      `POST /mcp HTTP/1.1\r\nHost: x\r\n${upgrade}\r\nContent-Length: 2\r\n\r\n{}`,
    );
    expect(statusOf(response)).toBe(200);
    expect(seen[0]?.body.toString()).toBe('{}');
    expect(seen[0]?.headers['upgrade']).toBeUndefined();
  });
});
