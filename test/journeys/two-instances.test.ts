/** Two instances on one PostgreSQL behind a round-robin front: any request may land on either (design §3.1). */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  ada,
  type Authorization,
  authorize,
  callMcp,
  redeem,
  refresh,
  register,
  revoke,
  signIn,
  type TestClient,
  tokensOf,
} from '../support/authorize.ts';
import { describePostgres } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { withAdmin } from '../support/postgres.ts';
import { poll } from '../support/process.ts';
import { connectV1, connectV2 } from './mcp-client.ts';
import { remote } from './remote.ts';
import { endsOf, openSession, openStreams, reachedMcpServer } from './streams.ts';

describePostgres('two instances', () => {
  let site: Site;
  let client: TestClient;
  beforeAll(async () => {
    site = await startSite('postgres', { instances: 2 });
  });
  afterAll(() => site.close());

  const front = () => remote(site.front.origin);
  const instances = () => site.instances.map(({ origin }) => remote(origin));
  beforeEach(async () => {
    client = await register(front());
  });

  const callBoth = async (accessToken: string) => {
    const answers = await Promise.all(
      instances().map((instance) => callMcp(instance, accessToken, { method: 'POST' })),
    );
    return answers.map(({ statusCode }) => statusCode);
  };

  /** Milliseconds until both refuse the token with 401. */
  async function timeUntilRefused(accessToken: string): Promise<number> {
    const from = performance.now();
    await poll(async () => (await callBoth(accessToken)).every((status) => status === 401));
    return performance.now() - from;
  }

  /** The same request, over and over, alternately to both. */
  const tenTimes = async <T>(work: (instance: ReturnType<typeof remote>) => Promise<T>) =>
    Promise.all(Array.from({ length: 5 }, () => instances().map(work)).flat());

  test('every step of the flow may land on another instance (issue 2, "two instances")', async () => {
    const since = site.front.passed.length;

    const tokens = await signIn(front(), client);
    await callMcp(front(), tokens.accessToken, { method: 'POST' });
    const refreshed = tokensOf(await refresh(front(), client, tokens.refreshToken));
    await callMcp(front(), refreshed.accessToken, { method: 'POST' });
    await revoke(front(), client, refreshed.refreshToken);

    const passed = site.front.passed.slice(since);
    expect(passed.map(({ method, path, status }) => `${method} ${path} ${status}`)).toEqual([
      'GET /authorize 200',
      'POST /consent 303',
      'GET /callback 303',
      'POST /token 200',
      `POST /mcp ${reachedMcpServer}`,
      'POST /token 200',
      `POST /mcp ${reachedMcpServer}`,
      'POST /revoke 200',
    ]);
    const targets = passed.map(({ target }) => target);
    expect(targets.slice(1).every((target, index) => target !== targets[index])).toBe(true);
    expect(await timeUntilRefused(refreshed.accessToken)).toBeLessThan(1000);
  });

  test.each([
    ['SDK 1.32', connectV1],
    ['SDK 2.4', connectV2('auto')],
  ])('%s does not notice that there are two (issue 2, "two instances")', async (_name, connect) => {
    const connected = await connect(new URL('/mcp', site.front.origin), { person: ada });

    expect(await connected.call('whoami')).toMatchObject({ email: ada.email });
    expect(new Set(site.front.passed.map(({ target }) => target)).size).toBe(2);
    await connected.close();
  });

  test('of ten parallel redemptions of one code exactly one gets tokens (RFC 6749 §4.1.2, protocol.md 44)', async () => {
    const authorization: Authorization = await authorize(front(), client);

    const answers = await tenTimes((instance) => redeem(instance, client, authorization));

    const refused = answers.filter(({ statusCode }) => statusCode !== 200);
    expect(refused).toHaveLength(9);
    expect(refused.map(({ body }) => JSON.parse(body) as unknown)).toEqual(
      Array.from({ length: 9 }, () => expect.objectContaining({ error: 'invalid_grant' }) as unknown),
    );
  });

  test('ten parallel refreshes with one token all get the same successor (design §3.7, protocol.md 48)', async () => {
    const { refreshToken } = await signIn(front(), client);

    const answers = await tenTimes((instance) => refresh(instance, client, refreshToken));

    const successors = answers.map(tokensOf);
    expect(new Set(successors.map((tokens) => tokens.refreshToken)).size).toBe(1);
    expect(new Set(successors.map((tokens) => tokens.accessToken)).size).toBe(1);
    expect(successors[0]?.refreshToken).not.toBe(refreshToken);
    expect(await callBoth(successors[0]?.accessToken ?? '')).toEqual([reachedMcpServer, reachedMcpServer]);
  });

  test.each([
    ['access token', (tokens: { accessToken: string }) => tokens.accessToken],
    ['grant', (tokens: { refreshToken: string }) => tokens.refreshToken],
  ])(
    'a revoked %s is refused by both within a second (design §3.4)',
    async (_what, pick: (tokens: { accessToken: string; refreshToken: string }) => string) => {
      const tokens = await signIn(front(), client);
      expect(await callBoth(tokens.accessToken)).toEqual([reachedMcpServer, reachedMcpServer]);

      await revoke(front(), client, pick(tokens));

      expect(await timeUntilRefused(tokens.accessToken)).toBeLessThan(1000);
    },
  );

  test('an event stream that is open on either ends when its grant is revoked on one (protocol.md 104, design §3.4)', async () => {
    const tokens = await signIn(front(), client);
    const streams = await openStreams(site, tokens.accessToken);

    await revoke(front(), client, tokens.refreshToken);

    expect(await endsOf(streams)).toEqual(['rejected', 'rejected']);
  });

  test('of many that are open, on both, those of the grants that are revoked at once end, and no others', async () => {
    const people = await Promise.all(
      Array.from({ length: 8 }, async (_, index) =>
        signIn(front(), client, {}, { name: `Person ${index}`, email: `person${index}@example.com` }),
      ),
    );
    const streams = await Promise.all(people.map(async ({ accessToken }) => openStreams(site, accessToken)));
    const staying = streams.slice(4).flat();
    let left = 0;
    const stays = staying.map(async (stream) =>
      stream.text().catch(() => {
        left += 1;
      }),
    );

    await Promise.all(people.slice(0, 4).map(async (one) => revoke(front(), client, one.refreshToken)));

    expect(new Set(await endsOf(streams.slice(0, 4).flat()))).toEqual(new Set(['rejected']));
    expect(left).toBe(0);
    await Promise.all(people.slice(4).map(async (one) => revoke(front(), client, one.refreshToken)));
    await Promise.all(stays);
    expect(left).toBe(8);
  });

  test('a stream survives the loss of every database connection, and ends when its grant is revoked after that', async () => {
    const tokens = await signIn(front(), client);
    const streams = await openStreams(site, tokens.accessToken);
    await withAdmin(site.database.dsn ?? '', (admin) =>
      admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()`,
      ),
    );
    await poll(async () => (await refresh(front(), client, tokens.refreshToken)).statusCode === 200);

    await withAdmin(site.database.dsn ?? '', (admin) =>
      admin.query(
        `update grants set revoked_at = now(), revocation_reason = 'by_operator'
        where client_id = $1 and revoked_at is null`,
        [client.clientId],
      ),
    );

    expect(await endsOf(streams)).toEqual(['rejected', 'rejected']);
  });

  test('a session that was opened at one is its owner’s at the other, and another person’s at neither (protocol.md 101)', async () => {
    const [first, second] = instances();
    if (first === undefined || second === undefined) throw new Error('there should be two');
    const { accessToken } = await signIn(front(), client);
    const other = await signIn(front(), client, {}, { name: 'Bob', email: 'bob@example.com' });
    const sessionId = await openSession(first, accessToken);
    const ping = async (instance: ReturnType<typeof remote>, token: string) =>
      callMcp(instance, token, {
        method: 'POST',
        headers: { accept: 'application/json, text/event-stream', 'mcp-session-id': sessionId },
        payload: { jsonrpc: '2.0', id: 2, method: 'ping' },
      });

    for (const instance of [second, first]) {
      expect((await ping(instance, other.accessToken)).statusCode).toBe(404);
      expect((await ping(instance, accessToken)).statusCode).toBe(200);
    }
  });

  test('the instance that revokes refuses the token before it answers (RFC 7009 §2, design §3.4)', async () => {
    const [first, second] = instances();
    if (first === undefined || second === undefined) throw new Error('there should be two');
    const tokens = await signIn(front(), client);
    await callBoth(tokens.accessToken);

    await revoke(first, client, tokens.accessToken);

    expect((await callMcp(first, tokens.accessToken)).statusCode).toBe(401);
  });

  test('an instance whose listening connection alone is ended hears revocations all the same, and listens again by itself (design §3.4)', async () => {
    const listeners = async (work: string) =>
      withAdmin(site.database.dsn ?? '', async (admin) => {
        const { rows } = await admin.query<{ pid: number }>(
          `select ${work} as done, pid from pg_stat_activity
           where datname = current_database() and query like 'listen %'`,
        );
        return rows.map(({ pid }) => pid);
      });
    const tokens = await signIn(front(), client);
    await callBoth(tokens.accessToken);
    const ended = await listeners('pg_terminate_backend(pid)');
    expect(ended).toHaveLength(2);

    await revoke(front(), client, tokens.refreshToken);

    expect(await timeUntilRefused(tokens.accessToken)).toBeLessThan(1000);
    await poll(async () => (await listeners('true')).length === 2);
    expect(await listeners('true')).not.toEqual(expect.arrayContaining(ended));
    for (const { log } of site.instances)
      expect(log.filter((line) => line.includes('Not listening on'))).not.toEqual([]);
  });

  test('a revocation reaches both within a second even while no notification does (design §3.4)', async () => {
    const tokens = await signIn(front(), client);
    await callBoth(tokens.accessToken);
    let terminated = 0;
    const isOver = new AbortController();
    const terminating = withAdmin(site.database.dsn ?? '', async (admin) => {
      while (!isOver.signal.aborted) {
        const { rowCount } = await admin.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and query like 'listen %'`,
        );
        terminated += rowCount ?? 0;
      }
    });
    await poll(async () => terminated >= 2);

    await revoke(front(), client, tokens.refreshToken);
    const ms = await timeUntilRefused(tokens.accessToken);

    isOver.abort();
    await terminating;
    expect(ms).toBeLessThan(1000);
  });

  test('with two hundred calls under way, none that begins after the instance has said no gets through (design §3.4)', async () => {
    const tokens = await signIn(front(), client);
    await callBoth(tokens.accessToken);
    const [first, second] = instances();
    if (first === undefined || second === undefined) throw new Error('there should be two');
    const hasRevoked = new Map([first, second].map((instance) => [instance, false]));
    const late: number[] = [];
    let under = 0;
    const keepCalling = async (instance: ReturnType<typeof remote>): Promise<void> => {
      for (let callsLeft = 3; callsLeft > 0;) {
        const beganAfter = hasRevoked.get(instance) === true;
        under += 1;
        const { statusCode } = await callMcp(instance, tokens.accessToken, { method: 'POST' });
        under -= 1;
        if (beganAfter) late.push(statusCode);
        if (beganAfter) callsLeft -= 1;
        if (statusCode === 401) hasRevoked.set(instance, true);
      }
    };
    const calling = Array.from({ length: 200 }, async (_, index) =>
      keepCalling(index % 2 === 0 ? first : second),
    );
    await poll(async () => under === 200);

    expect((await revoke(first, client, tokens.refreshToken)).statusCode).toBe(200);
    hasRevoked.set(first, true);
    await Promise.all(calling);

    expect(late).toEqual(Array.from({ length: 600 }, () => 401));
  });

  test('a client that the operator deletes in the database is out on both within a second (design §3.4)', async () => {
    const tokens = await signIn(front(), client);
    await callBoth(tokens.accessToken);

    await withAdmin(site.database.dsn ?? '', (admin) =>
      admin.query('delete from clients where client_id = $1', [client.clientId]),
    );

    expect(await timeUntilRefused(tokens.accessToken)).toBeLessThan(1000);
    expect((await refresh(front(), client, tokens.refreshToken)).statusCode).toBe(401);
  });

  test('an instance that lost its database connections gets them back by itself (issue 2, "Storage")', async () => {
    const tokens = await signIn(front(), client);

    await withAdmin(site.database.dsn ?? '', (admin) =>
      admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()`,
      ),
    );

    await poll(async () => (await refresh(front(), client, tokens.refreshToken)).statusCode === 200);
    expect((await callMcp(front(), tokens.accessToken, { method: 'POST' })).statusCode).toBe(406);
  });
});
