/** `/health` and `/health/ready`: what a load balancer and a person at 3 am look at. */
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { misbehavingClient, startMisbehavingProvider } from '../support/misbehaving-provider.ts';

let proxy: TestApp;
beforeAll(async () => {
  proxy = await startTestApp();
  return proxy.close;
});

test('the process says that it is alive, and whether the provider is there', async () => {
  await expect
    .poll(async () => (await proxy.send({ url: '/health' })).json(), { timeout: 5000 })
    .toEqual({ status: 'ok', identity_provider: 'ready' });
  expect((await proxy.send({ url: '/health' })).headers['cache-control']).toBe('no-store');
});

test('it is ready with database, keys and provider', async () => {
  await expect
    .poll(async () => (await proxy.send({ url: '/health/ready' })).json(), { timeout: 5000 })
    .toEqual({ status: 'ready', checks: { database: 'ready', keys: 'ready', identity_provider: 'ready' } });
});

test('a provider that is away makes it degraded, not unready: those who are signed in go on', async () => {
  const provider = await startMisbehavingProvider();
  for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
    provider.on(path, () => ({ status: 503 }));
  }
  const url = new URL(provider.issuer);
  const providers = [{ id: 'oauth', url, isPrimary: true, ...misbehavingClient }] as const;
  const config = { ...proxy.config, providers };
  const own = await startTestApp({ db: proxy.db, config });
  onTestFinished(async () => {
    await own.close();
    await provider.close();
  });
  const answer = await own.send({ url: '/health/ready' });
  expect([answer.statusCode, answer.json<{ status: string }>().status]).toEqual([200, 'degraded']);
});

test('probes may use HEAD; anything else is 404 as JSON', async () => {
  expect((await proxy.send({ method: 'HEAD', url: '/health' })).statusCode).toBe(200);
  for (const url of ['/health/other', '/healthz']) {
    const answer = await proxy.send({ url });
    expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([404, 'not_found']);
  }
});

test('every answer has a request id that is also in the log, and none is taken from the caller', async () => {
  const answer = await proxy.send({
    url: '/health/other',
    headers: { 'x-request-id': 'forged', 'request-id': 'forged' },
  });
  const id = String(answer.headers['x-request-id']);
  expect(id).toMatch(/^[\w-]{12}$/);
  expect(proxy.log.some((line) => line.includes(id))).toBe(true);
  expect(proxy.log.join('')).not.toContain('forged');
});
