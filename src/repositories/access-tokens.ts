/** Access tokens, as a request for a protected resource needs them. */
import { z } from 'zod';
import { frequent, type Queryable, sql } from './database.ts';
import { type EndedGrant, endedGrantRow, personColumns, readPerson, type StoredPerson } from './grants.ts';
import { bytes, findOne, instant, texts } from './rows.ts';

export interface StoredAccessToken {
  readonly grantId: string;
  readonly clientId: string;
  readonly resource: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly scopes: readonly string[];
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  /** The token itself, or its grant. */
  readonly isRevoked: boolean;
  /** Who signed in. Undefined for a machine. */
  readonly person: StoredPerson | undefined;
  /** The sign-in behind it; a machine acts for itself and has none. */
  readonly upstream: StoredUpstream | undefined;
}

interface StoredUpstream {
  readonly identityProvider: string;
  readonly sessionId: string;
  readonly sealedAccessToken: Uint8Array;
  readonly expiresAt: Date | undefined;
  readonly hasRefreshToken: boolean;
  /** When the provider gave its tokens. */
  readonly refreshedAt: Date;
}

const accessTokenRow = z
  .object({
    grant_id: z.string(),
    client_id: z.string(),
    resource: z.string(),
    subject: z.string(),
    name: z.string().nullable(),
    scopes: texts,
    issued_at: instant,
    expires_at: instant,
    is_revoked: z.boolean(),
    upstream_session_id: z.string().nullable(),
    ...personColumns,
    sealed_access_token: bytes.nullable(),
    access_token_expires_at: instant.nullable(),
    has_refresh_token: z.boolean(),
    refreshed_at: instant.nullable(),
  })
  .transform((row): StoredAccessToken => ({
    grantId: row.grant_id,
    clientId: row.client_id,
    resource: row.resource,
    subject: row.subject,
    email: row.email ?? undefined,
    name: row.name ?? undefined,
    scopes: row.scopes,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    isRevoked: row.is_revoked,
    person: readPerson(row),
    upstream:
      row.upstream_session_id === null || row.identity_provider === null || row.sealed_access_token === null
        ? undefined
        : {
            identityProvider: row.identity_provider,
            sessionId: row.upstream_session_id,
            sealedAccessToken: row.sealed_access_token,
            expiresAt: row.access_token_expires_at ?? undefined,
            hasRefreshToken: row.has_refresh_token,
            refreshedAt: row.refreshed_at ?? row.issued_at,
          },
  }));

/** Uses the primary keys of all three tables. */
export async function findAccessToken(db: Queryable, jti: string): Promise<StoredAccessToken | undefined> {
  return findOne(
    db,
    accessTokenRow,
    frequent(sql`
      select grant_id, client_id, resource, grants.subject, email, email_verified, name, organization, groups,
        access_tokens.scopes,
        issued_at, access_tokens.expires_at, (access_tokens.revoked_at is not null or grants.revoked_at is not null) as is_revoked,
        upstream_session_id, identity_provider, sealed_access_token, access_token_expires_at,
        sealed_refresh_token is not null as has_refresh_token, upstream_sessions.updated_at as refreshed_at
      from access_tokens
      join grants using (grant_id)
      left join upstream_sessions using (upstream_session_id)
      where jti = ${jti}`),
  );
}

/**
 * Ends one access token of a client; its refresh token lives on (RFC 7009 §2.1), and a trigger tells every instance.
 * Another client's token stays untouched. Gives the grant of the token if it was this call that ended it.
 */
export async function revokeAccessToken(
  db: Queryable,
  jti: string,
  clientId: string,
  now: Date,
): Promise<EndedGrant | undefined> {
  return findOne(
    db,
    endedGrantRow,
    sql`
    update access_tokens
    set revoked_at = ${now}
    from grants
    where jti = ${jti}
      and access_tokens.revoked_at is null
      and grants.grant_id = access_tokens.grant_id
      and client_id = ${clientId}
    returning grants.grant_id, client_id, subject, email, resource, grants.scopes`,
  );
}
