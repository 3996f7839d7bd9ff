/** The audit trail in the database: rows are added, read and, when they are old, deleted; never changed. */
import { z } from 'zod';
import { type Database, type Queryable, sql } from './database.ts';
import { findAll, instant } from './rows.ts';

export interface AuditRow {
  /** Makes storing idempotent. */
  readonly key: string;
  readonly at: Date;
  readonly type: string;
  readonly outcome: string;
  readonly subject: string | undefined;
  readonly email: string | undefined;
  readonly clientId: string | undefined;
  readonly grantId: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
}

/** All of them as one statement. A row that is stored already, by a try whose answer was lost, stays as it is. */
export async function insertAuditRows(db: Queryable, rows: readonly AuditRow[]): Promise<void> {
  await db.query(sql`
    insert into audit_events (event_key, at, type, outcome, subject, email, client_id, grant_id, details)
    select key, at, type, outcome, subject, email, "clientId", "grantId", details
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as rows(key uuid, at timestamptz, type text, outcome text,
      subject text, email text, "clientId" text, "grantId" uuid, details jsonb)
    on conflict (event_key) do nothing`);
}

export interface AuditFilter {
  readonly since: Date | undefined;
  readonly until: Date | undefined;
  /** A subject, or an e-mail address in any case. */
  readonly user: string | undefined;
  readonly clientId: string | undefined;
  readonly grantId: string | undefined;
  readonly type: string | undefined;
}

export interface StoredAuditRow extends Omit<AuditRow, 'key'> {
  readonly id: string;
}

const storedRow = z
  .object({
    audit_event_id: z.string(),
    at: instant,
    type: z.string(),
    outcome: z.string(),
    subject: z.string().nullable(),
    email: z.string().nullable(),
    client_id: z.string().nullable(),
    grant_id: z.string().nullable(),
    details: z.record(z.string(), z.unknown()),
  })
  .transform((row): StoredAuditRow => ({
    id: row.audit_event_id,
    at: row.at,
    type: row.type,
    outcome: row.outcome,
    subject: row.subject ?? undefined,
    email: row.email ?? undefined,
    clientId: row.client_id ?? undefined,
    grantId: row.grant_id ?? undefined,
    details: row.details,
  }));

/** Instants are whole milliseconds, as both ends of the wire have them. */
type AuditPlace = Pick<StoredAuditRow, 'id' | 'at'>;

/**
 * The next rows that pass, by time, behind the place `after`, whose row may be gone. Each filter has an index; the one that selects
 * most is for the planner to choose.
 */
export async function findAuditRows(
  db: Queryable,
  filter: AuditFilter,
  { after, limit }: { readonly after: AuditPlace | undefined; readonly limit: number },
): Promise<readonly StoredAuditRow[]> {
  const { since = null, until = null, user = null, clientId = null, grantId = null, type = null } = filter;
  return findAll(
    db,
    storedRow,
    sql`
      select audit_event_id, at, type, outcome, subject, email, client_id, grant_id, details
      from audit_events
      where (${since}::timestamptz is null or at >= ${since}::timestamptz)
        and (${until}::timestamptz is null or at < ${until}::timestamptz)
        and (${user}::text is null or subject = ${user}::text or lower(email) = lower(${user}::text))
        and (${clientId}::text is null or client_id = ${clientId}::text)
        and (${grantId}::uuid is null or grant_id = ${grantId}::uuid)
        and (${type}::text is null or type = ${type}::text)
        and (${after?.id ?? null}::bigint is null
          or (at, audit_event_id) > (${after?.at ?? null}::timestamptz, ${after?.id ?? null}::bigint))
      order by at, audit_event_id
      limit ${limit}`,
  );
}

const pruneBatch = 5_000;

/** Deletes what is older than `before`, in batches. Of several instances each takes rows that no other has taken. */
export async function pruneAuditRows(db: Database, before: Date, maxBatches = 100): Promise<void> {
  for (let batch = 0; batch < maxBatches; batch += 1) {
    const { rowCount } = await db.transaction(async (tx) => {
      await tx.query(sql`select set_config('mcp_oauth_proxy.audit_pruning', 'on', true)`);
      return tx.query(sql`
        delete from audit_events
        where audit_event_id in (
          select audit_event_id
          from audit_events
          where at < ${before}
          order by at
          limit ${pruneBatch}
          for update skip locked
        )`);
    });
    if (rowCount < pruneBatch) return;
  }
}
