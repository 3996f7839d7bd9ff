/** `app.close()` lets answers finish, and ends by itself (issue: graceful shutdown that drains streams). */
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { open, startBackend, startManual, startProxy } from './support.ts';

const hour = 3_600_000;

/** One request through the proxy that has begun to be answered. */
async function startAnswer(method: string, contentType: string, graceMs: number) {
  const { proxy, next } = await startManual({ graceMs });
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const request = httpRequest(`${proxy.origin}/mcp`, { method, agent }).on('error', () => undefined);
  request.end();
  const { response } = await next();
  response.writeHead(200, { 'content-type': contentType }).write('begun ');
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return { ...proxy, response, answer };
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return text;
}

test('standing event streams are ended at once: their clients open others elsewhere', async () => {
  const { app, log, response, answer } = await startAnswer('GET', 'text/event-stream', hour);
  const writing = setInterval(() => response.write('more '), 1);
  onTestFinished(() => clearInterval(writing));
  const reading = textOf(answer);
  const told = once(response, 'close');
  await app.close();
  expect(await reading).toMatch(/^begun (more )*$/);
  await told;
  expect(log.filter((line) => !line.startsWith('{"level":30'))).toEqual([]);
});

test.each([
  ['POST', 'text/event-stream'],
  ['POST', 'application/json'],
  ['GET', 'application/json'],
])('a %s answered with %s finishes first, within the grace period', async (method, contentType) => {
  const { app, response, answer } = await startAnswer(method, contentType, hour);
  const reading = textOf(answer);
  const closing = app.close();
  response.end('finished');
  expect(await reading).toBe('begun finished');
  await closing;
});

test('what does not finish within the grace period is cut off, and does not look whole', async () => {
  const { app, response, answer } = await startAnswer('POST', 'text/event-stream', 20);
  const reading = textOf(answer);
  const told = once(response, 'close');
  await Promise.all([app.close(), expect(reading).rejects.toThrow('aborted')]);
  await told;
});

test.each(['kept for the next request', 'that was never used'])(
  'a connection %s holds nothing up',
  async (kind) => {
    const backend = await startBackend((_request, response) => response.end('answer'));
    const proxy = await startProxy(`${backend.origin}/mcp`, { graceMs: hour });
    const socket = connect(proxy.port, '127.0.0.1');
    await once(socket, 'connect');
    if (kind.startsWith('kept')) {
      socket.write('GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(socket, 'data');
    }
    await Promise.all([proxy.app.close(), once(socket, 'close')]);
    await expect(open(`${proxy.origin}/mcp`)).rejects.toThrow('ECONNREFUSED');
  },
);

test('connections to the MCP server are closed as well', async () => {
  const { proxy, next } = await startManual({ graceMs: hour });
  const asking = open(`${proxy.origin}/mcp`);
  const { request, response } = await next();
  response.end();
  await once((await asking).resume(), 'end');
  // Sooner than undici would give up a connection that it keeps for the next request.
  const closing = once(request.socket, 'close', { signal: AbortSignal.timeout(2000) });
  await proxy.app.close();
  await expect(closing).resolves.toBeDefined();
});

test('requests without a connection are not waited for', async () => {
  const backend = await startBackend((_request, response) => response.end('answer'));
  const { app } = await startProxy(`${backend.origin}/mcp`, { graceMs: hour });
  expect((await app.inject('/mcp')).body).toBe('answer');
  await app.close();
});

test('events that come after the end of a stream, while its client is slow to hear it, bring nothing down', async () => {
  const { proxy, next } = await startManual({ graceMs: 500 });
  // The stream waits for its turn on the connection behind a call that is not answered.
  const socket = connect(proxy.port, '127.0.0.1').on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  socket.write(
    'POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n',
  );
  await next();
  const { response } = await next();
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
  await turns();

  const closing = proxy.app.close();
  for (let event = 2; event < 5; event += 1) {
    response.write(`data: ${event}\n\n`);
    await turns();
  }
  await expect(closing).resolves.toBeUndefined();
});

async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
}
