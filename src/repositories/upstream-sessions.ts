/** The identity provider's tokens for a sign-in, refreshed by one caller at a time. */
import { z } from 'zod';
import { type Queryable, sql } from './database.ts';
import { bytes, findOne, instant } from './rows.ts';

export interface UpstreamSession {
  readonly sealedAccessToken: Uint8Array;
  readonly accessTokenExpiresAt: Date | undefined;
  readonly sealedRefreshToken: Uint8Array | undefined;
}

const sessionRow = z
  .object({
    sealed_access_token: bytes,
    access_token_expires_at: instant.nullable(),
    sealed_refresh_token: bytes.nullable(),
  })
  .transform((row): UpstreamSession => ({
    sealedAccessToken: row.sealed_access_token,
    accessTokenExpiresAt: row.access_token_expires_at ?? undefined,
    sealedRefreshToken: row.sealed_refresh_token ?? undefined,
  }));

export async function findUpstreamSession(
  db: Queryable,
  sessionId: string,
): Promise<UpstreamSession | undefined> {
  return findOne(
    db,
    sessionRow,
    sql`
      select sealed_access_token, access_token_expires_at, sealed_refresh_token
      from upstream_sessions
      where upstream_session_id = ${sessionId}`,
  );
}

/**
 * Takes the right to refresh, until `leasedUntil`, if nobody has it and the token still expires before
 * `expiresBefore`: of all callers on all instances one gets the session, the others nothing. A holder that dies
 * loses it by time.
 */
export async function takeRefreshLease(
  db: Queryable,
  sessionId: string,
  lease: { readonly now: Date; readonly leasedUntil: Date; readonly expiresBefore: Date },
): Promise<UpstreamSession | undefined> {
  return findOne(
    db,
    sessionRow,
    sql`
      update upstream_sessions
      set refresh_leased_until = ${lease.leasedUntil}
      where upstream_session_id = ${sessionId}
        and sealed_refresh_token is not null
        and access_token_expires_at < ${lease.expiresBefore}
        and (refresh_leased_until is null or refresh_leased_until <= ${lease.now})
      returning sealed_access_token, access_token_expires_at, sealed_refresh_token`,
  );
}

export async function storeRefreshedTokens(
  db: Queryable,
  sessionId: string,
  tokens: UpstreamSession & { readonly grantedScope: string | undefined; readonly now: Date },
): Promise<void> {
  await db.query(sql`
    update upstream_sessions
    set sealed_access_token = ${tokens.sealedAccessToken}, access_token_expires_at = ${tokens.accessTokenExpiresAt ?? null},
      sealed_refresh_token = ${tokens.sealedRefreshToken ?? null},
      granted_scope = coalesce(${tokens.grantedScope ?? null}, granted_scope),
      refresh_leased_until = null, updated_at = ${tokens.now}
    where upstream_session_id = ${sessionId}`);
}

/** Gives the lease back after a refresh that came to nothing, not before `leasedUntil`: a pause before the next try. */
export async function releaseRefreshLease(
  db: Queryable,
  sessionId: string,
  leasedUntil: Date,
): Promise<void> {
  await db.query(sql`
    update upstream_sessions
    set refresh_leased_until = ${leasedUntil}
    where upstream_session_id = ${sessionId}`);
}
