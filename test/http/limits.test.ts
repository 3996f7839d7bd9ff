/** More than there is room for, in one request and in connections: the answer says so at once (design: bounded everything). */
import { once } from 'node:events';
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { failuresOf } from '../support/wrong-input.ts';
import { sendBytes, statusOf } from '../proxy/support.ts';

let proxy: TestApp;
let port: number;
beforeAll(async () => {
  proxy = await startTestApp();
  port = await listen(proxy);
  return proxy.close;
});

async function listen({ app }: TestApp): Promise<number> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as AddressInfo).port;
}

describe('one request', () => {
  test('more than 32 KiB of headers are 431, as JSON, and the connection ends (RFC 6585 §5)', async () => {
    const answer = await sendBytes(
      port,
      `GET /health HTTP/1.1\r\nhost: localhost\r\nx-much: ${'x'.repeat(33_000)}\r\n\r\n`,
    );
    expect(statusOf(answer)).toBe(431);
    expect(answer).toMatch(/cache-control: no-store.*"error":"invalid_request"/s);
  });

  test('a few less are taken: a browser sends the cookies of many consent pages', async () => {
    const headers = { 'x-much': 'x'.repeat(30_000) };
    expect((await fetch(`http://127.0.0.1:${port}/health`, { headers })).status).toBe(200);
  });

  test('of many headers none is dropped: what stands in front adds the last ones (RFC 9110 §5.4)', async () => {
    const many = 'a:b\r\n'.repeat(5000);
    const answer = await sendBytes(
      port,
      `GET /mcp HTTP/1.1\r\nhost: localhost\r\n${many}authorization: Bearer x\r\nconnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401 .*error="invalid_token"/s);
  });

  test.each([
    ['/token', 16_384, 'application/x-www-form-urlencoded'],
    ['/revoke', 16_384, 'application/x-www-form-urlencoded'],
    ['/introspect', 16_384, 'application/x-www-form-urlencoded'],
    ['/backchannel-logout', 16_384, 'application/x-www-form-urlencoded'],
    ['/authorize', 16_384, 'application/x-www-form-urlencoded'],
    ['/register', 32_768, 'application/json'],
    ['/account/end', 8192, 'application/x-www-form-urlencoded'],
    ['/consent', 4096, 'application/x-www-form-urlencoded'],
  ])('a body at %s of more than %i bytes is 413 (RFC 9110 §15.5.14)', async (url, limit, type) => {
    const send = async (size: number) =>
      proxy.send({ method: 'POST', url, headers: { 'content-type': type }, payload: 'x'.repeat(size) });

    expect((await send(limit + 1)).statusCode).toBe(413);
    expect((await send(limit)).statusCode).not.toBe(413);
  });

  test('what is no HTTP is 400, as JSON', async () => {
    const answer = await sendBytes(port, 'hello\r\n\r\n');
    expect(statusOf(answer)).toBe(400);
    expect(answer).toContain('"error":"invalid_request"');
  });
});

describe('connections', () => {
  const maxConnections = 3;

  async function full() {
    const own = await startTestApp({ db: proxy.db, config: { ...proxy.config, maxConnections } });
    onTestFinished(own.close);
    const port = await listen(own);
    const agents = Array.from(
      { length: maxConnections },
      () => new Agent({ keepAlive: true, maxSockets: 1 }),
    );
    const ask = async (path: string, agent?: Agent): Promise<IncomingMessage> => {
      const request = httpRequest({ port, host: '127.0.0.1', path, agent: agent ?? false }).end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      await once(response.resume(), 'end');
      return response;
    };
    onTestFinished(() => agents.forEach((agent) => agent.destroy()));
    for (const agent of agents) await ask('/jwks', agent);
    return { own, port, agents, ask };
  }

  test('beyond MAX_CONNECTIONS there is 503 with Retry-After, and those who are there go on', async () => {
    const { own, agents, ask } = await full();

    const { statusCode, headers } = await ask('/jwks');
    expect([statusCode, headers.connection]).toEqual([503, 'close']);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    for (const agent of agents) expect((await ask('/jwks', agent)).statusCode).toBe(200);
    expect(own.log.filter((line) => line.includes('MAX_CONNECTIONS is reached'))).toHaveLength(1);
  });

  test('a load balancer still hears that the instance lives', async () => {
    const { ask } = await full();

    expect((await ask('/health')).statusCode).toBe(200);
    expect((await ask('/health/ready')).statusCode).toBe(200);
  });

  test('who leaves makes room', async () => {
    const { agents, ask } = await full();

    agents[0]?.destroy();
    await expect.poll(async () => (await ask('/jwks')).statusCode).toBe(200);
  });

  test('far beyond, connections are closed without an answer', async () => {
    const { port, ask, own } = await full();
    const dropped = once(own.app.server, 'drop');
    const many = Array.from({ length: maxConnections + 20 }, () => {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      onTestFinished(() => void socket.destroy());
      return socket;
    });

    await dropped;
    for (const socket of many) socket.destroy();
    await expect.poll(async () => (await ask('/health').catch(() => undefined))?.statusCode).toBe(200);
  });
});

test('only what was refused for want of room is logged as a failure', () => {
  expect(failuresOf(proxy)).toEqual([]);
});
