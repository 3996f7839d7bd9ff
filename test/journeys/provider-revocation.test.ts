/** What is revoked here is revoked at the provider: in the background, once, and nothing that is still needed. */
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { Sealer } from '../../src/crypto/sealing.ts';
import { revokeEndedSignIns } from '../../src/flows/revoke-ended-sign-ins.ts';
import { createIdentityProviders } from '../../src/identity/identity-providers.ts';
import { sql } from '../../src/repositories/database.ts';
import { callMcp, refresh, register, revoke, signIn, type TestClient } from '../support/authorize.ts';
import { createClock, type TestClock } from '../support/clock.ts';
import { databaseKinds } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { sampleClient } from '../support/sample-provider.ts';
import { remote } from './remote.ts';
import { whoami } from './whoami.ts';

describe.each(databaseKinds)('on %s', (kind) => {
  let site: Site;
  let clock: TestClock;
  let client: TestClient;
  beforeEach(async () => {
    clock = createClock();
    site = await startSite(kind, { clock, instances: kind === 'postgres' ? 2 : 1 });
    client = await register(remote(site.front.origin));
  });
  afterEach(() => site.close());

  const front = () => remote(site.front.origin);

  /** That part of a round of maintenance, as an instance that was just started would run it. */
  async function runRound(): Promise<void> {
    const { providers, encryptionKeys } = loadConfig({ ...site.environment });
    await revokeEndedSignIns({
      db: site.database.db,
      clock,
      sealer: new Sealer(encryptionKeys ?? []),
      identityProviders: createIdentityProviders(providers, { clock }),
      log: pino({ level: 'silent' }),
    });
  }

  const runRounds = async (count: number) => Promise.all(Array.from({ length: count }, runRound));

  const asked = () => site.provider.passed.filter(({ path }) => path === '/token/revocation');

  /** What the provider gave at its token endpoint, the newest last. */
  const given = () =>
    site.provider.passed
      .filter(({ path, status }) => path === '/token' && status === 200)
      .map(({ responseBody }) => JSON.parse(responseBody) as { access_token: string; refresh_token: string })
      .at(-1);

  async function isActiveAtProvider(token = ''): Promise<boolean> {
    const answer = await fetch(`${site.provider.origin}/token/introspection`, {
      method: 'POST',
      body: new URLSearchParams({
        token,
        client_id: sampleClient.clientId,
        client_secret: sampleClient.clientSecret,
      }),
    });
    return ((await answer.json()) as { active: boolean }).active;
  }

  const countKept = async () => {
    const { rowCount } = await site.database.db.query(sql`
      select 1 from upstream_sessions where sealed_access_token is not null or sealed_refresh_token is not null`);
    return rowCount;
  };

  test('of five instances one revokes it, once; the provider’s tokens are over there and gone here (RFC 7009 §2.1)', async () => {
    const { refreshToken } = await signIn(front(), client);
    const upstream = given();
    expect(await isActiveAtProvider(upstream?.refresh_token)).toBe(true);
    await revoke(front(), client, refreshToken);

    await runRounds(5);
    clock.advance({ hours: 1 });
    await runRounds(5);

    expect(asked().map(({ status }) => status)).toEqual([200]);
    expect(await isActiveAtProvider(upstream?.refresh_token)).toBe(false);
    expect(await isActiveAtProvider(upstream?.access_token)).toBe(false);
    expect(await countKept()).toBe(0);
  });

  test('no client waits for it: /revoke succeeds while the provider is away, which is told when it is back (RFC 7009 §2.2)', async () => {
    const { accessToken, refreshToken } = await signIn(front(), client);
    const upstream = given();
    site.setProviderAway(true);

    expect((await revoke(front(), client, refreshToken)).statusCode).toBe(200);
    expect((await callMcp(front(), accessToken)).statusCode).toBe(401);
    await runRound();
    expect(await countKept()).toBe(1);

    site.setProviderAway(false);
    await runRound();
    expect(asked()).toHaveLength(0);
    clock.advance({ minutes: 11 });
    await runRounds(5);

    expect(asked().map(({ status }) => status)).toEqual([200]);
    expect(await isActiveAtProvider(upstream?.refresh_token)).toBe(false);
    expect(await countKept()).toBe(0);
  });

  test('another sign-in of the same person keeps working; the last one is revoked (issue 4, item 4)', async () => {
    const first = await signIn(front(), client);
    const other = await signIn(front(), await register(front(), { client_name: 'Another app' }));
    await revoke(front(), client, first.refreshToken);

    await runRounds(3);

    expect(asked()).toHaveLength(0);
    expect(await countKept()).toBe(1);
    expect((await callMcp(front(), other.accessToken, whoami)).statusCode).toBe(200);
    clock.advance({ hours: 2 });
    expect((await callMcp(front(), other.accessToken, whoami)).statusCode).toBe(401);
    await site.database.db.query(sql`update grants set revoked_at = ${clock()} where revoked_at is null`);
    await runRounds(3);
    expect(asked()).toHaveLength(1);
    expect(await countKept()).toBe(0);
  });

  test('a sign-in whose grant lives is left alone, also when one of its access tokens was revoked (RFC 7009 §2.1)', async () => {
    const tokens = await signIn(front(), client);
    await revoke(front(), client, tokens.accessToken);

    await runRounds(3);

    expect(asked()).toHaveLength(0);
    expect((await refresh(front(), client, tokens.refreshToken)).statusCode).toBe(200);
    expect(await countKept()).toBe(1);
  });

  test('while its token is being refreshed it is left alone: the new one is revoked then (design §3.9)', async () => {
    const { refreshToken } = await signIn(front(), client);
    await revoke(front(), client, refreshToken);
    const { db } = site.database;
    await db.query(
      sql`update upstream_sessions set refresh_leased_until = clock_timestamp() + interval '1 minute'`,
    );

    await runRound();
    expect(asked()).toHaveLength(0);

    await db.query(sql`update upstream_sessions set refresh_leased_until = null`);
    await runRound();
    expect(asked()).toHaveLength(1);
  });
});
