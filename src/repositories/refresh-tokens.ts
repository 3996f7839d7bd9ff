/** Refresh tokens: rotated on every use, each kept beside the access token it was issued with. */
import { z } from 'zod';
import type { SecretHash } from '../protocol/secret-hash.ts';
import { frequent, type Queryable, sql } from './database.ts';
import { personColumns, readPerson, type StoredPerson } from './grants.ts';
import { bytes, findOne, instant, texts } from './rows.ts';

export interface StoredRefreshToken {
  readonly grantId: string;
  readonly clientId: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly resource: string;
  /** What the person approved; a narrowed access token does not narrow it (RFC 6749 §6). */
  readonly grantedScopes: readonly string[];
  /** When the person signed in. */
  readonly grantedAt: Date;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly consumedAt: Date | undefined;
  readonly sealedSuccessor: Uint8Array | undefined;
  readonly isGrantRevoked: boolean;
  /** Undefined for a grant without one. */
  readonly person: StoredPerson | undefined;
}

const refreshRow = z
  .object({
    grant_id: z.string(),
    client_id: z.string(),
    subject: z.string(),
    name: z.string().nullable(),
    resource: z.string(),
    scopes: texts,
    created_at: instant,
    issued_at: instant,
    refresh_expires_at: instant,
    refresh_consumed_at: instant.nullable(),
    sealed_successor: bytes.nullable(),
    revoked_at: instant.nullable(),
    ...personColumns,
  })
  .transform((row): StoredRefreshToken => ({
    grantId: row.grant_id,
    clientId: row.client_id,
    subject: row.subject,
    email: row.email ?? undefined,
    name: row.name ?? undefined,
    resource: row.resource,
    grantedScopes: row.scopes,
    grantedAt: row.created_at,
    issuedAt: row.issued_at,
    expiresAt: row.refresh_expires_at,
    consumedAt: row.refresh_consumed_at ?? undefined,
    sealedSuccessor: row.sealed_successor ?? undefined,
    isGrantRevoked: row.revoked_at !== null,
    person: readPerson(row),
  }));

export async function findRefreshToken(
  db: Queryable,
  refreshTokenHash: SecretHash,
): Promise<StoredRefreshToken | undefined> {
  return findOne(
    db,
    refreshRow,
    frequent(sql`
      select grant_id, client_id, grants.subject, email, email_verified, name, organization, groups, resource,
        grants.scopes, grants.created_at, issued_at, refresh_expires_at, refresh_consumed_at, sealed_successor, grants.revoked_at, identity_provider
      from access_tokens
      join grants using (grant_id)
      left join upstream_sessions using (upstream_session_id)
      where refresh_token_hash = ${refreshTokenHash}`),
  );
}

export interface Rotation {
  readonly presentedTokenHash: SecretHash;
  readonly now: Date;
  /** The answer, sealed for the holder of the presented token: what a second caller gets. */
  readonly sealedSuccessor: Uint8Array;
  readonly issue: {
    readonly jti: string;
    readonly scopes: readonly string[];
    readonly issuedAt: Date;
    readonly expiresAt: Date;
    readonly refreshTokenHash: SecretHash;
    readonly refreshExpiresAt: Date;
  };
}

/**
 * Uses up the presented token and stores its successor, as one statement. False: another caller was first, or the
 * grant has ended meanwhile.
 */
export async function rotateRefreshToken(db: Queryable, rotation: Rotation): Promise<boolean> {
  const { now, issue } = rotation;
  const row = await findOne(
    db,
    z.object({ grant_id: z.string() }),
    frequent(sql`
      with consumed as (
        update access_tokens
        set refresh_consumed_at = ${now}, sealed_successor = ${rotation.sealedSuccessor}
        from grants
        where refresh_token_hash = ${rotation.presentedTokenHash}
          and refresh_consumed_at is null
          and refresh_expires_at > ${now}
          and grants.grant_id = access_tokens.grant_id
          and grants.revoked_at is null
        returning access_tokens.grant_id
      ), extended as (
        update grants
        set expires_at = ${issue.refreshExpiresAt}
        where grant_id = (select grant_id from consumed)
      ), issued as (
        insert into access_tokens (jti, grant_id, scopes, issued_at, expires_at, refresh_token_hash, refresh_expires_at)
        select ${issue.jti}::uuid, grant_id, ${issue.scopes}::text[], ${issue.issuedAt}::timestamptz,
          ${issue.expiresAt}::timestamptz, ${issue.refreshTokenHash}::bytea, ${issue.refreshExpiresAt}::timestamptz
        from consumed
      )
      select grant_id
      from consumed`),
  );
  return row !== undefined;
}
