/** Whose MCP sessions are whose. */
import { z } from 'zod';
import { type Queryable, sql } from './database.ts';
import { findOne } from './rows.ts';

/** A session that is used writes once in this time. */
const repeatMs = 24 * 3600_000;

/** The MCP server has given a session to this person; if the same id was another's before, that one is over. */
export async function insertMcpSession(
  db: Queryable,
  session: { readonly sessionHash: Uint8Array; readonly subject: string; readonly now: Date },
): Promise<void> {
  await db.query(sql`
    insert into mcp_sessions (session_hash, subject, last_used_at)
    values (${session.sessionHash}, ${session.subject}, ${session.now})
    on conflict (session_hash) do update
    set subject = excluded.subject, last_used_at = excluded.last_used_at`);
}

/** Whose session it is, if it is one, and notes that it is used. Uses the primary key. */
export async function findMcpSession(
  db: Queryable,
  sessionHash: Uint8Array,
  now: Date,
): Promise<string | undefined> {
  const row = await findOne(
    db,
    z.object({ subject: z.string() }),
    sql`
      with used as (
        update mcp_sessions
        set last_used_at = ${now}
        where session_hash = ${sessionHash} and last_used_at < ${new Date(now.getTime() - repeatMs)}
      )
      select subject
      from mcp_sessions
      where session_hash = ${sessionHash}`,
  );
  return row?.subject;
}
