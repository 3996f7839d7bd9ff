/** No event stream is lost for being silent (clients.md P16), and nothing else is touched for it. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { open, sendBytes, startManual, startProxy, startRawBackend } from './support.ts';

const silentMs = 15_000;
const eventStream = { 'content-type': 'text/event-stream' };
const comment = ': keep-alive\n\n';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  return () => vi.useRealTimers();
});

async function startStream(
  headers: Readonly<Record<string, string>> = eventStream,
  { method = 'GET', status = 200, keepAliveMs = silentMs } = {},
) {
  const { proxy, next } = await startManual({ keepAliveMs });
  const opening = open(`${proxy.origin}/mcp`, { method });
  const { response } = await next();
  response.writeHead(status, headers).flushHeaders();
  const stream = await opening;
  const received = new Received(stream);
  /** Returns when this has gone through, and everything before it. */
  const write = async (text: string | Buffer): Promise<void> => {
    response.write(text);
    await received.until(Buffer.byteLength(text));
  };
  return { proxy, response, stream, received, write };
}

class Received {
  #bytes = Buffer.alloc(0);
  #waited = 0;
  readonly #stream: IncomingMessage;

  constructor(stream: IncomingMessage) {
    this.#stream = stream.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
    });
  }

  /** Waits for so many more bytes. */
  async until(more: number): Promise<void> {
    this.#waited += more;
    while (this.#bytes.length < this.#waited) await once(this.#stream, 'data');
  }

  get text(): string {
    return this.#bytes.toString('latin1');
  }
}

describe('an event stream gets a comment', () => {
  test('before its first event, and again after each silence', async () => {
    const { received } = await startStream();
    for (let round = 1; round <= 3; round += 1) {
      vi.advanceTimersByTime(silentMs);
      await received.until(comment.length);
      expect(received.text).toBe(comment.repeat(round));
    }
  });

  test('as the answer to a POST, too, and in its own line ends', async () => {
    const { received, write } = await startStream(eventStream, { method: 'POST' });
    await write('data: 1\r\n\r\n');
    vi.advanceTimersByTime(silentMs);
    await received.until(': keep-alive\r\n\r\n'.length);
    await write('data: 2\r\n\r\n');
    expect(received.text).toBe('data: 1\r\n\r\n: keep-alive\r\n\r\ndata: 2\r\n\r\n');
  });

  test('after silence only: each event begins it anew', async () => {
    const { received, write } = await startStream();
    vi.advanceTimersByTime(silentMs - 1);
    await write('data: 1\n\n');
    vi.advanceTimersByTime(silentMs - 1);
    await write('data: 2\n\n');
    expect(received.text).toBe('data: 1\n\ndata: 2\n\n');
  });

  test('never inside an event, however long it takes', async () => {
    const { received, write } = await startStream();
    await write('data: begun\n');
    vi.advanceTimersByTime(10 * silentMs);
    await write('data: finished\n\n');
    vi.advanceTimersByTime(silentMs);
    await received.until(comment.length);
    expect(received.text).toBe(`data: begun\ndata: finished\n\n${comment}`);
  });
});

describe('nothing is added', () => {
  const gzipped = gzipSync('data: 1\n\n');
  test.each([
    ['to other answers', { 'content-type': 'application/json' }, {}, '{}'],
    ['to a type that only begins like it', { 'content-type': 'text/event-streams' }, {}, 'x'],
    ['to a compressed stream', { ...eventStream, 'content-encoding': 'gzip' }, {}, gzipped],
    ['where the length was said before', { ...eventStream, 'content-length': '9' }, {}, 'data: 1\n\n'],
    ['to a failure', eventStream, { status: 503 }, 'data: 1\n\n'],
    ['when the operator wants none', eventStream, { keepAliveMs: 0 }, 'data: 1\n\n'],
  ] as const)('%s', async (_what, headers, options, body) => {
    const { received, response, stream } = await startStream(headers, options);
    vi.advanceTimersByTime(3 * silentMs);
    const ended = once(stream, 'end');
    response.end(body);
    await ended;
    expect(received.text).toBe(Buffer.from(body).toString('latin1'));
  });

  test('to the answer to HEAD (RFC 9110 §9.3.2)', async () => {
    const backend = await startRawBackend((socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n')),
    );
    const proxy = await startProxy(`${backend.origin}/mcp`, { keepAliveMs: silentMs });
    const answering = sendBytes(proxy.port, 'HEAD /mcp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    vi.advanceTimersByTime(3 * silentMs);
    expect(await answering).toMatch(/\r\n\r\n$/);
  });

  test('for a reader that does not keep up: memory stays bounded', async () => {
    const { proxy, next } = await startManual({ keepAliveMs: silentMs });
    const socket = connect(proxy.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.pause();
    const arriving = once(proxy.app.server, 'request');
    socket.write('GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n');
    const { response } = await next();
    response.writeHead(200, eventStream);
    // Wherever this is cut, a comment may stand.
    const event = Buffer.alloc(1_000_000, '\n');
    for (let megabytes = 0; megabytes < 30; megabytes += 1) response.write(event);
    const [{ socket: out }] = (await arriving) as [IncomingMessage];
    while (!out.writableNeedDrain) await new Promise(setImmediate);
    const waiting = out.writableLength;
    for (let round = 0; round < 1000; round += 1) vi.advanceTimersByTime(silentMs);
    expect(out.writableLength).toBe(waiting);
  });

  test.each(['the MCP server ends it', 'the client leaves'])(
    'after the end: no timer is left when %s',
    async (how) => {
      const { response, stream, write } = await startStream({ ...eventStream, connection: 'close' });
      await write('data: 1\n\n');
      expect(vi.getTimerCount()).toBe(1);
      if (how === 'the client leaves') stream.destroy();
      else response.end();
      await once(response, 'close');
      while (vi.getTimerCount() > 0) await new Promise(setImmediate);
    },
  );
});
