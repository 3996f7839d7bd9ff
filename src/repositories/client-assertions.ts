/** Client assertions that were accepted: each is good once, on whatever instance (RFC 7523 §3). */
import type { SecretHash } from '../protocol/secret-hash.ts';
import { type Queryable, sql } from './database.ts';

/** Uses an assertion up. False: it has been used before, by any caller at any instance, or its client is gone. */
export async function takeAssertion(
  db: Queryable,
  assertion: { readonly clientId: string; readonly jtiHash: SecretHash; readonly expiresAt: Date },
): Promise<boolean> {
  const { rowCount } = await db.query(sql`
    insert into client_assertions (client_id, jti_hash, expires_at)
    select client_id, ${assertion.jtiHash}::bytea, ${assertion.expiresAt}::timestamptz
    from clients
    where client_id = ${assertion.clientId}
    for key share
    on conflict (client_id, jti_hash) do nothing
    returning 1`);
  return rowCount === 1;
}
