/** Removes what has expired, in small batches that wait for nobody. */
import { z } from 'zod';
import { type Database, type Queryable, sql } from './database.ts';
import { findAll, findOne } from './rows.ts';

const batchSize = 500;

interface Sweep {
  readonly table: string;
  /** SQL, with `$1` as the present. */
  readonly isOver: string;
}

const hasNoGrant = 'not exists (select from grants where grants.client_id = clients.client_id)';
const hasNoRequest =
  'not exists (select from authorization_requests where authorization_requests.client_id = clients.client_id)';

/** In this order; children go with their grant or client (on delete cascade). */
const sweeps: readonly Sweep[] = [
  // Later than its expiry: an answer of the provider may still be on its way into a grant, and needs its client.
  { table: 'authorization_requests', isOver: "expires_at < $1 - interval '10 minutes'" },
  { table: 'account_sign_ins', isOver: "expires_at < $1 - interval '10 minutes'" },
  { table: 'account_sessions', isOver: 'expires_at < $1' },
  { table: 'consents', isOver: 'expires_at < $1' },
  // A used code is kept for a day so that a late replay is still noticed (OAuth 2.1 §4.1.3).
  { table: 'authorization_codes', isOver: "expires_at < $1 - interval '1 day'" },
  // Kept for a day beyond both lifetimes so that reuse of a spent refresh token is still noticed.
  { table: 'access_tokens', isOver: "greatest(expires_at, refresh_expires_at) < $1 - interval '1 day'" },
  {
    table: 'grants',
    isOver: "(expires_at < $1 - interval '1 day' or revoked_at < $1 - interval '1 day')",
  },
  {
    table: 'upstream_sessions',
    isOver: `created_at < $1 - interval '1 day'
      and not exists (select from grants where grants.upstream_session_id = upstream_sessions.upstream_session_id)`,
  },
  // A client that was never used goes two days after it last registered. Uses the index clients_unfinished.
  {
    table: 'clients',
    isOver: `source <> 'operator' and last_used_at is null and created_at < $1 - interval '2 days'
      and coalesce(registered_again_at, created_at) < $1 - interval '2 days' and ${hasNoGrant} and ${hasNoRequest}`,
  },
  // One that was used goes a year after its last grant ended: some register once and never again (clients.md P2).
  {
    table: 'clients',
    isOver: `source <> 'operator' and last_used_at < $1 - interval '1 year' and ${hasNoGrant} and ${hasNoRequest}`,
  },
  { table: 'client_assertions', isOver: 'expires_at < $1' },
  { table: 'logout_tokens', isOver: 'expires_at < $1' },
  // As long as a connection may rest by default.
  { table: 'mcp_sessions', isOver: "last_used_at < $1 - interval '30 days'" },
  // Longer than any instance may lag behind the feed; what it announced is in the rows themselves. By the newest one
  // instances know that the database is still the one that they followed.
  {
    table: 'revocations',
    isOver:
      "revoked_at < $1 - interval '1 day' and revocation_id < (select max(revocation_id) from revocations)",
  },
  { table: 'signing_keys', isOver: 'published_until < $1' },
];

/**
 * Deletes at most a batch of rows, and none that another statement holds. The rows are locked first and looked at once
 * more: nothing can begin to refer to a locked row, and what began before is seen then.
 */
async function sweepBatch(tx: Queryable, { table, isOver }: Sweep, now: Date): Promise<number> {
  const condition = isOver.replaceAll('$1', '$1::timestamptz');
  const places = await findAll(tx, place, {
    text: `select ctid::text as place from ${table} where ${condition} limit $2 for update skip locked`,
    values: [now, batchSize],
  });
  const { rowCount } = await tx.query({
    text: `delete from ${table} where ctid = any($2::text[]::tid[]) and ${condition}`,
    values: [now, places],
  });
  return rowCount;
}

/** Where a row is (PostgreSQL's ctid): the same for as long as it is locked. */
const place = z.object({ place: z.string() }).transform((row) => row.place);

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
        (await takeSweepLock(tx)) ? sweepBatch(tx, sweep, now) : undefined,
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
