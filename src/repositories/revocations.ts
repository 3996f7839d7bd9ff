/** The revocation feed, as an instance follows it. */
import { z } from 'zod';
import { type Queryable, sql } from './database.ts';
import { findAll, findOne } from './rows.ts';

export const revocationChannel = 'mcp_oauth_proxy_revocations';

/**
 * A transaction that began earlier can commit later, so ids may become visible out of order. A row is settled, and no
 * longer read again, when it is older than this and every transaction from before it has ended.
 */
const settledAfterSeconds = 60;

export interface Revocation {
  readonly revocationId: number;
  readonly kind: 'access_token' | 'grant' | 'client';
  readonly subject: string;
  /** Whether every revocation with a lower id is visible by now. */
  readonly isSettled: boolean;
}

const revocationRow = z
  .object({
    revocation_id: z.coerce.number(),
    kind: z.enum(['access_token', 'grant', 'client']),
    subject: z.string(),
    is_settled: z.boolean(),
  })
  .transform((row): Revocation => ({
    revocationId: row.revocation_id,
    kind: row.kind,
    subject: row.subject,
    isSettled: row.is_settled,
  }));

/** Revocations after an id, in order. Uses the primary key. */
export async function findRevocationsAfter(
  db: Queryable,
  revocationId: number,
): Promise<readonly Revocation[]> {
  return findAll(
    db,
    revocationRow,
    sql`
      select revocation_id, kind, subject,
        revoked_at < clock_timestamp() - make_interval(secs => ${settledAfterSeconds})
          and inserted_before <= pg_snapshot_xmin(pg_current_snapshot()) as is_settled
      from revocations
      where revocation_id > ${revocationId}
      order by revocation_id`,
  );
}

/** The highest id below which everything is visible: where a new instance starts to follow. */
export async function findSettledRevocationId(db: Queryable): Promise<number> {
  const row = await findOne(
    db,
    z.object({ settled: z.coerce.number() }),
    sql`
      select coalesce(max(revocation_id), 0) as settled
      from revocations
      where revoked_at < clock_timestamp() - make_interval(secs => ${settledAfterSeconds})
        and inserted_before <= pg_snapshot_xmin(pg_current_snapshot())`,
  );
  return row?.settled ?? 0;
}
