/** Sign-ins that are under way: anyone can begin one, so room is bounded. */
import { z } from 'zod';
import { type Database, type Queryable, sql } from './database.ts';
import { findOne } from './rows.ts';

/** How many may be under way, of clients and at `/account` each. One has at most some 12 kB, most have less than one. */
export const maxPendingSignIns = 20_000;

/** SQL, with `$1` as how many have to go. */
interface Eviction {
  readonly table: string;
  readonly key: string;
  readonly first: string;
}

const evictions: readonly Eviction[] = [
  // Of the client that has the most, the oldest whose person has not approved: a flood displaces itself.
  {
    table: 'authorization_requests',
    key: 'request_id_hash',
    first: `select request_id_hash
      from (
        select request_id_hash, sealed_sign_in is not null as is_approved, created_at,
          row_number() over (partition by client_id order by sealed_sign_in is not null desc, created_at desc) as place
        from authorization_requests
      ) ranked
      order by place desc, is_approved, created_at
      limit $1`,
  },
  {
    table: 'account_sign_ins',
    key: 'upstream_state_hash',
    first: 'select upstream_state_hash from account_sign_ins order by created_at limit $1',
  },
];

/**
 * Removes sign-ins under way when there are more than `limit`, down to a twentieth below it. Their people are told that the
 * request has expired, and begin again. Returns how many went.
 */
export async function evictPendingSignIns(db: Database, limit: number): Promise<number> {
  let removed = 0;
  for (const eviction of evictions) {
    if ((await countRows(db, eviction, limit)) > limit) removed += await evict(db, eviction, limit);
  }
  return removed;
}

async function evict(db: Database, eviction: Eviction, limit: number): Promise<number> {
  const { table, key, first } = eviction;
  return db.transaction(async (tx) => {
    if (!(await takeEvictionLock(tx))) return 0;
    const excess = (await countRows(tx, eviction, 10 * limit)) - limit;
    if (excess <= 0) return 0;
    const { rowCount } = await tx.query({
      text: `delete from ${table} where ${key} in (${first})`,
      values: [excess + Math.floor(limit / 20)],
    });
    return rowCount;
  });
}

async function countRows(db: Queryable, { table }: Eviction, upTo: number): Promise<number> {
  const row = await findOne(db, z.object({ count: z.number() }), {
    text: `select count(*)::integer as count from (select from ${table} limit $1) pending`,
    values: [upTo + 1],
  });
  return row?.count ?? 0;
}

/** Of several instances one evicts; it does for all. */
async function takeEvictionLock(tx: Queryable): Promise<boolean> {
  const row = await findOne(
    tx,
    z.object({ taken: z.boolean() }),
    sql`select pg_try_advisory_xact_lock(hashtextextended('mcp-oauth-proxy pending sign-ins', 0)) as taken`,
  );
  return row?.taken ?? false;
}
