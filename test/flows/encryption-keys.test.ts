/** ENCRYPTION_KEY: a wrong one is noticed before anything is written, and a new one takes over (design §3.2). */
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Sealer } from '../../src/crypto/sealing.ts';
import { resealValues } from '../../src/flows/reseal-values.ts';
import { sql } from '../../src/repositories/database.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { callMcp, register, signIn } from '../support/authorize.ts';
import { createTestDatabase, databaseKinds, type TestDatabase } from '../support/database.ts';

const [old, fresh, foreign] = [randomBytes(32), randomBytes(32), randomBytes(32)] as const;

describe.each(databaseKinds)('on %s', (kind) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(kind);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await database.db.query(sql`truncate clients, upstream_sessions, encryption_keys, signing_keys cascade`);
  });

  async function startWith(...encryptionKeys: readonly Uint8Array[]): Promise<TestApp> {
    const proxy = await startTestApp({ db: database.db, config: { encryptionKeys } });
    onTestFinished(() => proxy.app.close());
    return proxy;
  }

  /** Rounds of maintenance with these keys, until one has nothing to say. */
  async function reseal(...keys: readonly Uint8Array[]): Promise<string[]> {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    for (let round = 0; round < 3; round += 1) {
      await resealValues({ db: database.db, sealer: new Sealer(keys), log });
    }
    return lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
  }

  async function everything(): Promise<unknown> {
    const tables = ['encryption_keys', 'signing_keys', 'upstream_sessions', 'grants', 'clients'];
    return Promise.all(
      tables.map(async (table) =>
        database.db.query({ text: `select * from ${table} order by 1`, values: [] }),
      ),
    );
  }

  test('a database that was written under another key is refused, with what to do, and not touched', async () => {
    const proxy = await startWith(old);
    await signIn(proxy, await register(proxy));
    const before = await everything();

    const started = startWith(foreign);

    await expect(started).rejects.toThrow(/ENCRYPTION_KEY does not fit this database.*new,old/s);
    expect(await everything()).toEqual(before);
  });

  test('the message has the ids of the keys, and not the keys', async () => {
    await startWith(old);

    const refusal: unknown = await startWith(foreign).catch((error: unknown) => error);

    const text = refusal instanceof Error ? refusal.message : '';
    expect(text).toContain(new Sealer([old]).keyIds[0]);
    expect(text).toContain(new Sealer([foreign]).keyIds[0]);
    for (const key of [old, foreign]) {
      for (const encoding of ['base64', 'base64url', 'hex'] as const) {
        expect(text).not.toContain(key.toString(encoding));
      }
    }
  });

  test('ENCRYPTION_KEY=new,old opens what was sealed before, and people stay signed in', async () => {
    const before = await startWith(old);
    const { accessToken } = await signIn(before, await register(before));

    const after = await startWith(fresh, old);

    expect((await callMcp(after, accessToken)).statusCode).toBe(200);
  });

  test('after some rounds nothing is under the old key: the operator is told once, and the server starts without it', async () => {
    const before = await startWith(old);
    const { accessToken } = await signIn(before, await register(before));
    await startWith(fresh, old);

    const said = await reseal(fresh, old);

    expect(said).toEqual([expect.stringContaining('remove it from ENCRYPTION_KEY')]);
    const after = await startWith(fresh);
    expect((await callMcp(after, accessToken)).statusCode).toBe(200);
    await expect(startWith(old)).rejects.toThrow('ENCRYPTION_KEY does not fit');
  });

  test('before that, the server refuses to start without the old key', async () => {
    const before = await startWith(old);
    await signIn(before, await register(before));
    await startWith(fresh, old);

    await expect(startWith(fresh)).rejects.toThrow('ENCRYPTION_KEY does not fit');
  });

  test('during a rolling change an instance with old,new does not move values back, nor forget the new key', async () => {
    const before = await startWith(old);
    await signIn(before, await register(before));
    await startWith(fresh, old);
    await reseal(fresh, old);

    const said = await reseal(old, fresh);

    expect(said).toEqual([]);
    await startWith(fresh);
  });

  test('a sealed value that was moved to another row does not open there (design §3.2)', async () => {
    const proxy = await startWith(old);
    const client = await register(proxy);
    const [mine, yours] = [await signIn(proxy, client), await signIn(proxy, client)];
    await database.db.query(sql`
      update upstream_sessions as mine set sealed_access_token = yours.sealed_access_token
      from upstream_sessions as yours
      where mine.upstream_session_id <> yours.upstream_session_id`);

    const answers = await Promise.all(
      [mine, yours].map(async ({ accessToken }) => callMcp(proxy, accessToken)),
    );

    expect(answers.map(({ statusCode }) => statusCode)).toEqual([500, 500]);
  });
});
