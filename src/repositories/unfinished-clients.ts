/** Clients that introduced themselves and that nobody has signed in with yet: anyone can make them, so room is bounded. */
import { z } from 'zod';
import { type Database, type Queryable, sql } from './database.ts';
import { findAll, findOne } from './rows.ts';

/** How many clients may wait for their first sign-in. Each has at most some 15 kB, most have less than one. */
export const maxUnfinishedClients = 10_000;

/** A sign-in that is under way protects its client. */
const isUnfinished = `source <> 'operator' and last_used_at is null
  and not exists (select from authorization_requests where authorization_requests.client_id = clients.client_id)`;

/**
 * Removes unfinished clients when there are more than `limit`, down to a twentieth below it. The source that has the
 * most gives first, its oldest first: a flood displaces itself, not the newcomer. Returns how many went.
 */
export async function evictUnfinishedClients(db: Database, limit: number): Promise<number> {
  const count = await countUnfinished(db, limit);
  if (count <= limit) return 0;
  return db.transaction(async (tx) => {
    if (!(await takeEvictionLock(tx))) return 0;
    const excess = (await countUnfinished(tx, 2 * limit)) - limit;
    if (excess <= 0) return 0;
    const candidates = await findAll(tx, clientIdRow, {
      text: `
        select client_id
        from (
          select client_id, registered_at,
            row_number() over (partition by registered_from order by registered_at desc) as place
          from (
            select client_id, registered_from, coalesce(registered_again_at, created_at) as registered_at
            from clients
            where ${isUnfinished}
          ) unfinished
        ) ranked
        order by place desc, registered_at
        limit $1`,
      values: [excess + Math.floor(limit / 20)],
    });
    return removeUnfinished(tx, candidates);
  });
}

async function countUnfinished(db: Queryable, upTo: number): Promise<number> {
  const row = await findOne(db, z.object({ count: z.number() }), {
    text: `select count(*)::integer as count from (select from clients where ${isUnfinished} limit $1) unfinished`,
    values: [upTo + 1],
  });
  return row?.count ?? 0;
}

/** Locked first: from then on no sign-in can begin with one, and the second look sees those that have begun. */
async function removeUnfinished(tx: Queryable, clientIds: readonly string[]): Promise<number> {
  const locked = await findAll(
    tx,
    clientIdRow,
    sql`
      select client_id
      from clients
      where client_id = any(${clientIds}::text[])
      for update skip locked`,
  );
  const { rowCount } = await tx.query({
    text: `delete from clients where client_id = any($1::text[]) and ${isUnfinished}`,
    values: [locked],
  });
  return rowCount;
}

const clientIdRow = z.object({ client_id: z.string() }).transform((row) => row.client_id);

/** Of several instances one evicts; it does for all. */
async function takeEvictionLock(tx: Queryable): Promise<boolean> {
  const row = await findOne(
    tx,
    z.object({ taken: z.boolean() }),
    sql`select pg_try_advisory_xact_lock(hashtextextended('mcp-oauth-proxy eviction', 0)) as taken`,
  );
  return row?.taken ?? false;
}
