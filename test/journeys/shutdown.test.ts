/** Stopping: who is being answered gets the whole answer, nobody holds it up for ever, and the exit code says so. */
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { register, signIn } from '../support/authorize.ts';
import { databaseKinds } from '../support/database.ts';
import { poll, type ServerProcess } from '../support/process.ts';
import { remote } from './remote.ts';
import { createServerHome, type ServerHome } from './server-home.ts';

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** How it ended, and how long that took from the signal on. */
async function stop(server: ServerProcess, signal: NodeJS.Signals = 'SIGTERM') {
  const from = performance.now();
  server.signal(signal);
  const exit = await server.exit;
  return { ...exit, ms: performance.now() - from };
}

test.each(databaseKinds)(
  'on %s a server that does nothing ends with 0, and the next one starts (issue 2, "graceful shutdown")',
  async (kind) => {
    const home = await createServerHome(kind);
    onTestFinished(() => home.close());
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const server = await home.start({ SHUTDOWN_GRACE_SECONDS: '30' });

      const { code, stderr, ms } = await stop(server, signal);

      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(ms).toBeLessThan(10_000);
    }
  },
);

describe('with answers under way', () => {
  let home: ServerHome;
  let accessToken: string;
  beforeAll(async () => {
    home = await createServerHome(databaseKinds[0] ?? 'embedded');
    const server = await home.start();
    const proxy = remote(home.origin);
    ({ accessToken } = await signIn(proxy, await register(proxy)));
    server.signal('SIGTERM');
    await server.exit;
  });
  afterAll(() => home.close());

  /** Sends a request to the MCP server through the proxy, and resolves when the answer begins. */
  async function send(
    method: string,
    headers: Readonly<Record<string, string>>,
    message?: object,
  ): Promise<IncomingMessage> {
    const request = httpRequest(`${home.origin}/mcp`, {
      method,
      agent: false,
      headers: { ...json, authorization: `Bearer ${accessToken}`, ...headers },
    });
    request.end(message === undefined ? undefined : JSON.stringify(message));
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  }

  /** A session of a client of 2025-11-25. */
  async function openSession(): Promise<Readonly<Record<string, string>>> {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'journey', version: '1.0.0' },
    };
    const opened = await send('POST', {}, { jsonrpc: '2.0', id: 1, method: 'initialize', params });
    await text(opened);
    return {
      'mcp-session-id': String(opened.headers['mcp-session-id']),
      'mcp-protocol-version': '2025-11-25',
    };
  }

  const countDown = (from: number, stepMs: number) => ({
    jsonrpc: '2.0',
    id: 2,
    method: 'tools/call',
    params: { name: 'countdown', arguments: { from, stepMs } },
  });

  test('an answer that has begun is given to its end; who comes meanwhile is sent elsewhere with 503', async () => {
    const server = await home.start({ SHUTDOWN_GRACE_SECONDS: '30' });
    const answer = await send('POST', await openSession(), countDown(10, 100));

    const stopped = stop(server);
    await poll(async () => server.stdout().includes('"msg":"stopping"'));
    const meanwhile = await fetch(`${home.origin}/health`);
    const body = await text(answer);
    const { code } = await stopped;

    expect(body).toContain('"countedDownFrom":10');
    expect(code).toBe(0);
    expect(meanwhile.status).toBe(503);
  });

  test('a standing event stream is ended, not cut: its client connects elsewhere (protocol.md, P16)', async () => {
    const server = await home.start({ SHUTDOWN_GRACE_SECONDS: '30' });
    const stream = await send('GET', await openSession());
    expect(stream.headers['content-type']).toContain('text/event-stream');

    const stopped = stop(server);
    await text(stream);
    const { code, ms } = await stopped;

    expect(stream.complete).toBe(true);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(10_000);
  });

  test('an answer that does not end is cut off after the grace, so that nobody takes a part for the whole', async () => {
    const server = await home.start({ SHUTDOWN_GRACE_SECONDS: '1' });
    const answer = await send('POST', await openSession(), countDown(600, 1000));

    const stopped = stop(server);
    await expect(text(answer)).rejects.toThrow('aborted');
    const { code, ms } = await stopped;

    expect(code).toBe(0);
    expect(ms).toBeGreaterThan(900);
    expect(ms).toBeLessThan(10_000);
  });

  test('a second signal ends it at once, with 1', async () => {
    const server = await home.start({ SHUTDOWN_GRACE_SECONDS: '60' });
    const answer = await send('POST', await openSession(), countDown(600, 1000));
    answer.on('error', () => undefined);
    server.signal('SIGTERM');
    await poll(async () => server.stdout().includes('"msg":"stopping"'));

    const { code, ms } = await stop(server);

    expect(code).toBe(1);
    expect(ms).toBeLessThan(5_000);
  });
});
