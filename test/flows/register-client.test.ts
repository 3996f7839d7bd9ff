/** Registrations in numbers: identical ones, parallel ones, and more than anyone needs (RFC 7591, clients.md P2). */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  ada,
  askConsent,
  authorize,
  callMcp,
  redeem,
  refresh,
  register,
  registerByOperator,
  revoke,
  signIn,
  tokensOf,
  isRegistered,
} from '../support/authorize.ts';
import {
  createTestDatabase,
  databaseKinds,
  describePostgres,
  type TestDatabase,
} from '../support/database.ts';

const encryptionKeys = [randomBytes(32)];
const maxUnfinished = 10_000;

const bob = { name: 'Bob', email: 'bob@example.com' };

async function countClients({ db }: TestApp): Promise<number> {
  return (await db.query(sql`select from clients`)).rowCount;
}

/** Registrations of one source that nobody finished, the first of them the oldest. */
async function flood({ db, clock }: TestApp, count: number, from: number, name = 'flood'): Promise<void> {
  await db.query(sql`
    insert into clients (client_id, token_endpoint_auth_method, redirect_uris, grant_types, response_types, source,
      created_at, registered_from)
    select ${name}::text || '-' || n, 'none', '{https://flood.example/cb}', '{authorization_code}', '{code}', 'dynamic',
      ${clock()}::timestamptz - interval '1 hour' + n * interval '1 millisecond', ${from}::integer
    from generate_series(1, ${count}::integer) as n`);
}

const registerFrom = async (proxy: TestApp, remoteAddress: string, client_name: string): Promise<string> => {
  const payload = {
    client_name,
    redirect_uris: ['https://client.example/cb'],
    token_endpoint_auth_method: 'none',
  };
  const answer = await proxy.send({ method: 'POST', url: '/register', payload, remoteAddress });
  if (answer.statusCode !== 201) throw new Error(`not registered: ${answer.statusCode} ${answer.body}`);
  return answer.json<{ client_id: string }>().client_id;
};

describe.each(databaseKinds)('on %s', (kind) => {
  let proxy: TestApp;
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(kind);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await database.db.query(sql`truncate clients, upstream_sessions cascade`);
    proxy = await startTestApp({ db: database.db, config: { encryptionKeys } });
  });
  afterEach(() => proxy.close());

  describe('an identical public registration', () => {
    test('gets the same client_id, and leaves one row (clients.md P2)', async () => {
      const first = await register(proxy);
      proxy.clock.advance({ hours: 1 });
      const second = await register(proxy);

      expect(second.clientId).toBe(first.clientId);
      expect(await countClients(proxy)).toBe(1);
    });

    test.each<[string, Record<string, unknown>]>([
      ['name', { client_name: 'Another' }],
      ['redirect URI', { redirect_uris: ['https://client.example/callback/'] }],
      ['port on loopback', { redirect_uris: ['http://localhost:1/cb'] }],
      ['one redirect URI more', { redirect_uris: ['https://client.example/callback', 'http://localhost/'] }],
      ['scope', { scope: 'openid' }],
      ['version', { software_version: '2' }],
      ['website', { client_uri: 'https://client.example/' }],
      ['way to authenticate', { token_endpoint_auth_method: 'client_secret_post' }],
    ])(
      'with another %s is another client: what is echoed and what people see is its own',
      async (_, other) => {
        const { clientId } = await register(proxy, { redirect_uris: ['https://client.example/callback'] });
        expect((await register(proxy, other)).clientId).not.toBe(clientId);
      },
    );

    test('is read before it is compared: what changes nothing here makes no other client', async () => {
      const { clientId } = await register(proxy);
      const noise = {
        contacts: ['a@client.example'],
        logo_uri: null,
        tos_uri: '',
        grant_types: [],
        scope: '',
      };
      expect((await register(proxy, noise)).clientId).toBe(clientId);
    });

    test('is not forgotten a moment later: its two days begin anew (clients.md P2)', async () => {
      const { clientId } = await register(proxy);
      proxy.clock.advance({ hours: 47 });
      await register(proxy);
      proxy.clock.advance({ hours: 47 });
      await flood(proxy, maxUnfinished, 1);
      await registerFrom(proxy, '203.0.113.9', 'Newcomer');

      expect(await isRegistered(proxy, clientId)).toBe(true);
    });
  });

  test('a client with a secret gets an id and a secret of its own each time (RFC 7591 §3.2.1)', async () => {
    const metadata = { token_endpoint_auth_method: 'client_secret_basic' };
    const [one, other] = [await register(proxy, metadata), await register(proxy, metadata)];

    expect(one.clientId).not.toBe(other.clientId);
    expect(one.clientSecret).not.toBe(other.clientSecret);
  });

  test('what the operator makes is never shared, and no registration becomes it', async () => {
    const made = [await registerByOperator(proxy), await registerByOperator(proxy), await register(proxy)];

    expect(new Set(made.map(({ clientId }) => clientId)).size).toBe(3);
  });

  test('strangers who share a client_id cannot touch each other’s access (RFC 7009 §2.1, OAuth 2.1 §4.3.1)', async () => {
    const [hers, his] = [await register(proxy), await register(proxy)];
    expect(hers).toEqual(his);
    const adas = await signIn(proxy, hers, {}, ada);
    const bobs = await signIn(proxy, his, {}, bob);

    await revoke(proxy, hers, adas.refreshToken);
    const replay = await redeem(proxy, hers, adas.authorization);
    expect(replay.statusCode).toBe(400);

    expect((await callMcp(proxy, adas.accessToken)).statusCode).toBe(401);
    expect((await callMcp(proxy, bobs.accessToken)).statusCode).toBe(200);
    expect((await refresh(proxy, his, bobs.refreshToken)).statusCode).toBe(200);
  });

  test('one who shares a client_id cannot redeem the other’s code without the verifier (RFC 7636 §4.6)', async () => {
    const client = await register(proxy);
    const bobs = await authorize(proxy, client, {}, { person: bob });

    const stolen = await redeem(proxy, client, { ...bobs, codeVerifier: 'x'.repeat(43) });
    expect(stolen.json()).toMatchObject({ error: 'invalid_grant' });
    expect((await redeem(proxy, client, bobs)).statusCode).toBe(200);
  });

  describe('more unfinished registrations than there is room for', () => {
    test('push out the oldest, and no newcomer is refused (clients.md P2)', async () => {
      await flood(proxy, maxUnfinished, 1);
      const newcomer = await registerFrom(proxy, '203.0.113.9', 'Newcomer');

      expect(await countClients(proxy)).toBeLessThanOrEqual(maxUnfinished);
      expect(await isRegistered(proxy, newcomer)).toBe(true);
      expect(await isRegistered(proxy, 'flood-1')).toBe(false);
      expect(await isRegistered(proxy, `flood-${maxUnfinished}`)).toBe(true);
    });

    test('of one source push out that source’s own, not an earlier one of another (OAuth 2.1 §7.6)', async () => {
      const early = await registerFrom(proxy, '203.0.113.9', 'Early');
      proxy.clock.advance({ hours: 2 });
      await flood(proxy, maxUnfinished + 500, 1);
      await registerFrom(proxy, '203.0.113.10', 'Late');

      expect(await isRegistered(proxy, early)).toBe(true);
      expect(await countClients(proxy)).toBeLessThanOrEqual(maxUnfinished);
    });

    test('leave alone what is in use, what the operator made, and a sign-in that is under way (protocol.md 71)', async () => {
      const used = await register(proxy, { client_name: 'Used' });
      await signIn(proxy, used);
      const made = await registerByOperator(proxy);
      const asked = await register(proxy, { client_name: 'Asked' });
      await askConsent(proxy, asked);
      await flood(proxy, maxUnfinished, 1);
      await registerFrom(proxy, '203.0.113.9', 'Newcomer');

      for (const { clientId } of [used, made, asked]) expect(await isRegistered(proxy, clientId)).toBe(true);
    });

    test('that are kept by sign-ins under way do not lock newcomers out', async () => {
      await flood(proxy, maxUnfinished, 1);
      await proxy.db.query(sql`
        insert into authorization_requests (request_id_hash, consent_hash, client_id, redirect_uri, code_challenge,
          resource, scopes, created_at, expires_at)
        select sha256(client_id::bytea), '', client_id, '', '', '', '{}', now(), now() + interval '30 minutes'
        from clients`);
      const newcomer = await registerFrom(proxy, '203.0.113.9', 'Newcomer');

      expect(await isRegistered(proxy, newcomer)).toBe(true);
      expect(await countClients(proxy)).toBe(maxUnfinished + 1);
    });
  });
});

describePostgres('on postgres, two instances', () => {
  let database: TestDatabase;
  let instances: readonly [TestApp, TestApp];
  beforeEach(async () => {
    database = await createTestDatabase('postgres');
    const second = openPostgresDatabase(database.dsn ?? '', { onError: () => undefined });
    const a = await startTestApp({ db: database.db });
    const b = await startTestApp({ db: second, config: a.config, clock: a.clock });
    instances = [a, { ...b, close: async () => b.close().then(async () => second.close()) }];
  });
  afterEach(async () => {
    for (const instance of instances) await instance.close();
    await database.drop();
  });

  test('50 identical registrations at once get one client_id, and it works (clients.md P2)', async () => {
    const [one, other] = instances;
    const registered = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => register(index % 2 === 0 ? one : other)),
    );

    expect(new Set(registered.map(({ clientId }) => clientId)).size).toBe(1);
    expect(await countClients(one)).toBe(1);
    const client = await register(other);
    tokensOf(await redeem(one, client, await authorize(one, client)));
  });

  test('40 newcomers at once on a full server all get in, and the server stays within its room (clients.md P2)', async () => {
    const [one, other] = instances;
    await flood(one, maxUnfinished, 1);
    const newcomers = await Promise.all(
      Array.from({ length: 40 }, async (_, index) =>
        registerFrom(index % 2 === 0 ? one : other, `198.51.100.${index}`, `Newcomer ${index}`),
      ),
    );

    for (const clientId of newcomers) expect(await isRegistered(one, clientId)).toBe(true);
    expect(await countClients(one)).toBeLessThanOrEqual(maxUnfinished);
  });
});
