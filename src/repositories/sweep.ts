/** Removes what has expired, in small batches that wait for nobody. */
import { z } from 'zod';
import { type Database, type Queryable, sql, type SqlQuery } from './database.ts';
import { findOne } from './rows.ts';

const batchSize = 500;

interface Sweep {
  readonly table: string;
  /** The primary key. */
  readonly key: string;
  /** SQL, with `$1` as the present. */
  readonly isOver: string;
}

/** In this order; children go with their grant or client (on delete cascade). */
const sweeps: readonly Sweep[] = [
  { table: 'authorization_requests', key: 'request_id_hash', isOver: 'expires_at < $1' },
  { table: 'consents', key: '(browser_hash, client_id, redirect_uri, resource)', isOver: 'expires_at < $1' },
  // A used code is kept for a day so that a late replay is still noticed (OAuth 2.1 §4.1.3).
  { table: 'authorization_codes', key: 'code_hash', isOver: "expires_at < $1 - interval '1 day'" },
  // Kept for a day beyond both lifetimes so that reuse of a spent refresh token is still noticed.
  {
    table: 'access_tokens',
    key: 'jti',
    isOver: "greatest(expires_at, refresh_expires_at) < $1 - interval '1 day'",
  },
  {
    table: 'grants',
    key: 'grant_id',
    isOver: "expires_at < $1 - interval '1 day' or revoked_at < $1 - interval '1 day'",
  },
  {
    table: 'upstream_sessions',
    key: 'upstream_session_id',
    isOver: `created_at < $1 - interval '1 day'
      and not exists (select from grants where grants.upstream_session_id = upstream_sessions.upstream_session_id)`,
  },
  // A client that registered itself and was never used goes after two days.
  {
    table: 'clients',
    key: 'client_id',
    isOver: `source = 'dynamic' and last_used_at is null and created_at < $1 - interval '2 days'
      and not exists (select from grants where grants.client_id = clients.client_id)
      and not exists (select from authorization_requests where authorization_requests.client_id = clients.client_id)`,
  },
  // Longer than any instance may lag behind the feed; what it announced is in the rows themselves.
  { table: 'revocations', key: 'revocation_id', isOver: "revoked_at < $1 - interval '1 day'" },
  { table: 'signing_keys', key: 'kid', isOver: 'published_until < $1' },
];

/** Deletes at most a batch of rows, and none that another statement holds. */
function sweepQuery({ table, key, isOver }: Sweep, now: Date): SqlQuery {
  const columns = key.replaceAll(/[()]/g, '');
  return {
    text: `
      delete from ${table}
      where ${key} in (
        select ${columns} from ${table}
        where ${isOver.replaceAll('$1', '$1::timestamptz')}
        limit $2
        for update skip locked)`,
    values: [now, batchSize],
  };
}

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
        (await takeSweepLock(tx)) ? (await tx.query(sweepQuery(sweep, now))).rowCount : undefined,
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
