/** Removes what has expired, in small batches that wait for nobody. */
import { z } from 'zod';
import { type Database, type Queryable, sql, type SqlQuery } from './database.ts';
import { findOne } from './rows.ts';

const batchSize = 500;

/** Statements that delete at most `limit` rows; children go with their grant or client (on delete cascade). */
const sweeps: readonly ((now: Date, limit: number) => SqlQuery)[] = [
  (now, limit) => sql`
    delete from authorization_requests
    where request_id_hash in (
      select request_id_hash from authorization_requests
      where expires_at < ${now}
      limit ${limit}
      for update skip locked)`,
  (now, limit) => sql`
    delete from consents
    where (browser_hash, client_id, redirect_uri, resource) in (
      select browser_hash, client_id, redirect_uri, resource from consents
      where expires_at < ${now}
      limit ${limit}
      for update skip locked)`,
  // A used code is kept for a day so that a late replay is still noticed (OAuth 2.1 §4.1.3).
  (now, limit) => sql`
    delete from authorization_codes
    where code_hash in (
      select code_hash from authorization_codes
      where expires_at < ${now}::timestamptz - interval '1 day'
      limit ${limit}
      for update skip locked)`,
  // Kept for a day beyond both lifetimes so that reuse of a spent refresh token is still noticed.
  (now, limit) => sql`
    delete from access_tokens
    where jti in (
      select jti from access_tokens
      where greatest(expires_at, refresh_expires_at) < ${now}::timestamptz - interval '1 day'
      limit ${limit}
      for update skip locked)`,
  (now, limit) => sql`
    delete from grants
    where grant_id in (
      select grant_id from grants
      where expires_at < ${now}::timestamptz - interval '1 day'
        or revoked_at < ${now}::timestamptz - interval '1 day'
      limit ${limit}
      for update skip locked)`,
  (now, limit) => sql`
    delete from upstream_sessions
    where upstream_session_id in (
      select upstream_session_id from upstream_sessions
      where created_at < ${now}::timestamptz - interval '1 day'
        and not exists (select from grants where grants.upstream_session_id = upstream_sessions.upstream_session_id)
      limit ${limit}
      for update skip locked)`,
  // A client that registered itself and was never used goes after two days.
  (now, limit) => sql`
    delete from clients
    where client_id in (
      select client_id from clients
      where source = 'dynamic' and last_used_at is null and created_at < ${now}::timestamptz - interval '2 days'
        and not exists (select from grants where grants.client_id = clients.client_id)
        and not exists (
          select from authorization_requests where authorization_requests.client_id = clients.client_id)
      limit ${limit}
      for update skip locked)`,
  // Longer than any instance may lag behind the feed; what it announced is in the rows themselves.
  (now, limit) => sql`
    delete from revocations
    where revocation_id in (
      select revocation_id from revocations
      where revoked_at < ${now}::timestamptz - interval '1 day'
      limit ${limit}
      for update skip locked)`,
  (now, limit) => sql`
    delete from signing_keys
    where kid in (
      select kid from signing_keys where published_until < ${now} limit ${limit} for update skip locked)`,
];

/**
 * Runs every sweep until nothing expired is left or `maxBatches` are done. Each batch is a transaction of its own that
 * holds the sweep lock: of several instances one sweeps, the others return at once.
 * Returns how many rows went.
 */
export async function sweepExpired(db: Database, now: Date, maxBatches = 200): Promise<number> {
  let removed = 0;
  let batches = 0;
  for (const sweep of sweeps) {
    let count: number | undefined;
    do {
      count = await db.transaction(async (tx) =>
        (await takeSweepLock(tx)) ? (await tx.query(sweep(now, batchSize))).rowCount : undefined,
      );
      if (count === undefined) return removed;
      removed += count;
      batches += 1;
    } while (count === batchSize && batches < maxBatches);
  }
  return removed;
}

async function takeSweepLock(tx: Queryable): Promise<boolean> {
  const row = await findOne(
    tx,
    z.object({ taken: z.boolean() }),
    sql`select pg_try_advisory_xact_lock(hashtextextended('mcp-oauth-proxy sweep', 0)) as taken`,
  );
  return row?.taken ?? false;
}
