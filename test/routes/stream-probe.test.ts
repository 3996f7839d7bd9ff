/** The pace of doctor's event stream, and how it ends; who may open it is in test/doctor/streams.test.ts. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import Fastify from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Sealer } from '../../src/crypto/sealing.ts';
import { maxIdleSeconds, probeToken, streamProbePath } from '../../src/flows/stream-probe.ts';
import { streamProbeRoute } from '../../src/routes/stream-probe.ts';
import { localUrl, startTestApp, type TestApp } from '../support/app.ts';
import { poll } from '../support/process.ts';

const resource = { path: '/mcp', identifier: `${localUrl}/mcp`, name: 'test', serverUrl: undefined };
const path = streamProbePath(resource);
let proxy: TestApp;
let sealer: Sealer;
let origin: string;
beforeAll(async () => {
  proxy = await startTestApp();
  sealer = new Sealer(proxy.config.encryptionKeys ?? []);
  origin = await proxy.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => proxy.close());

const bearing = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** The answer once its first event is there. */
async function open(from: string, token: string): Promise<IncomingMessage> {
  const request = get(`${from}${path}`, bearing(token));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  await once(response, 'data');
  return response;
}

test('it sends an event, another after a second, is silent as long as it should, and sends a last one', async () => {
  const waited: number[] = [];
  const app = Fastify();
  const services = { config: proxy.config, sealer, clock: proxy.clock, resources: [resource] as const };
  await app.register(streamProbeRoute, { services, wait: async (ms: number) => void waited.push(ms) });
  const answer = await app.inject({ url: path, ...bearing(probeToken(sealer, 30, proxy.clock())) });
  expect(answer.body.match(/^event: .*$/gm)).toEqual(['event: first', 'event: second', 'event: last']);
  expect(waited).toEqual([1000, 30_000]);
  // Those of a stream of the MCP server (returned-headers.ts).
  expect(answer.headers).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  await app.close();
});

test('it is never silent for more than a token may say', async () => {
  const waited: number[] = [];
  const app = Fastify();
  const services = { config: proxy.config, sealer, clock: proxy.clock, resources: [resource] as const };
  await app.register(streamProbeRoute, { services, wait: async (ms: number) => void waited.push(ms) });
  await app.inject({ url: path, ...bearing(probeToken(sealer, 86_400, proxy.clock())) });
  expect(waited).toEqual([1000, maxIdleSeconds * 1000]);
  await app.close();
});

test('only a few are open at once, and one that its client leaves makes room', async () => {
  const token = probeToken(sealer, 100, proxy.clock());
  const streams = await Promise.all([1, 2, 3, 4].map(async () => open(origin, token)));
  const surplus = await proxy.send({ url: path, ...bearing(token) });
  expect([surplus.statusCode, surplus.headers['retry-after']]).toEqual([503, '60']);
  streams[0]?.destroy();
  await poll(async () => {
    streams[0] = await open(origin, token);
    return true;
  });
  for (const stream of streams) stream.destroy();
});

test('it is rate limited as the OAuth endpoints are', async () => {
  const limited = await startTestApp({ environment: { RATE_LIMIT_MAX: '1' } });
  expect((await limited.send({ url: path })).statusCode).toBe(404);
  expect((await limited.send({ url: path })).statusCode).toBe(429);
  await limited.close();
});

test('it ends when the server stops', async () => {
  const stopping = await startTestApp({ environment: { SHUTDOWN_GRACE_SECONDS: '60' } });
  const from = await stopping.app.listen({ host: '127.0.0.1', port: 0 });
  const stream = await open(
    from,
    probeToken(new Sealer(stopping.config.encryptionKeys ?? []), 100, stopping.clock()),
  );
  const ended = once(stream.resume(), 'end');
  await stopping.close();
  await expect(ended).resolves.toEqual([]);
});
