/** More sign-ins under way than there is room for: a flood displaces itself (design: bounded everything). */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { evictPendingSignIns, maxPendingSignIns } from '../../src/repositories/pending-sign-ins.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  approve,
  askConsent,
  authorizeUrl,
  register,
  registerStranger,
  type Asked,
  type TestClient,
} from '../support/authorize.ts';
import { createTestDatabase, databaseKinds, type TestDatabase } from '../support/database.ts';
import { runMaintenance } from '../support/maintenance.ts';

const encryptionKeys = [randomBytes(32)];

describe.each(databaseKinds)('on %s', (kind) => {
  let proxy: TestApp;
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(kind);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await database.db.query(sql`truncate clients, account_sign_ins cascade`);
    proxy = await startTestApp({ db: database.db, config: { encryptionKeys } });
  });
  afterEach(() => proxy.close());

  /** Requests of one client that nobody goes on with. They are newer than what was there before. */
  async function flood(
    { clientId, redirectUri }: TestClient,
    count: number,
    approved = false,
  ): Promise<void> {
    proxy.clock.advance({ seconds: 1 });
    const now = proxy.clock();
    await proxy.db.query(sql`
      insert into authorization_requests (request_id_hash, consent_hash, client_id, redirect_uri, code_challenge, resource,
        scopes, created_at, expires_at, sealed_sign_in)
      select decode(md5(${clientId}::text || n), 'hex'), '', ${clientId}, ${redirectUri}, 'challenge', 'resource', '{}',
        ${now}::timestamptz + n * interval '1 microsecond', ${now}::timestamptz + interval '30 minutes',
        case when ${approved} then 'sealed'::bytea end
      from generate_series(1, ${count}::integer) as n`);
  }

  const countPending = async () => (await proxy.db.query(sql`select from authorization_requests`)).rowCount;
  const expectToGoOn = async (asked: Asked) => expect(approve(asked)).resolves.toBeInstanceOf(URL);

  test('the client that has the most loses its oldest; others go on, however old (clients.md P2)', async () => {
    const asked = await askConsent(proxy, await register(proxy));
    const flooding = await registerStranger(proxy);
    await flood(flooding, 150);
    proxy.clock.advance({ seconds: 1 });
    const newest = await askConsent(proxy, flooding);

    expect(await evictPendingSignIns(proxy.db, 100)).toBe(57);
    expect(await countPending()).toBe(95);
    await expectToGoOn(asked);
    await expectToGoOn(newest);
  });

  test('who has approved is at the provider, and goes last', async () => {
    const client = await register(proxy);
    const asked = await askConsent(proxy, client);
    await approve(asked);
    await flood(client, 150);

    await evictPendingSignIns(proxy.db, 100);
    const { rowCount } = await proxy.db.query(
      sql`select from authorization_requests where sealed_sign_in is not null`,
    );
    expect(rowCount).toBe(1);
  });

  test('as long as there is room, nobody goes', async () => {
    await flood(await register(proxy), 100);

    expect(await evictPendingSignIns(proxy.db, 100)).toBe(0);
    expect(await countPending()).toBe(100);
  });

  test('sign-ins at /account are bounded, too', async () => {
    const now = proxy.clock();
    await proxy.db.query(sql`
      insert into account_sign_ins (upstream_state_hash, sign_in_hash, identity_provider, sealed_sign_in, created_at,
        expires_at)
      select decode(md5(n::text), 'hex'), '', 'oauth', '', ${now}::timestamptz + n * interval '1 microsecond', ${now}
      from generate_series(1, 110) as n`);

    expect(await evictPendingSignIns(proxy.db, 100)).toBe(15);
    const { rowCount } = await proxy.db.query(
      sql`select from account_sign_ins where upstream_state_hash = decode(md5('15'), 'hex')`,
    );
    expect(rowCount).toBe(0);
  });

  test('requests at /authorize themselves keep within the bound, and so does maintenance', async () => {
    const client = await register(proxy);
    const flooding = await registerStranger(proxy);
    await flood(flooding, maxPendingSignIns + 1, true);
    for (let count = 0; count < 50; count += 1)
      await proxy.send({ url: authorizeUrl(client, 'v'.repeat(43)) });
    expect(await countPending()).toBeLessThanOrEqual(maxPendingSignIns);

    await flood(await registerStranger(proxy), maxPendingSignIns);
    await runMaintenance(proxy);
    expect(await countPending()).toBeLessThanOrEqual(maxPendingSignIns);
  });
});
