/** Signing keys: one for all instances, rotated with overlap, published before and after they sign (design §3.3). */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SigningAlg } from '../../src/crypto/sign-claims.ts';
import { Sealer } from '../../src/crypto/sealing.ts';
import { KeyRing } from '../../src/flows/key-ring.ts';
import { sql } from '../../src/repositories/database.ts';
import { createClock, type TestClock } from '../support/clock.ts';
import { createTestDatabase, databaseKinds, type TestDatabase } from '../support/database.ts';

describe.each(databaseKinds)('on %s', (kind) => {
  let database: TestDatabase;
  let clock: TestClock;
  let sealer: Sealer;
  beforeAll(async () => {
    database = await createTestDatabase(kind);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await database.db.query(sql`delete from signing_keys`);
    clock = createClock();
    sealer = new Sealer([randomBytes(32)]);
  });

  const instance = (alg: SigningAlg = 'ES256') => new KeyRing({ db: database.db, sealer, clock, alg });

  async function start(alg?: SigningAlg): Promise<KeyRing> {
    const ring = instance(alg);
    await ring.refresh();
    return ring;
  }

  const published = (ring: KeyRing) => ring.jwks.keys.map(({ kid }) => kid);

  test('eight instances that start on an empty database share one key', async () => {
    const rings = Array.from({ length: 8 }, () => instance());

    await Promise.all(rings.map((ring) => ring.refresh()));

    const kids = await Promise.all(rings.map(async (ring) => (await ring.signingKey()).kid));
    expect(new Set(kids).size).toBe(1);
    expect(new Set(rings.flatMap(published)).size).toBe(1);
  });

  test('the key survives a restart', async () => {
    const before = await (await start()).signingKey();

    const after = await (await start()).signingKey();

    expect(after.kid).toBe(before.kid);
  });

  test('the next key is published a day before it signs, and the old one signs until then (RFC 9068 §4, protocol.md 56)', async () => {
    const [first, second] = [await start(), await start()];
    const old = await first.signingKey();
    clock.advance({ days: 89, hours: 1 });

    await Promise.all([first.refresh(), second.refresh()]);

    expect(published(first)).toHaveLength(2);
    expect(published(second)).toEqual(published(first));
    expect((await first.signingKey()).kid).toBe(old.kid);
    expect((await second.signingKey()).kid).toBe(old.kid);
  });

  test('at its hour both sign with the new key, while the old one still verifies (RFC 9068 §4, protocol.md 56)', async () => {
    const [first, second] = [await start(), await start()];
    const old = await first.signingKey();
    clock.advance({ days: 89, hours: 1 });
    await Promise.all([first.refresh(), second.refresh()]);
    clock.advance({ hours: 23 });

    const [fresh, same] = await Promise.all([first.signingKey(), second.signingKey()]);

    expect(fresh.kid).not.toBe(old.kid);
    expect(same.kid).toBe(fresh.kid);
    expect([...second.verificationKeys.keys()]).toEqual([old.kid, fresh.kid]);
  });

  test('an old key disappears once no token that it signed can be alive', async () => {
    const ring = await start();
    const old = await ring.signingKey();
    clock.advance({ days: 90 });
    await ring.refresh();
    clock.advance({ days: 7, hours: 23 });
    await ring.refresh();
    expect(published(ring)).toContain(old.kid);

    clock.advance({ hours: 2 });
    await ring.refresh();

    expect(published(ring)).not.toContain(old.kid);
    expect(published(ring)).toHaveLength(1);
  });

  test('a server that was off for a year makes a new key when it has to sign', async () => {
    const ring = await start();
    const old = await ring.signingKey();
    clock.advance({ days: 365 });

    const fresh = await ring.signingKey();

    expect(fresh.kid).not.toBe(old.kid);
    expect(published(ring)).toEqual([fresh.kid]);
  });

  test('a clock that was wrong once, and made a key for next year, leaves no server without a key', async () => {
    const wrongClock = createClock();
    wrongClock.advance({ days: 365 });
    const ahead = new KeyRing({ db: database.db, sealer, clock: wrongClock, alg: 'ES256' });
    await ahead.refresh();

    const ring = await start();

    expect((await ring.signingKey()).kid).not.toBe((await ahead.signingKey()).kid);
  });

  test('a key made by another instance is found when a token names it, and looked for at most every five seconds', async () => {
    const [first, second] = [await start(), await start()];
    clock.advance({ days: 90 });
    const { kid } = await first.signingKey();
    expect(second.verificationKeys.has(kid)).toBe(false);

    expect(await second.lookForNewKeys()).toBe(true);
    expect(second.verificationKeys.has(kid)).toBe(true);

    expect(await second.lookForNewKeys()).toBe(false);
    clock.advance({ seconds: 5 });
    expect(await second.lookForNewKeys()).toBe(true);
  });

  test('many who look for a new key at once share one look, and all see what it finds', async () => {
    const [first, second] = [await start(), await start()];
    clock.advance({ days: 90 });
    const { kid } = await first.signingKey();

    const looks = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const hasLooked = await second.lookForNewKeys();
        return hasLooked && second.verificationKeys.has(kid);
      }),
    );

    expect(looks).toEqual([true, true, true, true, true]);
  });

  test('another algorithm signs at once, and the keys of the one before still verify (SIGNING_ALG)', async () => {
    const before = await start('ES256');
    const old = await before.signingKey();

    const after = await start('RS256');
    const fresh = await after.signingKey();

    expect(fresh.alg).toBe('RS256');
    expect([...after.verificationKeys.keys()].sort()).toEqual([old.kid, fresh.kid].sort());
    expect((await before.signingKey()).kid).toBe(old.kid);
  });

  test('what is published is public, and what is stored is sealed to its row (RFC 7517 §9.2, design §3.2)', async () => {
    const ring = await start();
    await start('RS256');

    const { rows } = await database.db.query(
      sql`select kid, sealed_private_key from signing_keys order by kid`,
    );
    const [one, other] = rows as [{ kid: string }, { kid: string }];
    const secretMembers = ring.jwks.keys.flatMap((key) =>
      Object.keys(key).filter((name) => ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].includes(name)),
    );
    expect(secretMembers).toEqual([]);
    expect(ring.jwks.keys[0]).toMatchObject({ use: 'sig', alg: 'ES256', kid: expect.any(String) as string });

    await database.db.query(sql`
      update signing_keys set sealed_private_key = (
        select sealed_private_key from signing_keys where kid = ${other.kid})
      where kid = ${one.kid}`);
    await expect(start()).rejects.toThrow('does not open');
  });
});
