/** What is open when a grant is revoked ends, on both sides, and nothing is kept of it (protocol.md 104, design §3.4). */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { OpenRequests } from '../../src/flows/open-requests.ts';
import { VerifiedTokens } from '../../src/flows/verified-tokens.ts';
import { alice, open, send, startManual } from './support.ts';

const eventStream = { 'content-type': 'text/event-stream' };

async function startRevocable(options: Parameters<typeof startManual>[0] = {}) {
  const verifiedTokens = new VerifiedTokens();
  const openRequests = new OpenRequests(verifiedTokens);
  const { proxy, next } = await startManual({ openRequests, ...options });
  const revoke = (): void => {
    const revocation = { kind: 'grant', subject: alice.grantId } as const;
    verifiedTokens.revoke(revocation);
    openRequests.revoke(revocation);
  };
  return { proxy, next, openRequests, revoke };
}

describe('a revocation', () => {
  test.each([
    ['a standing event stream', 'GET', eventStream],
    ['a call that is answered with events', 'POST', eventStream],
    ['a long answer', 'POST', { 'content-type': 'application/octet-stream' }],
  ])(
    'ends %s: the client sees that it is not whole, and the MCP server is told',
    async (_what, method, headers) => {
      const { proxy, next, openRequests, revoke } = await startRevocable();
      const opening = open(`${proxy.origin}/mcp`, { method });
      const { response } = await next();
      response.writeHead(200, headers).write('data: 1\n\n');
      const stream = await opening;
      await once(stream, 'data');
      const told = once(response, 'close');
      const cut = once(stream.resume(), 'error');

      revoke();

      const [error] = (await cut) as [NodeJS.ErrnoException];
      await told;
      expect(error.code).toBe('ECONNRESET');
      expect(response.writableFinished).toBe(false);
      expect(openRequests.count).toBe(0);
    },
  );

  test('ends a stream whose reader has stopped reading', async () => {
    const { proxy, next, openRequests, revoke } = await startRevocable();
    const socket = connect(proxy.port, '127.0.0.1').on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    socket.pause();
    socket.write('GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n');
    const { response } = await next();
    response.writeHead(200, eventStream);
    for (let megabytes = 0; megabytes < 30; megabytes += 1) response.write(Buffer.alloc(1_000_000, 'x'));
    const told = once(response, 'close');

    revoke();

    await told;
    expect(openRequests.count).toBe(0);
  });

  test('ends a call that has no answer yet: the client hears why, the MCP server that it is not wanted', async () => {
    const { proxy, next, openRequests, revoke } = await startRevocable();
    const asking = send(`${proxy.origin}/mcp`, { method: 'POST', body: '{}' });
    const { response } = await next();
    const told = once(response, 'close');

    revoke();

    expect((await asking).text).toContain('invalid_token');
    await told;
    expect(response.headersSent).toBe(false);
    expect(openRequests.count).toBe(0);
  });

  test('while the body is read to be judged: nothing is sent on', async () => {
    const { proxy, next, revoke } = await startRevocable({
      inspection: {
        maxBodyBytes: 1000,
        authorize: async () => {
          revoke();
          return undefined;
        },
      },
    });
    let hasArrived = false;
    void next().then(() => (hasArrived = true));

    const answer = await send(`${proxy.origin}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    });

    expect(answer.text).toContain('invalid_token');
    expect(hasArrived).toBe(false);
  });

  test('leaves the streams of others alone', async () => {
    const { proxy, next, openRequests, revoke } = await startRevocable({
      principal: { ...alice, grantId: 'another grant' },
    });
    const opening = open(`${proxy.origin}/mcp`);
    const { response } = await next();
    response.writeHead(200, eventStream).write('data: 1\n\n');
    const stream = await opening;
    await once(stream, 'data');

    revoke();
    const arriving = once(stream, 'data');
    response.write('data: 2\n\n');

    expect(String(await arriving)).toBe('data: 2\n\n');
    expect([openRequests.count, openRequests.streamCount]).toEqual([1, 1]);
  });

  test('is no failure: nothing is logged as one', async () => {
    const { proxy, next, revoke } = await startRevocable();
    const opening = open(`${proxy.origin}/mcp`);
    const { response } = await next();
    response.writeHead(200, eventStream).flushHeaders();
    const stream = await opening;
    const cut = once(stream.resume(), 'error');
    revoke();
    await cut;
    const levels = proxy.log.map((line) => (JSON.parse(line) as { level: number }).level);
    expect(levels.filter((level) => level > 30)).toEqual([]);
  });
});

describe('nothing is kept of what is over', () => {
  test('answers to the end, of every kind', async () => {
    const { proxy, next, openRequests } = await startRevocable();
    for (const method of ['GET', 'POST', 'HEAD', 'DELETE']) {
      const asking = send(`${proxy.origin}/mcp`, { method });
      const { response } = await next();
      expect(openRequests.count).toBe(1);
      response.writeHead(200, eventStream).end();
      await asking;
    }
    expect([openRequests.count, openRequests.streamCount]).toEqual([0, 0]);
  });

  test('requests that wait behind another one on a connection, whose client leaves (pipelining, RFC 9112 §9.3.2)', async () => {
    const { proxy, next, openRequests } = await startRevocable();
    const socket = connect(proxy.port, '127.0.0.1').on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    socket.write('GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
    const [first, second, third] = [await next(), await next(), await next()];
    first.response.writeHead(200, eventStream).write('data: 1\n\n');
    second.response.writeHead(200, eventStream).write('data: 2\n\n');
    await once(socket, 'data');
    const told = [first, second, third].map(({ response }) => once(response, 'close'));
    expect(openRequests.count).toBe(3);

    socket.destroy();

    await Promise.all(told);
    expect(openRequests.count).toBe(0);
  });

  test('a client that leaves before its request is sent on: it is not sent at all', async () => {
    let hasArrived = false;
    let letThrough: () => void = () => undefined;
    const { proxy, next, openRequests } = await startRevocable({
      authenticate: async (request) => {
        await new Promise<void>((resolve) => (letThrough = resolve));
        request.principal = alice;
      },
    });
    void next().then(() => (hasArrived = true));
    const socket = connect(proxy.port, '127.0.0.1');
    const isGone = once(proxy.app.server, 'connection').then(async ([connection]) =>
      once(connection, 'close'),
    );
    const arriving = once(proxy.app.server, 'request');
    socket.write('GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n');
    await arriving;
    socket.destroy();
    await isGone;

    letThrough();
    await send(`${proxy.origin}/nothing-here`);

    expect([openRequests.count, hasArrived]).toEqual([0, false]);
  });
});
