/** When and from where connections are used: noted in passing, bounded, written in the background. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Counts } from '../../src/flows/counts.ts';
import { ConnectionUse } from '../../src/flows/connection-use.ts';
import type { Database } from '../../src/repositories/database.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { callMcp, register, registerByOperator, signIn } from '../support/authorize.ts';
import { createClock } from '../support/clock.ts';
import { createTestDatabase, databaseKinds, type TestDatabase } from '../support/database.ts';

const caller = (ip: string, program?: string) => ({ ip, headers: { 'user-agent': program } });

describe.each(databaseKinds)('on %s', (kind) => {
  let database: TestDatabase;
  let proxy: TestApp;
  let grantId: string;
  beforeAll(async () => {
    database = await createTestDatabase(kind);
    proxy = await startTestApp({ db: database.db });
    await signIn(proxy, await register(proxy));
    const { rows } = await database.db.query({ text: 'select grant_id from grants', values: [] });
    grantId = (rows as { grant_id: string }[])[0]?.grant_id ?? '';
  });
  afterAll(async () => {
    await proxy.close();
    await database.drop();
  });
  beforeEach(async () => {
    await database.db.query({
      text: 'update grants set first_used_at = null, last_used_at = null, last_used_from = null, last_used_with = null',
      values: [],
    });
  });

  const start = (db: Database = database.db, keepAddresses = true) => {
    const clock = createClock();
    const counts = new Counts();
    const config = { ...proxy.config, keepAddresses };
    return { clock, counts, use: new ConnectionUse({ db, clock, config, counts }) };
  };
  const stored = async () => {
    const { rows } = await database.db.query({
      text: 'select first_used_at, last_used_at, last_used_from, last_used_with from grants where grant_id = $1',
      values: [grantId],
    });
    return rows[0];
  };

  test('the first call after each writing counts; the first of all is kept, and is a step of the connection', async () => {
    const { clock, counts, use } = start();
    const firstAt = clock();
    use.note(grantId, caller('203.0.113.7', 'node'));
    use.note(grantId, caller('203.0.113.8', 'later'));
    await use.store();
    clock.advance({ minutes: 1 });
    const lastAt = clock();
    use.note(grantId, caller('2001:db8::7'));
    await use.store();
    await use.store();
    expect(counts.steps.first_call).toBe(1);
    expect(await stored()).toEqual({
      first_used_at: firstAt,
      last_used_at: lastAt,
      last_used_from: '2001:db8::7',
      last_used_with: null,
    });
  });

  test.each([
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['unknown', null],
    ['<script>', null],
    ['203.0.113.7, 10.0.0.1', null],
    ['a'.repeat(100_000), null],
  ])('of the address %.30s what is one is kept: a proxy in front may pass on anything', async (ip, kept) => {
    const { use } = start();
    use.note(grantId, caller(ip));
    await use.store();
    expect(await stored()).toMatchObject({ last_used_from: kept });
  });

  test('KEEP_ADDRESSES=false: when and with what, but not from where', async () => {
    const { use } = start(database.db, false);
    use.note(grantId, caller('203.0.113.7', 'node'));
    await use.store();
    expect(await stored()).toMatchObject({ last_used_from: null, last_used_with: 'node' });
  });

  test('an instance that was slow does not overwrite what another one knows better', async () => {
    const slow = start();
    const quick = start();
    quick.clock.advance({ minutes: 1 });
    slow.use.note(grantId, caller('203.0.113.1'));
    quick.use.note(grantId, caller('203.0.113.2'));
    await quick.use.store();
    await slow.use.store();
    expect(await stored()).toMatchObject({ last_used_from: '203.0.113.2' });
  });

  test('a database that is away loses nothing: it is written the next time', async () => {
    let isAway = true;
    const db: Database = {
      ...database.db,
      query: async (query) => {
        if (isAway) throw new Error('away');
        return database.db.query(query);
      },
    };
    const { use } = start(db);
    use.note(grantId, caller('203.0.113.7'));
    await expect(use.store()).rejects.toThrow('away');
    isAway = false;
    await use.store();
    expect(await stored()).toMatchObject({ last_used_from: '203.0.113.7' });
  });

  test('thousands at once are written in batches, and unknown ones change nothing', async () => {
    const sizes: number[] = [];
    const db: Database = {
      ...database.db,
      query: async (query) => {
        sizes.push((query.values[0] as unknown[]).length);
        return database.db.query(query);
      },
    };
    const { use } = start(db);
    for (let count = 0; count < 25_000; count += 1) {
      use.note(`00000000-0000-4000-8000-${String(count).padStart(12, '0')}`, caller('203.0.113.7'));
    }
    await use.store();
    expect(Math.max(...sizes)).toBe(500);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(20_000);
    expect(await stored()).toMatchObject({ last_used_at: null });
  });

  test('several instances with the same connections do not block each other', async () => {
    const instances = Array.from({ length: 10 }, () => start());
    for (const { use, clock } of instances) {
      clock.advance({ minutes: Math.floor(Math.random() * 10) });
      use.note(grantId, caller('203.0.113.7'));
    }
    await Promise.all(instances.map(({ use }) => use.store()));
    expect(await stored()).toMatchObject({ last_used_from: '203.0.113.7' });
  });
});

test('from X-Forwarded-For only as far as TRUST_PROXY lets it be believed', async () => {
  const proxy = await startTestApp();
  const trusting = await startTestApp({
    db: proxy.db,
    config: { ...proxy.config, trustProxy: ['127.0.0.1'] },
    clock: createClock(),
  });
  const { accessToken } = await signIn(proxy, await register(proxy));
  const headers = { 'x-forwarded-for': '198.51.100.1, 203.0.113.7' };
  const kept = async () => {
    const { rows } = await proxy.db.query({ text: 'select last_used_from from grants', values: [] });
    return (rows as { last_used_from: string | null }[])[0]?.last_used_from;
  };
  trusting.clock.advance({ minutes: 1 });
  await callMcp(trusting, accessToken, { headers });
  await trusting.close();
  expect(await kept()).toBe('203.0.113.7');

  const doubting = await startTestApp({ db: proxy.db, config: proxy.config, clock: createClock() });
  doubting.clock.advance({ minutes: 2 });
  await callMcp(doubting, accessToken, { headers });
  await doubting.close();
  expect(await kept()).toBe('127.0.0.1');
  await proxy.close();
});

test('a call that was refused is no use', async () => {
  const proxy = await startTestApp();
  const client = await registerByOperator(proxy);
  const { accessToken } = await signIn(proxy, client);
  const limited = await startTestApp({ db: proxy.db, config: { ...proxy.config, mcpRateLimitMax: 0 } });
  expect((await callMcp(limited, accessToken)).statusCode).toBe(429);
  await limited.close();
  const { rows } = await proxy.db.query({ text: 'select last_used_at from grants', values: [] });
  expect(rows).toEqual([{ last_used_at: null }]);
  await proxy.close();
});
