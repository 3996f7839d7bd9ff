/** When and from where grants were used last. */
import { z } from 'zod';
import { type Queryable, sql } from './database.ts';

export interface GrantUse {
  readonly grantId: string;
  readonly usedAt: Date;
  /** An address; undefined where none is kept. */
  readonly from: string | undefined;
  /** The program, as it calls itself. */
  readonly program: string | undefined;
}

/**
 * Stores many as one statement. A grant that someone else is changing is left for the next time: nobody waits, and two
 * instances with the same grants do not block each other. Uses the primary key. Returns how many were used for the first time.
 */
export async function storeUse(db: Queryable, uses: readonly GrantUse[]): Promise<number> {
  const { rows } = await db.query(sql`
    with used as (
      select grant_id, used_at, nullif(used_from, '') as used_from, nullif(used_with, '') as used_with
      from unnest(${uses.map(({ grantId }) => grantId)}::text[]::uuid[],
        ${uses.map(({ usedAt }) => usedAt.toISOString())}::text[]::timestamptz[],
        ${uses.map(({ from }) => from ?? '')}::text[],
        ${uses.map(({ program }) => program ?? '')}::text[]) as used (grant_id, used_at, used_from, used_with)
    ), free as (
      select grant_id, first_used_at is null as is_first
      from grants
      where grant_id in (select grant_id from used)
      for no key update skip locked
    )
    update grants
    set first_used_at = coalesce(first_used_at, used_at), last_used_at = used_at, last_used_from = used_from,
      last_used_with = used_with
    from used
    join free using (grant_id)
    where grants.grant_id = used.grant_id and (last_used_at is null or last_used_at < used_at)
    returning free.is_first`);
  return z
    .array(z.object({ is_first: z.boolean() }))
    .parse(rows)
    .filter((row) => row.is_first).length;
}
