/** Streams in both directions: nothing is collected, nothing is cut, nobody is left hanging (design.md §3.10, protocol.md, items 127, 128). */
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { open, send, startManual, startProxy, startRawBackend } from './support.ts';

const eventStream = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' };

async function nextChunk(stream: IncomingMessage): Promise<string> {
  const [chunk] = (await once(stream, 'data')) as [Buffer];
  return chunk.toString();
}

/** A client request under the test's control, which may be cut off at any moment. */
function start(
  url: string,
  options: { readonly method?: string; readonly headers?: Record<string, string> } = {},
) {
  const request = httpRequest(url, { agent: false, ...options }).on('error', () => undefined);
  onTestFinished(() => void request.destroy());
  return request;
}

describe('event streams', () => {
  test('open before the first event, and bring each event while they are open', async () => {
    const { proxy, next } = await startManual();
    const opening = open(`${proxy.origin}/mcp`, { headers: { accept: 'text/event-stream' } });
    const { response } = await next();
    response.writeHead(200, eventStream).flushHeaders();
    const stream = await opening;

    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-cache',
      'x-accel-buffering': 'no',
    });
    for (const event of ['id: 1\nretry: 5\ndata: {}\n\n', ': keep-alive\n\n', 'data: last\r\n\r\n']) {
      const arriving = nextChunk(stream);
      response.write(event);
      expect(await arriving).toBe(event);
    }
    response.end();
    await once(stream, 'end');
    expect(stream.complete).toBe(true);
  });

  test('an answer whose body is late sends its headers at once, too', async () => {
    const { proxy, next } = await startManual();
    const opening = open(`${proxy.origin}/mcp`, { method: 'POST', body: '{}' });
    const { response } = await next();
    response.writeHead(200, { 'content-length': '2', 'content-type': 'application/json' }).flushHeaders();
    expect((await opening).statusCode).toBe(200);
  });

  test('150 of them do not keep the next request waiting', async () => {
    const { proxy, next } = await startManual();
    for (let index = 0; index < 150; index += 1) {
      const opening = open(`${proxy.origin}/mcp`);
      (await next()).response.writeHead(200, eventStream).flushHeaders();
      await opening;
    }
    const asking = send(`${proxy.origin}/mcp`, { method: 'POST', body: '{}' });
    (await next()).response.end('answer');
    expect((await asking).text).toBe('answer');
  });

  test('a reader that stops reading stops the writer (back-pressure)', async () => {
    const { proxy, next } = await startManual();
    const socket = connect(proxy.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.pause();
    socket.write('GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n');
    const { response } = await next();
    response.writeHead(200, eventStream);
    const chunk = Buffer.alloc(1_000_000, 'x');
    let megabytes = 0;
    while (megabytes < 200 && (response.write(chunk) || (await drainsSoon(response)))) megabytes += 1;
    expect(megabytes).toBeLessThan(50);
  });
});

async function drainsSoon(response: ServerResponse): Promise<boolean> {
  return once(response, 'drain', { signal: AbortSignal.timeout(500) }).then(
    () => true,
    () => false,
  );
}

describe('when the client goes away, the MCP server is told (protocol.md, item 127)', () => {
  test('while it waits for the answer', async () => {
    const { proxy, next } = await startManual();
    const request = start(`${proxy.origin}/mcp`, { method: 'POST' });
    request.end('{}');
    const { response } = await next();
    request.destroy();
    await once(response, 'close');
    expect(response.writableFinished).toBe(false);
  });

  test('while it sends its request', async () => {
    const { proxy, next } = await startManual();
    const request = start(`${proxy.origin}/mcp`, { method: 'POST', headers: { 'content-length': '100000' } });
    request.write('{');
    const exchange = await next();
    exchange.request.resume();
    request.destroy();
    await once(exchange.request, 'error');
    expect(exchange.request.complete).toBe(false);
  });

  test('in the middle of a stream', async () => {
    const { proxy, next } = await startManual();
    const opening = open(`${proxy.origin}/mcp`);
    const { response } = await next();
    response.writeHead(200, eventStream).write('data: 1\n\n');
    const stream = await opening;
    await nextChunk(stream);
    stream.destroy();
    await once(response, 'close');
    expect(response.writableFinished).toBe(false);
  });

  test('it is no failure: nothing is logged as one', async () => {
    const { proxy, next } = await startManual();
    const request = start(`${proxy.origin}/mcp`, { method: 'POST' });
    request.end('{}');
    const { response } = await next();
    request.destroy();
    await once(response, 'close');
    const levels = proxy.log.map((line) => (JSON.parse(line) as { level: number }).level);
    expect(levels.filter((level) => level > 30)).toEqual([]);
  });
});

describe('when the MCP server goes away, the client is told', () => {
  test.each([
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
    ['of a known length', 'Content-Length: 10\r\n\r\nhello'],
    [
      'before the first byte of its body',
      'Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
  ])(
    'in the middle of an answer %s: the connection is closed, and the answer is not whole',
    async (_name, rest) => {
      const backend = await startRawBackend((socket) => {
        socket.once('data', () => {
          socket.write(`HTTP/1.1 200 OK\r\n${rest}`);
          setImmediate(() => setImmediate(() => socket.destroy()));
        });
      });
      const proxy = await startProxy(`${backend.origin}/mcp`);
      const stream = await open(`${proxy.origin}/mcp`);
      stream.resume();
      const [error] = (await once(stream, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).toBe('ECONNRESET');
      expect(stream.complete).toBe(false);
    },
  );

  test('together with the headers of its answer: nothing is made up in its place', async () => {
    const backend = await startRawBackend((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-Trace: 1\r\n\r\n'));
    });
    const proxy = await startProxy(`${backend.origin}/mcp`);
    await expect(send(`${proxy.origin}/mcp`)).rejects.toThrow(/aborted|hang up/);
  });

  test('before its answer: 502', async () => {
    const backend = await startRawBackend((socket) => socket.once('data', () => socket.destroy()));
    const proxy = await startProxy(`${backend.origin}/mcp`);
    const answer = await send(`${proxy.origin}/mcp`, { method: 'POST', body: '{}' });
    expect(answer.status).toBe(502);
  });
});

describe('requests', () => {
  test('the MCP server hears the beginning before the client has sent the end', async () => {
    const { proxy, next } = await startManual();
    const request = start(`${proxy.origin}/mcp`, {
      method: 'POST',
      headers: { 'transfer-encoding': 'chunked' },
    });
    request.write('first');
    const exchange = await next();
    expect(await nextChunk(exchange.request)).toBe('first');
    const arriving = nextChunk(exchange.request);
    request.end('second');
    expect(await arriving).toBe('second');
  });

  test.each([
    ['answers before it has read them', '/mcp', 413],
    ['is not there', '/away', 502],
  ])(
    'too large to finish: when the MCP server %s, the answer arrives and the connection lives on',
    async (_name, path, status) => {
      const backend = await startRawBackend((socket) => {
        socket.once('data', (head) => {
          if (head.toString('latin1').includes('/away')) socket.destroy();
          else
            socket.end('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig');
        });
      });
      const proxy = await startProxy(backend.origin + path);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      onTestFinished(() => agent.destroy());
      const ports = [];
      for (let round = 0; round < 3; round += 1) {
        const request = httpRequest(`${proxy.origin}/mcp`, { method: 'POST', agent });
        request.end(Buffer.alloc(5_000_000));
        const [response] = (await once(request, 'response')) as [IncomingMessage];
        await once(response.resume(), 'end');
        expect(response.statusCode).toBe(status);
        ports.push(request.socket?.localPort);
        if (!request.writableFinished) await once(request, 'finish');
      }
      expect(new Set(ports).size).toBe(1);
    },
  );
});
