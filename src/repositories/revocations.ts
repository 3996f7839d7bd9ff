/** The revocation feed, as an instance follows it. */
import { z } from 'zod';
import { type Queryable, sql } from './database.ts';
import { findAll, findOne } from './rows.ts';

export const revocationChannel = 'mcp_oauth_proxy_revocations';

export interface Revocation {
  readonly revocationId: number;
  readonly kind: 'access_token' | 'grant' | 'client';
  readonly subject: string;
}

/**
 * Where a reader of the feed is. Ids are given out in order, but a transaction that began earlier can commit later: its
 * id is missing until then.
 */
export interface FeedPosition {
  readonly lastId: number;
  /** Ids below the last one that have not appeared. */
  readonly missingIds: readonly number[];
}

/** How far below the last id missing ones are looked for. */
export const maxMissing = 1_000;
/** And below the first that was not yet swept away: the oldest ids of all may be missing. */
const maxMissingBelowFirst = 100;

const revocationRow = z
  .object({
    revocation_id: z.coerce.number(),
    kind: z.enum(['access_token', 'grant', 'client']),
    subject: z.string(),
  })
  .transform((row): Revocation => ({
    revocationId: row.revocation_id,
    kind: row.kind,
    subject: row.subject,
  }));

/** Revocations that were not visible at a position, in order. Uses the primary key. */
export async function findRevocationsSince(
  db: Queryable,
  { lastId, missingIds }: FeedPosition,
): Promise<readonly Revocation[]> {
  return findAll(
    db,
    revocationRow,
    sql`
      select revocation_id, kind, subject
      from revocations
      where revocation_id > ${lastId} or revocation_id = any(${missingIds}::bigint[])
      order by revocation_id`,
  );
}

/** The end of the feed: where a new instance starts to follow. */
export async function findFeedPosition(db: Queryable): Promise<FeedPosition> {
  const row = await findOne(
    db,
    z.object({ last_id: z.coerce.number(), missing_ids: z.array(z.coerce.number()) }),
    sql`
      with ends as (
        select min(revocation_id) as first_id, max(revocation_id) as last_id
        from revocations
      )
      select coalesce(last_id, 0) as last_id,
        array(
          select missing_id
          from generate_series(
            greatest(1, first_id - ${maxMissingBelowFirst}, last_id - ${maxMissing}), last_id) as missing_id
          where not exists (select from revocations where revocation_id = missing_id)
        ) as missing_ids
      from ends`,
  );
  return { lastId: row?.last_id ?? 0, missingIds: row?.missing_ids ?? [] };
}
