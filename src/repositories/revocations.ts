/** The revocation feed, as an instance follows it. */
import { z } from 'zod';
import { DatabaseUnavailableError, type Queryable, sql } from './database.ts';
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
  /** Which run of which server was read: another one may have another past, in which the same ids mean something else. */
  readonly server: string;
  readonly lastId: number;
  /** When what has the last id was revoked; undefined when there was nothing. */
  readonly lastRevokedAt: string | undefined;
  /** Ids below the last one that have not appeared. */
  readonly missingIds: readonly number[];
}

export interface FeedEntry extends Revocation {
  readonly revokedAt: string;
}

export interface FeedLook {
  /** Whether this is the database of the position: same run of the server, and what was last read is still there. */
  readonly isSamePast: boolean;
  /** What was not visible at the position, in order. */
  readonly revocations: readonly FeedEntry[];
}

/** How far below the last id missing ones are looked for. */
export const maxMissing = 1_000;
/** And below the first that was not yet swept away: the oldest ids of all may be missing. */
const maxMissingBelowFirst = 100;

/** A look that takes longer is begun anew on another connection, before what was verified is too old to be trusted. */
const lookTimeoutMs = 3_000;

const serverColumns = { server: z.string(), is_standby: z.boolean() };

const lookRow = z.object({
  ...serverColumns,
  revocation_id: z.coerce.number(),
  kind: z.enum(['access_token', 'grant', 'client']).nullable(),
  subject: z.string().nullable(),
  revoked_at: z.string().nullable(),
});

/**
 * One look at the feed. Uses the primary key.
 * @throws DatabaseUnavailableError also for a standby, which may lag behind
 */
export async function findRevocationsSince(
  db: Queryable,
  { server, lastId, lastRevokedAt, missingIds }: FeedPosition,
): Promise<FeedLook> {
  const rows = await findAll(db, lookRow, {
    ...sql`
      select server, is_standby, revocation_id, kind, subject, extract(epoch from revoked_at)::text as revoked_at
      from (
        select extract(epoch from pg_postmaster_start_time())::text as server, pg_is_in_recovery() as is_standby
      ) as answering
      left join revocations on revocation_id >= ${lastId} or revocation_id = any(${missingIds}::bigint[])
      order by revocation_id`,
    timeoutMs: lookTimeoutMs,
  });
  refuseStandby(rows[0]);
  const seen = rows.flatMap(({ revocation_id, kind, subject, revoked_at }): FeedEntry[] =>
    kind === null || subject === null || revoked_at === null
      ? []
      : [{ revocationId: revocation_id, kind, subject, revokedAt: revoked_at }],
  );
  const last = seen.find(({ revocationId }) => revocationId === lastId);
  return {
    isSamePast: rows[0]?.server === server && last?.revokedAt === lastRevokedAt,
    revocations: seen.filter((entry) => entry !== last),
  };
}

const positionRow = z.object({
  ...serverColumns,
  last_id: z.coerce.number(),
  last_revoked_at: z.string().nullable(),
  missing_ids: z.array(z.coerce.number()),
});

/**
 * The end of the feed: where a new instance starts to follow.
 * @throws DatabaseUnavailableError also for a standby, which may lag behind
 */
export async function findFeedPosition(db: Queryable): Promise<FeedPosition> {
  const row = await findOne(db, positionRow, {
    ...sql`
      with ends as (
        select min(revocation_id) as first_id, max(revocation_id) as last_id
        from revocations
      )
      select extract(epoch from pg_postmaster_start_time())::text as server, pg_is_in_recovery() as is_standby,
        coalesce(last_id, 0) as last_id,
        (select extract(epoch from revoked_at)::text from revocations where revocation_id = last_id) as last_revoked_at,
        array(
          select missing_id
          from generate_series(
            greatest(1, first_id - ${maxMissingBelowFirst}, last_id - ${maxMissing}), last_id) as missing_id
          where not exists (select from revocations where revocation_id = missing_id)
        ) as missing_ids
      from ends`,
    timeoutMs: lookTimeoutMs,
  });
  refuseStandby(row);
  return {
    server: row.server,
    lastId: row.last_id,
    lastRevokedAt: row.last_revoked_at ?? undefined,
    missingIds: row.missing_ids,
  };
}

function refuseStandby<T extends { readonly is_standby: boolean }>(row: T | undefined): asserts row is T {
  if (row === undefined) throw new DatabaseUnavailableError('The database gave no answer');
  if (row.is_standby)
    throw new DatabaseUnavailableError('The database server is a standby, and may lag behind');
}

const endedRow = z.object({ kind: z.enum(['access_token', 'grant']), subject: z.string() });

/**
 * Of what callers were let in with, what the database does not let in: grants that are revoked or unknown, and tokens
 * that are revoked. (An unknown token may have been swept away while the request was open.) Uses the primary keys.
 */
export async function findEnded(
  db: Queryable,
  { grantIds, jtis }: { readonly grantIds: readonly string[]; readonly jtis: readonly string[] },
): Promise<readonly Pick<Revocation, 'kind' | 'subject'>[]> {
  return findAll(db, endedRow, {
    ...sql`
      select 'grant' as kind, asked::text as subject
      from unnest(${grantIds}::uuid[]) as asked
      where not exists (select from grants where grant_id = asked and revoked_at is null)
      union all
      select 'access_token', jti::text
      from access_tokens
      where jti = any(${jtis}::uuid[]) and revoked_at is not null`,
    timeoutMs: lookTimeoutMs,
  });
}
