/** Access tokens of machines: clients that act for themselves (RFC 6749 §4.4). */
import { z } from 'zod';
import { type Queryable, sql } from './database.ts';
import { findOne } from './rows.ts';

export interface NewMachineToken {
  readonly clientId: string;
  /** Who says who it is: we do. */
  readonly issuer: string;
  readonly resource: string;
  /** What the operator lets it do. */
  readonly grantedScopes: readonly string[];
  /** For a grant that does not stand yet. */
  readonly grantId: string;
  readonly issue: {
    readonly jti: string;
    readonly scopes: readonly string[];
    readonly issuedAt: Date;
    readonly expiresAt: Date;
  };
}

/**
 * Stores a token, and the standing grant of this machine for this resource if there is none, as one statement. A grant
 * that was revoked stays so, and the next token begins a new one. Gives the grant's id; undefined: the client is gone.
 */
export async function insertMachineToken(db: Queryable, token: NewMachineToken): Promise<string | undefined> {
  const { issue } = token;
  const row = await findOne(
    db,
    z.object({ grant_id: z.string() }),
    sql`
    with machine as (
      select client_id
      from clients
      where client_id = ${token.clientId}
      for key share
    ), granted as (
      insert into grants (grant_id, client_id, issuer, subject, resource, scopes, created_at, activated_at, expires_at)
      select ${token.grantId}::uuid, client_id, ${token.issuer}::text, client_id, ${token.resource}::text,
        ${token.grantedScopes}::text[], ${issue.issuedAt}::timestamptz, ${issue.issuedAt}::timestamptz,
        ${issue.expiresAt}::timestamptz
      from machine
      on conflict (client_id, resource) where upstream_session_id is null and revoked_at is null
      do update set scopes = excluded.scopes, expires_at = greatest(grants.expires_at, excluded.expires_at)
      returning grant_id
    ), used as (
      update clients
      set last_used_at = ${issue.issuedAt}
      where client_id = (select client_id from machine)
        and (last_used_at is null or last_used_at < ${issue.issuedAt}::timestamptz - interval '1 hour')
    )
    insert into access_tokens (jti, grant_id, scopes, issued_at, expires_at)
    select ${issue.jti}::uuid, grant_id, ${issue.scopes}::text[], ${issue.issuedAt}::timestamptz,
      ${issue.expiresAt}::timestamptz
    from granted
    returning grant_id`,
  );
  return row?.grant_id;
}
