/** Deciding about an access token while the world changes: a revocation in between, a stale feed, an outage (design §3.4). */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Database, SqlQuery } from '../../src/repositories/database.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { callMcp, register, revoke, signIn, type TestClient, type Tokens } from '../support/authorize.ts';
import { defaultTestDatabase, type TestDatabase } from '../support/database.ts';

const lookUp = /select.*where jti =/s;
const lookAtFeed = /left join revocations/;

/** A database whose answers can be held back on their way, and whose look-ups of tokens are counted. */
interface Held {
  readonly db: Database;
  lookUps: number;
  /** From now on answers to these queries wait until `release` is called. */
  hold(which: RegExp): { readonly arrived: Promise<void>; release(): void };
}

function holdable(db: Database): Held {
  let barrier:
    { readonly which: RegExp; readonly arrive: () => void; readonly open: Promise<void> } | undefined;
  const held: Held = {
    lookUps: 0,
    hold(which) {
      let [arrive, release] = [(): void => undefined, (): void => undefined];
      const arrived = new Promise<void>((resolve) => (arrive = resolve));
      const open = new Promise<void>((resolve) => (release = resolve));
      barrier = { which, arrive: () => arrive(), open };
      return {
        arrived,
        release() {
          barrier = undefined;
          release();
        },
      };
    },
    db: {
      ...db,
      urgent: undefined,
      async query(query: SqlQuery) {
        const result = await db.query(query);
        if (lookUp.test(query.text)) held.lookUps += 1;
        if (barrier?.which.test(query.text) === true) {
          barrier.arrive();
          await barrier.open;
        }
        return result;
      },
    },
  };
  return held;
}

let database: TestDatabase;
let held: Held;
let proxy: TestApp;
let client: TestClient;
let tokens: Tokens;
beforeEach(async () => {
  database = await defaultTestDatabase();
  held = holdable(database.db);
  const config = { encryptionKeys: [randomBytes(32)], accessTokenTtlSeconds: 3600 };
  proxy = await startTestApp({ db: held.db, config });
  client = await register(proxy);
  tokens = await signIn(proxy, client);
});
afterEach(async () => {
  await proxy.close();
  await database.drop();
});

const statusOfCall = async () => (await callMcp(proxy, tokens.accessToken)).statusCode;

test('a token is looked up once; after that the database is not asked (design §3.4)', async () => {
  for (let call = 0; call < 5; call += 1) expect(await statusOfCall()).toBe(200);

  expect(held.lookUps).toBe(1);
});

test('a revocation that comes while a token is being looked up is not forgotten: the next call is refused', async () => {
  const { arrived, release } = held.hold(lookUp);
  const early = callMcp(proxy, tokens.accessToken);
  await arrived;

  await revoke(proxy, client, tokens.refreshToken);
  release();
  await early;

  expect(await statusOfCall()).toBe(401);
});

test('a token that was trusted from memory is refused once it has expired (RFC 9068 §4)', async () => {
  expect(await statusOfCall()).toBe(200);

  proxy.clock.advance({ minutes: 60 });

  expect(await statusOfCall()).toBe(401);
});

test('a token of memory is looked up again when the feed has not been read for five seconds (design §3.4)', async () => {
  expect(await statusOfCall()).toBe(200);
  const { arrived, release } = held.hold(lookAtFeed);
  await arrived;
  const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 5_600);

  const status = await statusOfCall();

  clock.mockRestore();
  release();
  expect(status).toBe(200);
  expect(held.lookUps).toBe(2);
});

test('a revoked token is refused again and again: it does not find its way back into memory', async () => {
  await statusOfCall();
  await revoke(proxy, client, tokens.accessToken);

  expect([await statusOfCall(), await statusOfCall()]).toEqual([401, 401]);
});
