/** Byte by byte on both sides: framing, old clients, trailers, memory (RFC 9112, RFC 9110 §7.6.1, issue: streams). */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { sendBytes, startManual, startProxy, startRawBackend, statusOf } from './support.ts';

/** An MCP server that keeps every byte it gets, and answers each connection once, when headers have ended. */
async function startWire(answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok') {
  let received = '';
  const backend = await startRawBackend((socket) => {
    let hasAnswered = false;
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (hasAnswered || !received.includes('\r\n\r\n')) return;
      hasAnswered = true;
      socket.write(answer);
    });
  });
  const proxy = await startProxy(`${backend.origin}/mcp`);
  return { proxy, received: () => received };
}

describe('one request in is one request out: what the MCP server’s socket gets (RFC 9112 §6.3, §11.2)', () => {
  const smuggled = 'GET /mcp/smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
  const chunked = `0\r\n\r\n${smuggled}`;

  test.each([
    ['both framings', `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`],
    [
      'both framings, and the coding hidden by a tab',
      `Content-Length: 5\r\nTransfer-Encoding:\tchunked\r\n\r\n${chunked}`,
    ],
    ['two different lengths', `Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello${smuggled}`],
    ['the same length twice', `Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello${smuggled}`],
    ['lengths in a list', `Content-Length: 5, 5\r\n\r\nhello${smuggled}`],
    ['a negative length', `Content-Length: -1\r\n\r\n${smuggled}`],
    ['a hexadecimal length', `Content-Length: 0x5\r\n\r\nhello${smuggled}`],
    ['the coding identity', `Transfer-Encoding: identity\r\n\r\n${chunked}`],
    ['the coding identity before chunked', `Transfer-Encoding: identity, chunked\r\n\r\n${chunked}`],
    ['chunked that is not last', `Transfer-Encoding: chunked, identity\r\n\r\n${chunked}`],
    ['chunked twice', `Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`],
    [
      'chunked, and something else on a line of its own',
      `Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n${chunked}`,
    ],
    ['a made-up coding', `Transfer-Encoding: xchunked\r\n\r\n${chunked}`],
    ['a coding in quotes', `Transfer-Encoding: "chunked"\r\n\r\n${chunked}`],
    ['a space before the colon', `Transfer-Encoding : chunked\r\n\r\n${chunked}`],
    ['a header line that begins with a space', ` Transfer-Encoding: chunked\r\n\r\n${chunked}`],
    ['a folded line (obs-fold)', `X-Fold: a\r\n Transfer-Encoding: chunked\r\n\r\n${chunked}`],
    ['a bare CR in a value', `X-Bare: a\rTransfer-Encoding: chunked\r\n\r\n${chunked}`],
    ['a bare LF between lines', `X-Bare: a\nTransfer-Encoding: chunked\r\n\r\n${chunked}`],
    ['a NUL in a value', `X-Nul: a\0b\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`],
    ['a chunk size with a sign', `Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n${chunked}`],
    [
      'a chunk size beyond all numbers',
      `Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff5\r\nhello\r\n${chunked}`,
    ],
    ['a chunk longer than its size', `Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n${chunked}`],
    ['a bare LF after a chunk', `Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n${chunked}`],
    ['a bare LF in a chunk extension', `Transfer-Encoding: chunked\r\n\r\n5;a=\nb\r\nhello\r\n${chunked}`],
  ])('%s: refused, and nothing of it is taken for a request', async (_name, rest) => {
    const { proxy, received } = await startWire();
    const response = await sendBytes(
      proxy.port,
      `POST /mcp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${rest}`,
    );
    expect(response.match(/HTTP\/1\.1 \d+/g)?.length ?? 0).toBeLessThanOrEqual(1);
    expect([400, 501]).toContain(statusOf(response));
    expect(received()).not.toContain('smuggled');
    // A body may have begun before its mistake was seen: the MCP server then gets a request that never ends, and no other.
    expect(received().match(/ HTTP\/1\.1\r\n/g)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(received()).not.toContain('\r\n0\r\n\r\n');
  });

  test('chunk extensions and the client’s own cuts end here (RFC 9112 §7.1.1)', async () => {
    const { proxy, received } = await startWire();
    await sendBytes(
      proxy.port,
      `POST /mcp HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5;evil="x"\r\nhello\r\n0;more\r\n\r\n`,
    );
    expect(received()).toMatch(/\r\n(hello|5\r\nhello\r\n0\r\n\r\n)$/);
    expect(received()).not.toMatch(/evil|more/);
  });

  test('a trailer is no header: nobody poses as somebody else by one (RFC 9110 §6.5.1)', async () => {
    const { proxy, received } = await startWire();
    const trailer = 'X-Forwarded-User: mallory\r\nX-Late: late\r\nMcp-Session-Id: another\r\n';
    await sendBytes(
      proxy.port,
      `POST /mcp HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTrailer: X-Forwarded-User\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n${trailer}\r\n`,
    );
    expect(received()).toContain('x-forwarded-user: alice-subject');
    expect(received()).not.toMatch(/mallory|another|late|trailer:/i);
  });
});

describe('the answer', () => {
  test('with trailers arrives whole, without them', async () => {
    const { proxy } = await startWire(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Set-Cookie\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: a=b\r\n\r\n',
    );
    const response = await sendBytes(proxy.port, 'GET /mcp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(response).toMatch(/2\r\nok\r\n0\r\n\r\n$/);
    expect(response).not.toMatch(/cookie|trailer/i);
  });

  test('to a client of HTTP/1.0 has no chunks, and ends with the connection (RFC 9112 §6.1)', async () => {
    const { proxy } = await startWire(
      'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n0\r\n\r\n',
    );
    const response = await sendBytes(proxy.port, 'GET /mcp HTTP/1.0\r\nHost: x\r\n\r\n');
    expect(response).not.toMatch(/transfer-encoding/i);
    expect(response).toMatch(/\r\n\r\ndata: 1\n\n$/);
  });

  test('of several requests in one packet come in their order, each to its own (pipelining, RFC 9112 §9.3.2)', async () => {
    const { proxy, next } = await startManual();
    const post = (path: string, more = '') =>
      `POST ${path} HTTP/1.1\r\nHost: x\r\n${more}Content-Length: 2\r\n\r\n{}`;
    const answering = sendBytes(
      proxy.port,
      post('/mcp/1') + post('/mcp/2') + post('/mcp/3', 'Connection: close\r\n'),
    );
    const exchanges = [await next(), await next(), await next()];
    // The first is answered last.
    exchanges.sort((a, b) => String(b.request.url).localeCompare(String(a.request.url)));
    for (const { request, response } of exchanges) {
      response.end(`<${request.url}>`);
      await once(response, 'finish');
    }
    expect((await answering).match(/<[^>]+>/g)).toEqual(['</mcp/1>', '</mcp/2>', '</mcp/3>']);
  });

  test('to the second request on a connection is not mixed up with the first that was refused', async () => {
    const { proxy, received } = await startWire();
    const body = 'GET /mcp/smuggled HTTP/1.1\r\nHost: x\r\n\r\nabc';
    const refused = `POST /mcp/../x HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const response = await sendBytes(
      proxy.port,
      `${refused}GET /mcp/good HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    expect(response.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400', 'HTTP/1.1 200']);
    expect(received().match(/^\S+ \S+ HTTP\/1\.1/gm)).toEqual(['GET /mcp/good HTTP/1.1']);
  });
});

describe('memory is bounded, whoever is slow (back-pressure)', () => {
  const chunk = Buffer.alloc(1_000_000, 'x');
  const total = 200;
  /** More than what two sockets and the streams between them may hold. */
  const mayBeOnTheWay = 50_000_000;

  /** Runs until no more bytes move: then whoever writes is paused. */
  async function standstill(socket: Socket): Promise<number> {
    for (let turns = 0, before = -1; turns < 500; turns += 1) {
      if (socket.bytesWritten !== before) turns = 0;
      before = socket.bytesWritten;
      await new Promise(setImmediate);
    }
    return socket.bytesWritten - socket.writableLength;
  }

  function writeAll(stream: ServerResponse | Socket): void {
    for (let count = 0; count < total; count += 1) stream.write(chunk);
  }

  test('a client that stops reading pauses the MCP server, and gets everything when it goes on', async () => {
    const { proxy, next } = await startManual({ keepAliveMs: 15_000 });
    const socket = connect(proxy.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.pause();
    socket.write('GET /mcp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const { request, response } = await next();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    writeAll(response);

    const onTheWay = await standstill(request.socket);

    expect(onTheWay).toBeLessThan(mayBeOnTheWay);
    response.end();
    let received = 0;
    socket.on('data', (bytes) => (received += bytes.length));
    await once(socket.resume(), 'close');
    expect(received).toBeGreaterThanOrEqual(total * chunk.length);
  });

  test('an MCP server that stops reading pauses the client’s upload, and gets everything when it goes on', async () => {
    const { proxy, next } = await startManual();
    const socket = connect(proxy.port, '127.0.0.1').on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    socket.write(`POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: ${total * chunk.length}\r\n\r\n`);
    writeAll(socket);
    const { request, response } = await next();

    const onTheWay = await standstill(socket);

    expect(onTheWay).toBeLessThan(mayBeOnTheWay);
    let received = 0;
    for await (const bytes of request as AsyncIterable<Buffer> & IncomingMessage) received += bytes.length;
    response.end();
    expect(received).toBe(total * chunk.length);
  });
});
