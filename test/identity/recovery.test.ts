/** A provider that is down when we start, comes up, and goes away again. */
import { expect, test, vi } from 'vitest';
import { connectTo, createSchedule, outcomeOf, signIn, signInUrl, startProvider } from './support.ts';

const place = '/.well-known/openid-configuration';
const isReady = (provider: ReturnType<typeof connectTo>) => provider.status().state === 'ready';

test('a provider that is down at start is found when it comes up, without a restart', async () => {
  const upstream = await startProvider();
  upstream.on(place, () => ({ status: 503 }));
  const later = createSchedule();
  const provider = connectTo(upstream.issuer, { schedule: later.schedule });

  provider.start();
  await vi.waitFor(() => expect(later.delays()).toHaveLength(1));
  expect(provider.status()).toMatchObject({
    state: 'unavailable',
    reason: expect.stringContaining('503') as string,
  });
  upstream.on(place, () => ({ body: upstream.metadata() }));
  later.runNext();
  await vi.waitFor(() => expect(isReady(provider)).toBe(true));

  expect(provider.statuses.map(({ state }) => state)).toEqual(['unavailable', 'ready']);
  expect(await outcomeOf(signIn(provider))).toBe('fine');
});

test('someone who wants to sign in does not wait for the next try', async () => {
  const upstream = await startProvider();
  upstream.on(place, () => ({ status: 503 }));
  const later = createSchedule();
  const provider = connectTo(upstream.issuer, { schedule: later.schedule });
  provider.start();
  await vi.waitFor(() => expect(later.delays()).toHaveLength(1));
  upstream.on(place, () => ({ body: upstream.metadata() }));

  expect(await outcomeOf(signInUrl(provider))).toBe('fine');

  expect(provider.status()).toEqual({ state: 'ready' });
  expect(later.delays()).toHaveLength(1);
});

test('many who want to sign in ask once', async () => {
  const upstream = await startProvider();
  const provider = connectTo(upstream.issuer);

  await Promise.all(Array.from({ length: 20 }, () => signInUrl(provider)));

  expect(upstream.callsTo(place)).toHaveLength(1);
});

test('tries come ever later, up to a minute, and not together with those of other instances', async () => {
  const upstream = await startProvider();
  upstream.on(place, () => ({ status: 503 }));
  const later = createSchedule();
  const provider = connectTo(upstream.issuer, { schedule: later.schedule });
  const delays: number[] = [];

  provider.start();
  for (let round = 0; round < 12; round += 1) {
    await vi.waitFor(() => expect(later.delays()).toHaveLength(1));
    delays.push(...later.delays());
    later.runNext();
  }

  for (const [round, delay] of delays.entries()) {
    const ceiling = Math.min(60_000, 1000 * 2 ** round);
    expect(delay).toBeGreaterThanOrEqual(ceiling / 2);
    expect(delay).toBeLessThanOrEqual(ceiling);
  }
  expect(new Set(delays.slice(6)).size).toBeGreaterThan(1);
});

test('metadata is read again each day, and the last good one is kept when that fails', async () => {
  const upstream = await startProvider();
  const later = createSchedule();
  const provider = connectTo(upstream.issuer, { schedule: later.schedule });
  provider.start();
  await vi.waitFor(() => expect(later.delays()).toEqual([24 * 3600_000]));

  upstream.on(place, () => ({ status: 503 }));
  later.runNext();
  await vi.waitFor(() => expect(later.delays()).toHaveLength(1));
  expect(await outcomeOf(signIn(provider))).toBe('fine');

  upstream.on(place, () => ({ status: 404 }));
  later.runNext();
  await vi.waitFor(() => expect(later.delays()).toHaveLength(1));
  expect((await signInUrl(provider)).searchParams.has('nonce')).toBe(true);
  expect(provider.statuses).toEqual([{ state: 'ready' }]);
});

test('new metadata takes the place of the old', async () => {
  const upstream = await startProvider();
  const later = createSchedule();
  const provider = connectTo(upstream.issuer, { schedule: later.schedule });
  provider.start();
  await vi.waitFor(() => expect(later.delays()).toHaveLength(1));
  upstream.on(place, () => ({
    body: { ...upstream.metadata(), authorization_endpoint: `${upstream.issuer}/new` },
  }));

  later.runNext();
  await vi.waitFor(() => expect(later.delays()).toHaveLength(1));

  expect((await signInUrl(provider)).pathname).toBe('/new');
});

test('default names give way to metadata that appears: the provider was only just starting', async () => {
  const upstream = await startProvider();
  upstream.on(place, () => ({ status: 404 }));
  const later = createSchedule();
  const provider = connectTo(upstream.issuer, { schedule: later.schedule });
  provider.start();
  await vi.waitFor(() => expect(later.delays()).toEqual([5 * 60_000]));

  upstream.on(place, () => ({ body: upstream.metadata() }));
  later.runNext();
  await vi.waitFor(() => expect(provider.status()).toEqual({ state: 'ready' }));

  expect((await signInUrl(provider)).searchParams.has('nonce')).toBe(true);
});

test('after stop nothing is asked any more', async () => {
  const upstream = await startProvider();
  upstream.on(place, () => ({ status: 503 }));
  const later = createSchedule();
  const provider = connectTo(upstream.issuer, { schedule: later.schedule });
  provider.start();
  await vi.waitFor(() => expect(later.delays()).toHaveLength(1));

  provider.stop();

  expect(later.delays()).toHaveLength(0);
});

test('a provider that cannot be reached at all says where and why, in our words', async () => {
  const upstream = await startProvider();
  await upstream.close();
  const provider = connectTo(upstream.issuer);

  expect(await outcomeOf(signInUrl(provider))).toBe('unavailable');
  expect(provider.status()).toEqual({
    state: 'unavailable',
    reason: `${new URL(upstream.issuer).host} gave no usable answer: ECONNREFUSED`,
  });
});
