/** The connections to the MCP server: how many there are, and when one is used again (RFC 9112 §9). */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { open, send, startManual, startProxy, startRawBackend } from './support.ts';

/** An MCP server that answers each request on a connection with the next of these bytes. */
async function startScripted(...answers: readonly string[]) {
  const connections: Socket[] = [];
  const left = [...answers];
  const backend = await startRawBackend((socket) => {
    connections.push(socket);
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (!received.includes('\r\n\r\n')) return;
      received = '';
      socket.write(left.shift() ?? 'HTTP/1.1 500 No More\r\nContent-Length: 0\r\n\r\n');
    });
  });
  const proxy = await startProxy(`${backend.origin}/mcp`);
  const ask = async () => send(`${proxy.origin}/mcp`);
  return { ask, connections };
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('one that has given its whole answer is used again', async () => {
  const { ask, connections } = await startScripted(ok, ok, 'HTTP/1.1 204 No Content\r\n\r\n', ok);
  for (const status of [200, 200, 204, 200]) expect((await ask()).status).toBe(status);
  expect(connections).toHaveLength(1);
});

test.each([
  ['that says it closes', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
  ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  [
    'that says more than it was asked: the next caller must not get it for an answer',
    `${ok}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret`,
  ],
])('one %s is not used again', async (_name, answer) => {
  const { ask, connections } = await startScripted(answer, ok);
  for (let request = 0; request < 2; request += 1)
    expect(await ask()).toMatchObject({ status: 200, text: 'ok' });
  expect(connections).toHaveLength(2);
});

test('one that speaks while nobody asks is closed: its words are not an answer to the next request', async () => {
  const { ask, connections } = await startScripted(ok, ok);
  await ask();
  const [first] = connections;
  first?.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret');
  if (first !== undefined && !first.closed) await once(first, 'close');
  expect((await ask()).text).toBe('ok');
  expect(connections).toHaveLength(2);
});

test('one that was closed while it was not in use does not fail the next request', async () => {
  const { ask, connections } = await startScripted(ok, ok);
  await ask();
  const [first] = connections;
  first?.end();
  if (first !== undefined && !first.closed) await once(first, 'close');
  expect((await ask()).status).toBe(200);
});

test('an upload that is answered before its end: the connection is not used for another request', async () => {
  const { proxy, next } = await startManual();
  const request = open(`${proxy.origin}/mcp`, {
    method: 'POST',
    headers: { 'content-length': '1000000' },
    body: Buffer.alloc(1_000_000),
  });
  const first = await next();
  const { socket } = first.request;
  first.response.writeHead(413, { 'content-length': '0' }).end();
  expect((await request).statusCode).toBe(413);
  const asking = send(`${proxy.origin}/mcp`);
  const second = await next();
  expect(second.request.socket.remotePort).not.toBe(socket.remotePort);
  second.response.end('ok');
  expect((await asking).text).toBe('ok');
});

test('beyond the most that may be open a request is refused at once, and nobody else loses anything (issue: bounds)', async () => {
  const { proxy, next } = await startManual({ maxConnections: 2 });
  const streams = [];
  for (let opened = 0; opened < 2; opened += 1) {
    const opening = open(`${proxy.origin}/mcp`);
    const { response } = await next();
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    streams.push({ stream: await opening, response });
  }

  const refused = await send(`${proxy.origin}/mcp`, { method: 'POST', body: '{}' });
  expect(refused.status).toBe(503);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);

  const [first, second] = streams;
  first?.stream.resume();
  first?.response.end('data: 2\n\n');
  if (first !== undefined) await once(first.stream, 'end');
  const asking = send(`${proxy.origin}/mcp`, { method: 'POST', body: '{}' });
  const { response } = await next();
  response.end('ok');
  expect(await asking).toMatchObject({ status: 200, text: 'ok' });
  expect(second?.stream.destroyed).toBe(false);
  onTestFinished(() => void second?.response.end());
});

test('a small body that never comes whole reaches nobody', async () => {
  const { proxy, next } = await startManual();
  const cut = open(`${proxy.origin}/mcp`, {
    method: 'POST',
    headers: { 'content-length': '100' },
    body: '{"jsonrpc":',
  });
  cut.catch(() => undefined);
  const asking = send(`${proxy.origin}/mcp`, { method: 'POST', body: '{}' });
  const { request, response } = await next();
  expect(request.headers['content-length']).toBe('2');
  response.end('ok');
  expect((await asking).text).toBe('ok');
});
