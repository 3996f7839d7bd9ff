/** Two instances, and a database that goes away: with an error, or without a word (design §3.4). */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { migrate } from '../../src/repositories/migrate.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import type { Answer } from '../support/app.ts';
import { callMcp, register, revoke, signIn, type Tokens } from '../support/authorize.ts';
import { describePrivatePostgres } from '../support/database.ts';
import { dsnThrough, type Forwarder, startForwarder } from '../support/forwarder.ts';
import { type Site, startSite } from '../support/instances.ts';
import { type PostgresServer, startPostgres, withAdmin } from '../support/postgres.ts';
import { poll } from '../support/process.ts';
import { remote } from './remote.ts';
import { endsOf, openStreams, reachedMcpServer } from './streams.ts';

describePrivatePostgres('two instances, whose database goes away', { timeout: 60_000 }, () => {
  let server: PostgresServer;
  let network: Forwarder;
  let site: Site;
  let tokens: Tokens;
  let unseen: Tokens;
  let client: Awaited<ReturnType<typeof register>>;
  /** How much more time has gone by for the feed than really has. */
  let aheadMs = 0;
  beforeAll(async () => {
    // What waits for an answer waits in this time: it runs as always, and the tests move it on.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true });
    const realNow = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => realNow() + aheadMs);
    server = await startPostgres();
    network = await startForwarder(Number(new URL(server.dsn).port));
    const dsn = dsnThrough(server.dsn, network);
    const db = openPostgresDatabase(server.dsn, { onError: () => undefined });
    await migrate(db);
    site = await startSite('postgres', { instances: 2, database: { db, dsn, drop: () => db.close() } });
    client = await register(front());
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    vi.useRealTimers();
    await site.close();
    await network.close();
    await server.remove();
  });
  beforeEach(async () => {
    await poll(async () => (await listening()) === 2);
    tokens = await signIn(front(), client);
    unseen = await signIn(front(), client);
    await statusesOf(tokens);
  });

  const front = () => remote(site.front.origin);
  const callBoth = async ({ accessToken }: Tokens): Promise<Answer[]> =>
    Promise.all(
      site.instances.map(async ({ origin }) => callMcp(remote(origin), accessToken, { method: 'POST' })),
    );
  const statusesOf = async (some: Tokens): Promise<number[]> =>
    (await callBoth(some)).map(({ statusCode }) => statusCode);

  /** Moves time on until there is an answer: only while there is nothing that could be in time. */
  const passingTime = async <T>(work: Promise<T>): Promise<T> => {
    const state = { isOver: false };
    const done = work.finally(() => (state.isOver = true));
    while (!state.isOver) await vi.advanceTimersByTimeAsync(500);
    return done;
  };

  const expectAway = (answers: readonly Answer[]): void => {
    for (const answer of answers) {
      expect(answer.statusCode).toBe(503);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.headers).not.toHaveProperty('www-authenticate');
    }
  };

  /** Until both let the token through again; what they said meanwhile. */
  const untilBack = async (some: Tokens): Promise<Set<number>> => {
    const said = new Set<number>();
    const isBack = async (): Promise<boolean> => {
      const statuses = await statusesOf(some);
      for (const status of statuses) said.add(status);
      return statuses.every((status) => status === reachedMcpServer);
    };
    await poll(isBack);
    return said;
  };

  const logged = (text: string): number[] =>
    site.instances.map(({ log }) => log.filter((line) => line.includes(text)).length);

  const listening = async (): Promise<number> =>
    withAdmin(server.dsn, async (admin) => {
      const listen = `select 1 from pg_stat_activity where query like 'listen %'`;
      return (await admin.query(listen)).rowCount ?? 0;
    });

  test.each([
    ['a network that swallows packets', async () => network.freeze(), async () => network.thaw()],
    ['a database that has crashed', async () => server.kill(), async () => server.start()],
  ])(
    '%s: known tokens are good for five seconds, then 503, and all goes on by itself',
    async (_what, leave, comeBack) => {
      const streams = await openStreams(site, tokens.accessToken);
      let endedStreams = 0;
      const ends = streams.map(async (stream) => stream.text().catch(() => (endedStreams += 1)));
      await leave();

      expect(await statusesOf(tokens)).toEqual([reachedMcpServer, reachedMcpServer]);
      expectAway(await passingTime(callBoth(unseen)));
      aheadMs += 5_001;
      expectAway(await passingTime(callBoth(tokens)));
      expectAway(await passingTime(callBoth(unseen)));

      await comeBack();
      expect([...(await untilBack(tokens))].filter((status) => status !== 503)).toEqual([reachedMcpServer]);
      expect([...(await untilBack(unseen))].filter((status) => status !== 503)).toEqual([reachedMcpServer]);
      expect(endedStreams).toBe(0);
      expect((await revoke(front(), client, tokens.refreshToken)).statusCode).toBe(200);
      await Promise.all(ends);
      expect(endedStreams).toBe(2);
      expect(await statusesOf(tokens)).toEqual([401, 401]);
    },
  );

  test('a network that swallows packets is noticed by those who wait for nothing but news: the look, and the listener', async () => {
    const [looksBefore, listenersBefore] = [
      logged('the revocation feed cannot be read'),
      logged('Not listening on'),
    ];
    network.freeze();

    await passingTime(
      poll(async () => {
        const [looks, listeners] = [logged('the revocation feed cannot be read'), logged('Not listening on')];
        return [0, 1].every(
          (one) =>
            (looks[one] ?? 0) > (looksBefore[one] ?? 0) &&
            (listeners[one] ?? 0) > (listenersBefore[one] ?? 0),
        );
      }),
    );

    network.thaw();
    await untilBack(tokens);
    await poll(async () => (await listening()) === 2);
    expect(await statusesOf(tokens)).toEqual([reachedMcpServer, reachedMcpServer]);
  });

  test('after a minute without a word, what is open ends: nobody streams on a guess (decision 22)', async () => {
    const streams = await openStreams(site, tokens.accessToken);
    network.freeze();
    aheadMs += 60_001;

    expect(await endsOf(streams)).toEqual(['rejected', 'rejected']);

    expectAway(await passingTime(callBoth(tokens)));
    network.thaw();
    await untilBack(tokens);
    await openStreams(site, tokens.accessToken);
  });
});
