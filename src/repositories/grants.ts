/** Grants: one person's permission for one client to use one resource. */
import { z } from 'zod';
import type { SecretHash } from '../protocol/secret-hash.ts';
import { type Queryable, sql } from './database.ts';
import { findAll, findOne, texts } from './rows.ts';

/** Why a grant or a token has ended before its time. */
export type RevocationReason =
  | 'not_admitted'
  | 'code_reused'
  | 'refresh_token_reused'
  | 'revoked_by_client'
  | 'revoked_by_person'
  | 'logout_at_provider'
  | 'upstream_invalid_grant';

/** What allow-lists are compared with, as it was stored at the sign-in. */
export interface StoredPerson {
  readonly identityProvider: string;
  readonly email: string | undefined;
  readonly isEmailVerified: boolean;
  readonly organization: string | undefined;
  /** Undefined when they were not asked for. */
  readonly groups: readonly string[] | undefined;
}

/** Its columns of `grants` and `upstream_sessions`, all null for a machine. */
export const personColumns = {
  identity_provider: z.string().nullable(),
  email: z.string().nullable(),
  email_verified: z.boolean().nullable(),
  organization: z.string().nullable(),
  groups: texts.nullable(),
};

/** Undefined for a grant without a person. A grant from before the columns existed has an address that proves nothing. */
export function readPerson(row: z.infer<z.ZodObject<typeof personColumns>>): StoredPerson | undefined {
  if (row.identity_provider === null) return undefined;
  return {
    identityProvider: row.identity_provider,
    email: row.email ?? undefined,
    isEmailVerified: row.email_verified ?? false,
    organization: row.organization ?? undefined,
    groups: row.groups ?? undefined,
  };
}

export interface NewGrant {
  readonly grantId: string;
  readonly clientId: string;
  /** What the person is called here: unique among all providers. */
  readonly userId: string;
  /** Who they are at the provider. */
  readonly issuer: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly isEmailVerified: boolean;
  readonly name: string | undefined;
  readonly organization: string | undefined;
  readonly groups: readonly string[] | undefined;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  /** When it is swept away unless its code is redeemed. */
  readonly expiresAt: Date;
  readonly upstream: {
    readonly sessionId: string;
    readonly identityProvider: string;
    /** What the provider calls the session (`sid`). */
    readonly providerSession: string | undefined;
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
        access_token_expires_at, sealed_refresh_token, granted_scope, provider_session, created_at, updated_at)
      values (${upstream.sessionId}, ${upstream.identityProvider}, ${grant.issuer}, ${grant.subject},
        ${upstream.sealedAccessToken}, ${upstream.accessTokenExpiresAt ?? null}, ${upstream.sealedRefreshToken ?? null},
        ${upstream.grantedScope ?? null}, ${upstream.providerSession ?? null}, ${grant.createdAt}, ${grant.createdAt})
    ), granted as (
      insert into grants (grant_id, client_id, upstream_session_id, issuer, subject, email, email_verified, name,
        organization, groups, resource, scopes, sent_to, created_at, expires_at)
      values (${grant.grantId}, ${grant.clientId}, ${upstream.sessionId}, ${grant.issuer}, ${grant.userId},
        ${grant.email ?? null}, ${grant.isEmailVerified}, ${grant.name ?? null}, ${grant.organization ?? null},
        ${grant.groups ?? null}, ${grant.resource}, ${grant.scopes}, ${code.redirectUri}, ${grant.createdAt},
        ${grant.expiresAt})
    ), used as (
      update clients
      set last_used_at = ${grant.createdAt}
      where client_id = ${grant.clientId} and last_used_at is null
    )
    insert into authorization_codes (code_hash, grant_id, redirect_uri, code_challenge, created_at, expires_at)
    values (${code.codeHash}, ${grant.grantId}, ${code.redirectUri}, ${code.codeChallenge}, ${grant.createdAt},
      ${code.expiresAt})`);
}

/** A grant that this call has ended. */
export interface EndedGrant {
  readonly grantId: string;
  readonly clientId: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly resource: string;
  readonly scopes: readonly string[];
}

export const endedGrantRow = z
  .object({
    grant_id: z.string(),
    client_id: z.string(),
    subject: z.string(),
    email: z.string().nullable(),
    resource: z.string(),
    scopes: texts,
  })
  .transform((row): EndedGrant => ({
    grantId: row.grant_id,
    clientId: row.client_id,
    subject: row.subject,
    email: row.email ?? undefined,
    resource: row.resource,
    scopes: row.scopes,
  }));

/** Ends a grant, and gives it if it was this call that ended it; a trigger tells every instance. */
export async function revokeGrant(
  db: Queryable,
  grantId: string,
  reason: RevocationReason,
  now: Date,
): Promise<EndedGrant | undefined> {
  return findOne(
    db,
    endedGrantRow,
    sql`
      update grants
      set revoked_at = ${now}, revocation_reason = ${reason}
      where grant_id = ${grantId} and revoked_at is null
      returning grant_id, client_id, subject, email, resource, scopes`,
  );
}

/**
 * Ends every grant that rests on a sign-in, as long as the refresh token that the provider refused is still the stored
 * one. It is forgotten, so that callers who wait for it learn that it is over. Undefined: a newer token has taken its
 * place, and nothing ended.
 */
export async function revokeGrantsOfUpstreamSession(
  db: Queryable,
  upstreamSessionId: string,
  refusal: { readonly sealedRefreshToken: Uint8Array; readonly reason: RevocationReason; readonly now: Date },
): Promise<readonly EndedGrant[] | undefined> {
  const row = await findOne(
    db,
    z.object({ is_current: z.boolean(), ended: z.array(endedGrantRow) }),
    sql`
      with refused as (
        update upstream_sessions
        set sealed_refresh_token = null, refresh_lease_id = null, refresh_leased_until = null
        where upstream_session_id = ${upstreamSessionId}
          and sealed_refresh_token = ${refusal.sealedRefreshToken}
        returning upstream_session_id
      ), revoked as (
        update grants
        set revoked_at = ${refusal.now}, revocation_reason = ${refusal.reason}
        where upstream_session_id in (select upstream_session_id from refused) and revoked_at is null
        returning grant_id, client_id, subject, email, resource, scopes
      )
      select exists (select from refused) as is_current,
        (select coalesce(jsonb_agg(revoked), '[]') from revoked) as ended`,
  );
  return row?.is_current === true ? row.ended : undefined;
}

/** Ends every grant that rests on a sign-in which cannot be refreshed, and which the provider says is over. */
export async function revokeGrantsOfEndedToken(
  db: Queryable,
  upstreamSessionId: string,
  { reason, now }: { readonly reason: RevocationReason; readonly now: Date },
): Promise<readonly EndedGrant[]> {
  return findAll(
    db,
    endedGrantRow,
    sql`
    update grants
    set revoked_at = ${now}, revocation_reason = ${reason}
    where upstream_session_id = ${upstreamSessionId} and revoked_at is null
    returning grant_id, client_id, subject, email, resource, scopes`,
  );
}
