/** Rate limits that several instances share through Redis. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { hasRedis, type RedisServer, startRedis } from '../support/redis.ts';

describe.skipIf(!hasRedis)('with REDIS_URL (needs redis-server)', () => {
  let redis: RedisServer;
  let instances: readonly TestApp[];

  beforeAll(async () => {
    redis = await startRedis();
    const config = { redisUrl: redis.url, rateLimitMax: 4 };
    instances = [await startTestApp({ config }), await startTestApp({ config })];
  });

  afterAll(async () => {
    await Promise.all(instances.map((instance) => instance.close()));
    await redis.stop();
  });

  it('counts the requests of an address on all instances together (OAuth 2.1 §7.6)', async () => {
    const statuses = [];
    for (const turn of [0, 1, 0, 1, 0, 1]) {
      statuses.push((await instances[turn]!.send({ method: 'POST', url: '/revoke' })).statusCode);
    }

    expect(statuses).toEqual([400, 400, 400, 400, 429, 429]);
  });

  it('limits nobody while Redis is away: it must not take sign-in down with it', async () => {
    await redis.stop();

    const statuses = [];
    for (let count = 0; count < 6; count += 1) {
      statuses.push((await instances[0]!.send({ method: 'POST', url: '/token' })).statusCode);
    }

    expect(statuses).toEqual([400, 400, 400, 400, 400, 400]);
  });
});
