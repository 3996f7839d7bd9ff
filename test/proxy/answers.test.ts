/** What a client sees of the MCP server's answers and failures (protocol.md, items 117, 125, 129, 131; clients.md P17, P27). */
import { once } from 'node:events';
import { createServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { Worker } from 'node:worker_threads';
import cors from '@fastify/cors';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  publicOrigin,
  send,
  sendBytes,
  startBackend,
  startManual,
  startProxy,
  startRawBackend,
} from './support.ts';

describe('status codes carry meaning and pass as they are (protocol.md, item 129)', () => {
  test.each([
    200, 201, 202, 203, 206, 300, 400, 402, 403, 404, 405, 406, 409, 410, 413, 415, 421, 422, 429, 500, 501,
    502, 503, 504, 599,
  ])('%d, with its body', async (status) => {
    const body = `{"jsonrpc":"2.0","error":{"code":-${status}}}`;
    const backend = await startBackend((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '7' }).end(body);
    });
    const proxy = await startProxy(`${backend.origin}/mcp`);
    const answer = await send(`${proxy.origin}/mcp`, { method: 'POST', body: '{}' });
    expect(answer.status).toBe(status);
    expect(answer.text).toBe(body);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'retry-after': '7' });
  });

  test('202 without a body stays without one', async () => {
    const backend = await startBackend((_request, response) => response.writeHead(202).end());
    const proxy = await startProxy(`${backend.origin}/mcp`);
    const answer = await send(`${proxy.origin}/mcp`, { method: 'POST', body: '{}' });
    expect(answer.status).toBe(202);
    expect(answer.body.length).toBe(0);
    expect(answer.headers).not.toHaveProperty('content-type');
  });

  test.each([204, 304])('%d has no body, and the connection stays usable', async (status) => {
    const backend = await startBackend((_request, response) =>
      response.writeHead(status, { etag: '"1"' }).end(),
    );
    const proxy = await startProxy(`${backend.origin}/mcp`);
    const get = 'GET /mcp HTTP/1.1\r\nHost: x\r\n';
    const answers = await sendBytes(proxy.port, `${get}\r\n${get}Connection: close\r\n\r\n`);
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`, `HTTP/1.1 ${status}`]);
    expect(answers.match(/etag: "1"/g)).toHaveLength(2);
  });

  test('HEAD is answered with the headers alone (RFC 9110 §9.3.2)', async () => {
    const backend = await startBackend((request, response) => {
      response.writeHead(200, {
        'content-length': '1234',
        'content-type': 'application/json',
        'x-method': request.method,
      });
      response.end();
    });
    const proxy = await startProxy(`${backend.origin}/mcp`);
    const answer = await send(`${proxy.origin}/mcp`, { method: 'HEAD' });
    expect(answer.headers).toMatchObject({ 'content-length': '1234', 'x-method': 'HEAD' });
    expect(answer.body.length).toBe(0);
  });

  test('informational answers are not mistaken for the answer (RFC 9110 §15.2)', async () => {
    const backend = await startBackend((_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: '</x>; rel=preload' });
      response.end('answer');
    });
    const proxy = await startProxy(`${backend.origin}/mcp`);
    expect((await send(`${proxy.origin}/mcp`)).text).toBe('answer');
  });

  test.each(['GET', 'POST', 'DELETE'])('a %s answered 503 is not sent again', async (method) => {
    let count = 0;
    const backend = await startBackend((_request, response) => {
      count += 1;
      response.writeHead(503, { 'retry-after': '0' }).end();
    });
    const proxy = await startProxy(`${backend.origin}/mcp`);
    expect((await send(`${proxy.origin}/mcp`, { method })).status).toBe(503);
    expect(count).toBe(1);
  });
});

describe('headers', () => {
  test('pass byte for byte, with duplicates; what would speak for our origin does not', async () => {
    const backend = await startRawBackend((socket) => {
      socket.once('data', () => {
        const head = [
          'HTTP/1.1 200 OK',
          'Mcp-Session-Id: abc',
          'MCP-Protocol-Version: 2025-11-25',
          'Content-Disposition: attachment; filename="Zoë"',
          'Link: </a>; rel=x',
          'Link: </b>; rel=y',
          'Set-Cookie: __Host-consent=stolen; Path=/; Secure',
          'WWW-Authenticate: Bearer resource_metadata="https://evil.example"',
          'Access-Control-Allow-Origin: https://evil.example',
          'Access-Control-Allow-Credentials: true',
          'Server: gunicorn',
          'X-Powered-By: Express',
          'Connection: close, X-Hop',
          'X-Hop: 1',
          'Content-Length: 2',
          '\r\n{}',
        ];
        socket.end(head.join('\r\n'));
      });
    });
    const proxy = await startProxy(`${backend.origin}/mcp`);
    const response = await sendBytes(proxy.port, 'GET /mcp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const lines = Buffer.from(response, 'latin1').toString('utf8').split('\r\n');
    expect(lines.filter((line) => !/^date: /i.test(line)).sort()).toEqual(
      [
        'HTTP/1.1 200 OK',
        'Connection: close',
        'mcp-session-id: abc',
        'mcp-protocol-version: 2025-11-25',
        'content-disposition: attachment; filename="Zoë"',
        'link: </a>; rel=x',
        'link: </b>; rel=y',
        'content-length: 2',
        'cache-control: no-store',
        'vary: Authorization',
        '',
        '{}',
      ].sort(),
    );
  });

  test('CORS is ours to say, and its Vary is kept (protocol.md, item 132)', async () => {
    const backend = await startBackend((_request, response) => {
      response
        .writeHead(200, { 'access-control-allow-origin': 'https://evil.example', vary: 'Accept' })
        .end();
    });
    const proxy = await startProxy(`${backend.origin}/mcp`, {
      configure: (app) =>
        void app.register(cors, { origin: ['https://app.example'], exposedHeaders: 'Mcp-Session-Id' }),
    });
    const { headers } = await send(`${proxy.origin}/mcp`, { headers: { origin: 'https://app.example' } });
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-expose-headers': 'Mcp-Session-Id',
    });
    expect(headers.vary?.split(', ').sort()).toEqual(['Accept', 'Authorization', 'Origin']);
  });

  test.each([
    ['/mcp/elsewhere?x', `${publicOrigin}/mcp/elsewhere?x`],
    ['https://files.example/1', 'https://files.example/1'],
    ['/admin', undefined],
  ])('a redirect to %s', async (location, expected) => {
    const backend = await startBackend((_request, response) => response.writeHead(307, { location }).end());
    const proxy = await startProxy(`${backend.origin}/mcp`);
    const answer = await send(`${proxy.origin}/mcp`);
    expect(answer.status).toBe(307);
    expect(answer.headers.location).toBe(expected);
  });
});

describe('the MCP server’s own failures are 502 or 504 in JSON, never 401 (clients.md P17)', () => {
  const badGateway = {
    status: 502,
    headers: expect.objectContaining({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'access-control-allow-origin': '*',
    }),
    challenge: undefined,
    body: {
      error: 'bad_gateway',
      error_description: 'The MCP server could not be reached, or did not give a usable answer.',
    },
  };

  async function ask(url: string, sending: Parameters<typeof send>[1] = {}) {
    const { origin, log } = await startProxy(url, { configure: (app) => void app.register(cors) });
    const { status, headers, text } = await send(`${origin}/mcp`, sending);
    const challenge = headers['www-authenticate'];
    return { log, answer: { status, headers, challenge, body: JSON.parse(text) as unknown } };
  }

  test.each(['GET', 'POST'])(
    'its own 401 to a %s would send clients to sign in for ever; the operator reads why',
    async (method) => {
      const backend = await startBackend((_request, response) => {
        response.writeHead(401, { 'www-authenticate': 'Bearer', 'content-encoding': 'gzip' }).end('secret');
      });
      const { answer, log } = await ask(`${backend.origin}/mcp`, { method });
      expect(answer).toEqual(badGateway);
      expect(log.filter((line) => line.includes('the MCP server answered 401'))).toHaveLength(1);
    },
  );

  test('its 407 would make clients look for the credentials of a proxy (RFC 9110 §15.5.8)', async () => {
    const backend = await startBackend((_request, response) => response.writeHead(407).end('secret'));
    expect((await ask(`${backend.origin}/mcp`)).answer).toEqual(badGateway);
  });

  test('what it says beside a refused status is not read to the end', async () => {
    const { proxy, next } = await startManual();
    const asking = send(`${proxy.origin}/mcp`);
    const { response } = await next();
    response.writeHead(401).write('the beginning of a stream');
    expect((await asking).status).toBe(502);
    await once(response, 'close');
    expect(response.writableFinished).toBe(false);
  });

  test('its 403 passes, without a challenge', async () => {
    const backend = await startBackend((_request, response) => {
      response
        .writeHead(403, { 'www-authenticate': 'Bearer error="insufficient_scope"' })
        .end('{"error":"no"}');
    });
    const proxy = await startProxy(`${backend.origin}/mcp`);
    const answer = await send(`${proxy.origin}/mcp`);
    expect(answer.status).toBe(403);
    expect(answer.text).toBe('{"error":"no"}');
    expect(answer.headers).not.toHaveProperty('www-authenticate');
  });

  test('nobody listens', async () => {
    const { answer } = await ask('http://127.0.0.1:1/mcp', { method: 'POST', body: '{}' });
    expect(answer).toEqual(badGateway);
  });

  test('its name does not exist', async () => {
    expect((await ask('http://no-such-host.invalid/mcp')).answer).toEqual(badGateway);
  });

  test('its certificate is not to be trusted', async () => {
    const { key, cert } = selfSigned;
    const server = createServer({ key, cert }, (_request, response) => response.end('secret')).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { answer } = await ask(`https://localhost:${(server.address() as AddressInfo).port}/mcp`);
    expect(answer).toEqual(badGateway);
  });

  test.each([
    ['not HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
    [
      'a status that does not exist',
      'HTTP/1.1 999 Strange\r\nContent-Length: 6\r\nContent-Encoding: gzip\r\n\r\nsecret',
    ],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}'],
    ['both framings', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a control character in a header', 'HTTP/1.1 200 OK\r\nX-Bad: a\u0001b\r\nContent-Length: 0\r\n\r\n'],
    ['headers without end', `HTTP/1.1 200 OK\r\n${'X-Long: long\r\n'.repeat(5000)}`],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
    ['nothing', ''],
  ])('it answers with %s', async (_name, bytes) => {
    const backend = await startRawBackend((socket) => socket.once('data', () => socket.end(bytes)));
    expect((await ask(`${backend.origin}/mcp`)).answer).toEqual(badGateway);
  });

  test('it redirects the endpoint to its other spelling: a loop, and the operator reads the way out', async () => {
    const backend = await startBackend((_request, response) =>
      response.writeHead(307, { location: '/mcp/' }).end(),
    );
    const { answer, log } = await ask(`${backend.origin}/mcp`);
    expect(answer).toEqual(badGateway);
    expect(log.join('')).toContain(`set MCP_SERVER_URL to ${backend.origin}/mcp/`);
  });

  test('it cannot be connected to in time: 504', async () => {
    const port = await startDeafPort();
    const proxy = await startProxy(`http://127.0.0.1:${port}/mcp`, { connectTimeoutMs: 200 });
    const answer = await send(`${proxy.origin}/mcp`, { method: 'POST', body: '{}' });
    expect(answer.status).toBe(504);
    expect(JSON.parse(answer.text)).toEqual({
      error: 'gateway_timeout',
      error_description: expect.any(String),
    });
  });
});

/** A port whose queue of connections is full, and whose owner never looks at it: the next one gets no answer at all. */
async function startDeafPort(): Promise<number> {
  const code = `
    const { parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
    });`;
  const worker = new Worker(code, { eval: true });
  onTestFinished(async () => void (await worker.terminate()));
  const [port] = (await once(worker, 'message')) as [number];
  for (let isFull = false; !isFull;) {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    isFull = await once(socket, 'connect', { signal: AbortSignal.timeout(200) }).then(
      () => false,
      () => true,
    );
  }
  return port;
}

/** For localhost, signed by nobody but itself. */
const selfSigned = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgGtX4oPUsvnANJv6z
oOXRyFEdJSzaP0xmw4173j1iPDqhRANCAAR0f4kf1Fc1blcgngFnS99YpAKvQeZA
oTkmJQZDrtm7VuKqr3mSpAecQClxEahS+kS8/OoWhC3gJMaL0QEm+yEb
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUeK4RarvnHSKy3Z+wzhBSGcJFg9swCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzEwMTMxNFoYDzIxMjYxMDMw
MTAxMzE0WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAR0f4kf1Fc1blcgngFnS99YpAKvQeZAoTkmJQZDrtm7VuKqr3mSpAec
QClxEahS+kS8/OoWhC3gJMaL0QEm+yEbo28wbTAdBgNVHQ4EFgQULr+VFtTdKuaS
NR0oqGjBBKT5nMUwHwYDVR0jBBgwFoAULr+VFtTdKuaSNR0oqGjBBKT5nMUwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZI
zj0EAwIDSQAwRgIhAMZerH0j4srH7g5dMRycJK8xfk54PMSsjMA5qO9FdGBcAiEA
pdpED1xgJgBIqhRhOmG0zcbjUB7yiVrSbZ43symHt2A=
-----END CERTIFICATE-----`,
};

test('an answer that breaks off while it waits for its turn on the connection ends the connection (RFC 9112 §9.3.2)', async () => {
  const { proxy, next } = await startManual();
  const socket = connect(proxy.port, '127.0.0.1').on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  socket.write(
    'POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n',
  );
  await next();
  const second = await next();
  second.response.writeHead(200, { 'content-length': '100' }).write('a part');
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  second.response.destroy();
  await once(socket, 'close');
  expect(socket.destroyed).toBe(true);
});
