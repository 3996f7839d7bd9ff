/** Clients that are slow on purpose, over raw sockets: each is cut off in time, and others are served meanwhile (design: bounded everything). */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { register, signIn } from '../support/authorize.ts';
import { statusOf } from '../proxy/support.ts';
import { failuresOf } from '../support/wrong-input.ts';

const clientTimeoutSeconds = 0.4;

let proxy: TestApp;
let port: number;
let authorization: string;
/** What becomes of requests that reach the MCP server. */
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeAll(async () => {
  const backend = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const { port: backendPort } = backend.address() as AddressInfo;
  proxy = await startTestApp({
    config: { clientTimeoutSeconds },
    environment: { MCP_SERVER_URL: `http://127.0.0.1:${backendPort}/mcp`, STREAM_KEEP_ALIVE_SECONDS: '0' },
  });
  await proxy.app.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = proxy.app.server.address() as AddressInfo);
  authorization = `Bearer ${(await signIn(proxy, await register(proxy))).accessToken}`;
  return async () => {
    await proxy.close();
    backend.closeAllConnections();
    backend.close();
  };
});

/** A connection, and all that comes back on it until it is closed. */
function open(bytes = ''): { readonly socket: Socket; readonly closed: Promise<string> } {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.write(bytes);
  return {
    socket,
    closed: once(socket, 'close').then(() => Buffer.concat(chunks).toString('latin1')),
  };
}

/** Sends a byte at a time, in a tenth of the time that a client has, until the other side has had enough. */
function trickle(socket: Socket, byte = 'x'): void {
  const timer = setInterval(() => socket.write(byte), clientTimeoutSeconds * 100);
  socket.once('close', () => clearInterval(timer));
}

/** Returns when a client that began after this call was cut off: so more time than a client has is over. */
async function outwait(): Promise<void> {
  await open().closed;
}

async function isServed(): Promise<boolean> {
  const answered = await fetch(`http://127.0.0.1:${port}/.well-known/oauth-authorization-server`);
  await answered.arrayBuffer();
  return answered.ok;
}

const head = (line: string, ...headers: readonly string[]): string =>
  [`${line} HTTP/1.1`, 'host: localhost:8080', ...headers, ''].join('\r\n');

/** An MCP request whose body is sent by hand. */
function upload() {
  const request = httpRequest({ port, host: '127.0.0.1', path: '/mcp', method: 'POST', agent: false });
  onTestFinished(() => void request.destroy());
  request.on('error', () => undefined).setHeader('authorization', authorization);
  request.flushHeaders();
  const response = once(request, 'response').then(([response]) => response as IncomingMessage);
  response.catch(() => undefined);
  return { request, response };
}

describe('what is sent', () => {
  test('headers a byte at a time: 408, and others are served meanwhile (RFC 9110 §15.5.9)', async () => {
    const { socket, closed } = open(`${head('GET /health')}x-slow: `);
    trickle(socket);

    expect(await isServed()).toBe(true);
    expect(await closed).toMatch(/^HTTP\/1\.1 408 .*connection: close.*"error":"invalid_request"/s);
  });

  test.each([
    ['/token', 'application/x-www-form-urlencoded', 408],
    ['/register', 'application/json', 408],
    ['/consent', 'application/x-www-form-urlencoded', 408],
    ['/nothing', 'application/json', 408],
    // Answered before the body is there.
    ['/mcp', 'application/json', 401],
  ])('a body a byte at a time to %s, by nobody that is known: it ends', async (path, type, status) => {
    const { socket, closed } = open(
      `${head(`POST ${path}`, `content-type: ${type}`, 'content-length: 4000')}\r\n`,
    );
    trickle(socket);

    expect(await isServed()).toBe(true);
    expect(statusOf(await closed)).toBe(status);
  });

  test.each([
    ['nothing', ''],
    ['half a header', `${head('GET /health')}x-sl`],
    ['half a body', `${head('POST /token', 'content-length: 10')}\r\nhalf`],
  ])('%s, and then silence, on many connections: all are closed', async (_what, bytes) => {
    const connections = Array.from({ length: 50 }, () => open(bytes));

    expect(await isServed()).toBe(true);
    await Promise.all(connections.map(({ closed }) => closed));
  });

  test('an upload of a known caller may take longer, as long as it moves', async () => {
    answer = (request, response) => {
      let size = 0;
      request.on('data', (chunk: Buffer) => (size += chunk.length));
      request.once('end', () => response.end(String(size)));
    };
    const { request, response } = upload();
    let sent = 0;
    const timer = setInterval(() => request.write('x', () => (sent += 1)), clientTimeoutSeconds * 100);
    for (let count = 0; count < 3; count += 1) await outwait();
    clearInterval(timer);
    request.end();

    expect((await response).statusCode).toBe(200);
    const chunks = await (await response).setEncoding('utf8').toArray();
    expect(Number(chunks.join(''))).toBe(sent);
  });

  test('an upload of a known caller that stops is given up, and the MCP server hears of it', async () => {
    const left = new Promise<void>((resolve) => {
      answer = (request) => request.once('close', resolve).resume();
    });
    const { request, response } = upload();
    request.write('only the beginning');

    expect((await response).statusCode).toBe(408);
    await left;
  });

  test('an MCP server that does not read is not the client’s fault: nobody is cut off', async () => {
    const arrived = new Promise<{ request: IncomingMessage; response: ServerResponse }>((resolve) => {
      answer = (request, response) => resolve({ request, response });
    });
    const { request, response } = upload();
    const block = Buffer.alloc(1_000_000, 'x');
    for (let count = 0; count < 30; count += 1) request.write(block);
    request.end();
    const backend = await arrived;
    await outwait();
    await outwait();

    let size = 0;
    backend.request.on('data', (chunk: Buffer) => (size += chunk.length));
    backend.request.once('end', () => backend.response.end());
    expect((await response).statusCode).toBe(200);
    expect(size).toBe(30_000_000);
  });
});

describe('what is answered', () => {
  test('pages that are asked for and never read: the connection is closed', async () => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    socket.pause();
    const [serverSide] = (await once(proxy.app.server, 'connection')) as [Socket];
    const asking = setInterval(() => socket.write(`${head('GET /', 'accept: text/html')}\r\n`.repeat(50)), 1);
    onTestFinished(() => clearInterval(asking));

    await once(serverSide, 'close');
    expect(await isServed()).toBe(true);
  });

  test('a stream that is not read is ended, and the MCP server hears of it', async () => {
    const left = new Promise<void>((resolve) => {
      answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const event = `data: ${'x'.repeat(60_000)}\n\n`;
        const send = (): void => {
          while (response.write(event));
        };
        response.on('drain', send).once('close', resolve);
        send();
      };
    });
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    socket.pause().write(`${head('GET /mcp', `authorization: ${authorization}`)}\r\n`);

    await left;
    expect(await isServed()).toBe(true);
  });

  test('a silent event stream, and an answer that takes its time, are not cut off', async () => {
    const answers: ServerResponse[] = [];
    answer = (request, response) => {
      request.resume();
      answers.push(response);
      if (request.method === 'GET')
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    };
    const get = open(`${head('GET /mcp', `authorization: ${authorization}`)}\r\n`);
    const post = upload();
    post.request.end('{}');
    await expect.poll(() => answers.length).toBe(2);
    for (let count = 0; count < 3; count += 1) await outwait();

    for (const response of answers) response.end('data: late\n\n');
    expect((await post.response).statusCode).toBe(200);
    get.socket.end();
    expect(await get.closed).toContain('data: late');
  });
});

test('none of it was a failure of the server', () => {
  expect(failuresOf(proxy)).toEqual([]);
});
