/** A standby takes over, without the last transactions: revocations are heard whatever their ids (design §3.4). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../src/repositories/migrate.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import { callMcp, register, revoke, signIn } from '../support/authorize.ts';
import { describePrivatePostgres } from '../support/database.ts';
import { dsnThrough, type Forwarder, startForwarder } from '../support/forwarder.ts';
import { type Site, startSite } from '../support/instances.ts';
import { type PostgresServer, startPostgres, withAdmin } from '../support/postgres.ts';
import { type PostgresStandby, startStandby } from '../support/postgres-standby.ts';
import { poll } from '../support/process.ts';
import { remote } from './remote.ts';
import { endsOf, openStreams, reachedMcpServer } from './streams.ts';

const portOf = (dsn: string) => Number(new URL(dsn).port);

describePrivatePostgres('two instances, whose database fails over to a standby', { timeout: 60_000 }, () => {
  let primary: PostgresServer;
  let standby: PostgresStandby;
  /** Between the instances and whichever server is the primary. */
  let address: Forwarder;
  /** Between the primary and its standby. */
  let replication: Forwarder;
  let site: Site;
  beforeAll(async () => {
    primary = await startPostgres();
    replication = await startForwarder(portOf(primary.dsn));
    standby = await startStandby(primary, replication.port);
    address = await startForwarder(portOf(primary.dsn));
    const dsn = dsnThrough(primary.dsn, address);
    const db = openPostgresDatabase(dsn, { onError: () => undefined });
    await migrate(db);
    site = await startSite('postgres', { instances: 2, database: { db, dsn, drop: () => db.close() } });
  });
  afterAll(async () => {
    await site.close();
    for (const forwarder of [address, replication]) await forwarder.close();
    for (const server of [standby, primary]) await server.remove();
  });

  const instances = () => site.instances.map(({ origin }) => remote(origin));
  const callBoth = async (accessToken: string): Promise<number[]> =>
    Promise.all(
      instances().map(
        async (instance) => (await callMcp(instance, accessToken, { method: 'POST' })).statusCode,
      ),
    );
  const ids = async (dsn: string) =>
    withAdmin(dsn, async (admin) => {
      const { rows } = await admin.query<{ id: number }>(
        'select revocation_id::int as id from revocations order by revocation_id',
      );
      return rows.map(({ id }) => id);
    });

  test('what the old server lost is gone everywhere, and a revocation whose id was used there before is heard by both', async () => {
    const front = remote(site.front.origin);
    const client = await register(front);
    const kept = await signIn(front, client);
    const other = await signIn(front, client);
    await standby.catchUp();
    // From here on the standby gets nothing more, and nobody notices.
    replication.freeze();
    const lost = await signIn(front, client);
    // As many as a sequence runs ahead in the log (32), and more: the standby will give out the same ids again.
    await withAdmin(primary.dsn, (admin) =>
      admin.query(
        `insert into revocations (kind, subject) select 'grant', 'of nobody' from generate_series(1, 100)`,
      ),
    );
    for (const { accessToken } of [kept, other, lost])
      expect(await callBoth(accessToken)).toEqual([reachedMcpServer, reachedMcpServer]);
    const [streams, otherStreams, lostStreams] = await Promise.all(
      [kept, other, lost].map(async ({ accessToken }) => openStreams(site, accessToken)),
    );
    const usedIds = await ids(primary.dsn);

    address.setTarget(undefined);
    await primary.kill();
    await standby.promote();
    await withAdmin(standby.dsn, (admin) =>
      admin.query(
        `update grants set revoked_at = now(), revocation_reason = 'by_operator' where grant_id =
        (select grant_id from access_tokens where jti = $1)`,
        [jtiOf(other.accessToken)],
      ),
    );
    expect(usedIds).toEqual(expect.arrayContaining(await ids(standby.dsn)));
    address.setTarget(portOf(standby.dsn));

    // Revoked before anyone looked, and unknown to the new server.
    expect(await endsOf(otherStreams ?? [])).toEqual(['rejected', 'rejected']);
    expect(await endsOf(lostStreams ?? [])).toEqual(['rejected', 'rejected']);
    for (const { accessToken } of [other, lost])
      await poll(async () => (await callBoth(accessToken)).every((status) => status === 401));
    const statuses = new Set<number>();
    await poll(async () => {
      const both = await callBoth(kept.accessToken);
      for (const status of both) statuses.add(status);
      return both.every((status) => status === reachedMcpServer);
    });
    expect([...statuses].filter((status) => status !== 503)).toEqual([reachedMcpServer]);

    await poll(async () => (await revoke(front, client, kept.refreshToken)).statusCode === 200);
    expect(usedIds).toEqual(expect.arrayContaining(await ids(standby.dsn)));
    await poll(async () => (await callBoth(kept.accessToken)).every((status) => status === 401));
    expect(await endsOf(streams ?? [])).toEqual(['rejected', 'rejected']);
  });
});

function jtiOf(accessToken: string): unknown {
  const payload = Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString();
  return (JSON.parse(payload) as { jti: unknown }).jti;
}
