/** Rate limits of the OAuth endpoints: by address, and only by an address that can be believed (OAuth 2.1 §7.6). */
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Config } from '../../src/config.ts';
import { startTestApp, type Answer, type TestApp } from '../support/app.ts';

let shared: TestApp;
beforeAll(async () => {
  shared = await startTestApp();
  return shared.close;
});

async function limited(config: Partial<Config> = {}): Promise<TestApp> {
  const proxy = await startTestApp({
    db: shared.db,
    config: { ...shared.config, rateLimitMax: 3, ...config },
  });
  onTestFinished(proxy.close);
  return proxy;
}

const post = async (proxy: TestApp, remoteAddress: string, headers = {}): Promise<Answer> =>
  proxy.send({ method: 'POST', url: '/token', remoteAddress, headers });

const statuses = async (proxy: TestApp, callers: readonly [string, object?][]): Promise<number[]> => {
  const answers = [];
  for (const [address, headers] of callers) answers.push(await post(proxy, address, headers));
  return answers.map(({ statusCode }) => statusCode);
};

test.each([
  ['POST', '/token'],
  ['POST', '/revoke'],
  ['POST', '/consent'],
  ['GET', '/authorize'],
  ['POST', '/authorize'],
  ['GET', '/callback'],
] as const)(
  '%s %s: too many are 429 with Retry-After, and not an error that would end a session',
  async (method, url) => {
    const proxy = await limited();
    let answer = await proxy.send({ method, url });
    for (let count = 0; count < 3; count += 1) answer = await proxy.send({ method, url });
    expect(answer.statusCode).toBe(429);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect(answer.json()).toMatchObject({ error: 'temporarily_unavailable' });
  },
);

test('back-channel logout is limited by address, as generously as /mcp: one provider tells of everybody (OAuth 2.1 §7.6)', async () => {
  const proxy = await limited({ mcpRateLimitMax: 5 });
  const send = async () => proxy.send({ method: 'POST', url: '/backchannel-logout' });
  const answers = [];
  for (let count = 0; count < 6; count += 1) answers.push((await send()).statusCode);

  expect(answers).toEqual([400, 400, 400, 400, 400, 429]);
});

test('registration takes ten times as many from one address: hosted clients register for all their users (clients.md P1)', async () => {
  const proxy = await limited();
  const seen = [];
  for (let count = 0; count < 31; count += 1) {
    seen.push((await proxy.send({ method: 'POST', url: '/register' })).statusCode);
  }
  expect(seen.slice(0, 30)).not.toContain(429);
  expect(seen[30]).toBe(429);
});

test('a person sees a page', async () => {
  const proxy = await limited({ rateLimitMax: 1 });
  const headers = { accept: 'text/html' };
  await proxy.send({ url: '/authorize', headers });
  const page = await proxy.send({ url: '/authorize', headers });
  expect(page.statusCode).toBe(429);
  expect(page.body).toContain('Too many requests');
  expect(page.headers['retry-after']).toBeDefined();
});

test('another address is not affected', async () => {
  const proxy = await limited();
  const [a, b]: [string][] = [['203.0.113.1'], ['203.0.113.2']];
  expect(await statuses(proxy, [a, a, a, a, b] as [string][])).toEqual([400, 400, 400, 429, 400]);
});

test('an IPv6 network of 64 bits is one caller, its neighbour another (RFC 6177: what a customer gets)', async () => {
  const proxy = await limited();
  const callers: [string][] = [
    ['2001:db8:1:1::1'],
    ['2001:db8:1:1::2'],
    ['2001:db8:1:1:ffff::3'],
    ['2001:db8:1:1::4'],
    ['2001:db8:1:2::1'],
  ];
  expect(await statuses(proxy, callers)).toEqual([400, 400, 400, 429, 400]);
});

describe('X-Forwarded-For', () => {
  const from = (client: string): object => ({ 'x-forwarded-for': client });

  test('is not believed from just anyone: nobody can pose as many, or as someone else', async () => {
    const proxy = await limited();
    const callers = ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4'].map((ip): [string, object] => [
      '203.0.113.1',
      from(ip),
    ]);
    expect(await statuses(proxy, callers)).toEqual([400, 400, 400, 429]);
  });

  test('is believed from a trusted proxy, up to the first address that is not one', async () => {
    const proxy = await limited({ trustProxy: ['10.0.0.0/8'] });
    const a: [string, object] = ['10.0.0.1', from('198.51.100.7')];
    const forged: [string, object] = ['10.0.0.1', from('1.2.3.4, 198.51.100.7')];
    const twoHops: [string, object] = ['10.0.0.1', from('198.51.100.7, 10.0.0.2')];
    const b: [string, object] = ['10.0.0.1', from('198.51.100.8')];
    const stranger: [string, object] = ['203.0.113.9', from('198.51.100.8')];
    expect(await statuses(proxy, [a, forged, twoHops, a])).toEqual([400, 400, 400, 429]);
    expect(await statuses(proxy, [b, b, b, stranger, b])).toEqual([400, 400, 400, 400, 429]);
  });

  test.each(['', 'not an address', '1.2.3.4:80', '[::1]', ',,,', `${'1.1.1.1,'.repeat(500)}1.1.1.1`])(
    'of the form %j breaks nothing',
    async (value) => {
      const proxy = await limited({ trustProxy: ['127.0.0.1', '10.0.0.1'] });
      expect((await post(proxy, '10.0.0.1', from(value))).statusCode).toBe(400);
    },
  );
});
