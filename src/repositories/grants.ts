/** Grants: one person's permission for one client to use one resource. */
import { z } from 'zod';
import type { SecretHash } from '../protocol/secret-hash.ts';
import { type Queryable, sql } from './database.ts';
import { findOne } from './rows.ts';

export interface NewGrant {
  readonly grantId: string;
  readonly clientId: string;
  readonly issuer: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  /** When it is swept away unless its code is redeemed. */
  readonly expiresAt: Date;
  readonly upstream: {
    readonly sessionId: string;
    readonly identityProvider: string;
    readonly sealedAccessToken: Uint8Array;
    readonly accessTokenExpiresAt: Date | undefined;
    readonly sealedRefreshToken: Uint8Array | undefined;
    readonly grantedScope: string | undefined;
  };
  readonly code: {
    readonly codeHash: SecretHash;
    readonly redirectUri: string;
    readonly codeChallenge: string;
    readonly expiresAt: Date;
  };
}

/** Stores a completed sign-in as one statement: the provider's tokens, the grant, and the code that stands for it. */
export async function insertGrant(db: Queryable, grant: NewGrant): Promise<void> {
  const { upstream, code } = grant;
  await db.query(sql`
    with session as (
      insert into upstream_sessions (upstream_session_id, identity_provider, issuer, subject, sealed_access_token,
        access_token_expires_at, sealed_refresh_token, granted_scope, created_at, updated_at)
      values (${upstream.sessionId}, ${upstream.identityProvider}, ${grant.issuer}, ${grant.subject},
        ${upstream.sealedAccessToken}, ${upstream.accessTokenExpiresAt ?? null}, ${upstream.sealedRefreshToken ?? null},
        ${upstream.grantedScope ?? null}, ${grant.createdAt}, ${grant.createdAt})
    ), granted as (
      insert into grants (grant_id, client_id, upstream_session_id, issuer, subject, email, name, resource, scopes,
        created_at, expires_at)
      values (${grant.grantId}, ${grant.clientId}, ${upstream.sessionId}, ${grant.issuer}, ${grant.subject},
        ${grant.email ?? null}, ${grant.name ?? null}, ${grant.resource}, ${grant.scopes}, ${grant.createdAt},
        ${grant.expiresAt})
    )
    insert into authorization_codes (code_hash, grant_id, redirect_uri, code_challenge, created_at, expires_at)
    values (${code.codeHash}, ${grant.grantId}, ${code.redirectUri}, ${code.codeChallenge}, ${grant.createdAt},
      ${code.expiresAt})`);
}

/**
 * Ends a grant and tells every instance, as one statement. Returns whether it was this call that ended it.
 */
export async function revokeGrant(
  db: Queryable,
  grantId: string,
  reason: string,
  now: Date,
): Promise<boolean> {
  const row = await findOne(
    db,
    z.object({ subject: z.string() }),
    sql`
      with revoked as (
        update grants
        set revoked_at = ${now}, revocation_reason = ${reason}
        where grant_id = ${grantId} and revoked_at is null
        returning grant_id
      )
      insert into revocations (kind, subject)
      select 'grant', grant_id::text
      from revoked
      returning subject`,
  );
  return row !== undefined;
}

/** Ends every grant that rests on a sign-in, and tells every instance, as one statement. */
export async function revokeGrantsOfUpstreamSession(
  db: Queryable,
  upstreamSessionId: string,
  reason: string,
  now: Date,
): Promise<void> {
  await db.query(sql`
    with revoked as (
      update grants
      set revoked_at = ${now}, revocation_reason = ${reason}
      where upstream_session_id = ${upstreamSessionId} and revoked_at is null
      returning grant_id
    )
    insert into revocations (kind, subject)
    select 'grant', grant_id::text
    from revoked`);
}
