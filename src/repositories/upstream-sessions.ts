/** The identity provider's tokens for a sign-in, refreshed by one caller at a time. */
import { z } from 'zod';
import { type Queryable, sql } from './database.ts';
import { bytes, findOne, instant } from './rows.ts';

/**
 * Longer than looking up the provider, its answer and storing it may take. By the clock of the database: those of the
 * instances may differ.
 */
const leaseSeconds = 90;

export interface UpstreamSession {
  readonly identityProvider: string;
  readonly issuer: string;
  readonly sealedAccessToken: Uint8Array;
  readonly accessTokenExpiresAt: Date | undefined;
  readonly sealedRefreshToken: Uint8Array | undefined;
  /** When the provider gave these tokens, or said that they still count. */
  readonly refreshedAt: Date;
  /** Set while the provider is away: nobody asks it before then. */
  readonly retryAt: Date | undefined;
}

const sessionRow = z
  .object({
    identity_provider: z.string(),
    issuer: z.string(),
    sealed_access_token: bytes,
    access_token_expires_at: instant.nullable(),
    sealed_refresh_token: bytes.nullable(),
    updated_at: instant,
    refresh_retry_at: instant.nullable(),
  })
  .transform((row): UpstreamSession => ({
    identityProvider: row.identity_provider,
    issuer: row.issuer,
    sealedAccessToken: row.sealed_access_token,
    accessTokenExpiresAt: row.access_token_expires_at ?? undefined,
    sealedRefreshToken: row.sealed_refresh_token ?? undefined,
    refreshedAt: row.updated_at,
    retryAt: row.refresh_retry_at ?? undefined,
  }));

/** Undefined also when its tokens were forgotten: all its grants have ended. */
export async function findUpstreamSession(
  db: Queryable,
  sessionId: string,
): Promise<UpstreamSession | undefined> {
  return findOne(
    db,
    sessionRow,
    sql`
      select identity_provider, issuer, sealed_access_token, access_token_expires_at, sealed_refresh_token, updated_at,
        refresh_retry_at
      from upstream_sessions
      where upstream_session_id = ${sessionId} and sealed_access_token is not null`,
  );
}

/**
 * Takes the right to refresh, if nobody has it and the token still expires before `expiresBefore`, or was given before
 * `givenBefore`: of all callers on all instances one gets the session, the others nothing. A holder that dies loses it by time.
 */
export async function takeRefreshLease(
  db: Queryable,
  sessionId: string,
  lease: {
    readonly leaseId: string;
    readonly now: Date;
    readonly expiresBefore: Date;
    readonly givenBefore: Date | undefined;
  },
): Promise<UpstreamSession | undefined> {
  return findOne(
    db,
    sessionRow,
    sql`
      update upstream_sessions
      set refresh_lease_id = ${lease.leaseId},
        refresh_leased_until = clock_timestamp() + make_interval(secs => ${leaseSeconds}),
        refresh_retry_at = null
      where upstream_session_id = ${sessionId}
        and sealed_refresh_token is not null
        and (access_token_expires_at < ${lease.expiresBefore} or updated_at <= ${lease.givenBefore ?? null})
        and (refresh_leased_until is null or refresh_leased_until <= clock_timestamp())
        and (refresh_retry_at is null or refresh_retry_at <= ${lease.now})
      returning identity_provider, issuer, sealed_access_token, access_token_expires_at, sealed_refresh_token,
        updated_at, refresh_retry_at`,
  );
}

/**
 * Stores a new pair, by the holder of the lease, or by one that lost it while the presented token is still the stored
 * one. False: another caller has stored a newer pair, which stays.
 */
export async function storeRefreshedTokens(
  db: Queryable,
  sessionId: string,
  tokens: {
    readonly leaseId: string;
    /** The refresh token that was presented, as it was stored. */
    readonly presented: Uint8Array;
    readonly sealedAccessToken: Uint8Array;
    readonly accessTokenExpiresAt: Date | undefined;
    readonly sealedRefreshToken: Uint8Array;
    readonly grantedScope: string | undefined;
    readonly now: Date;
  },
): Promise<boolean> {
  const { rowCount } = await db.query(sql`
    update upstream_sessions
    set sealed_access_token = ${tokens.sealedAccessToken},
      access_token_expires_at = ${tokens.accessTokenExpiresAt ?? null},
      sealed_refresh_token = ${tokens.sealedRefreshToken},
      granted_scope = coalesce(${tokens.grantedScope ?? null}, granted_scope),
      refresh_lease_id = null, refresh_leased_until = null, refresh_retry_at = null, updated_at = ${tokens.now}
    where upstream_session_id = ${sessionId}
      and (refresh_lease_id = ${tokens.leaseId} or sealed_refresh_token = ${tokens.presented})`);
  return rowCount === 1;
}

/** Gives the lease back after a refresh that came to nothing; nobody asks the provider before `retryAt`. */
export async function releaseRefreshLease(
  db: Queryable,
  sessionId: string,
  lease: { readonly leaseId: string; readonly retryAt: Date },
): Promise<void> {
  await db.query(sql`
    update upstream_sessions
    set refresh_lease_id = null, refresh_leased_until = null, refresh_retry_at = ${lease.retryAt}
    where upstream_session_id = ${sessionId} and refresh_lease_id = ${lease.leaseId}`);
}

/**
 * Takes the right to ask about a token that nothing can refresh, if it was given and last asked about before
 * `askedBefore`. It counts as asked from now on: of all callers on all instances one gets the session.
 */
export async function takeTokenCheck(
  db: Queryable,
  sessionId: string,
  { now, askedBefore }: { readonly now: Date; readonly askedBefore: Date },
): Promise<UpstreamSession | undefined> {
  return findOne(
    db,
    sessionRow,
    sql`
      update upstream_sessions
      set updated_at = ${now}
      where upstream_session_id = ${sessionId}
        and sealed_access_token is not null
        and sealed_refresh_token is null
        and updated_at <= ${askedBefore}
      returning identity_provider, issuer, sealed_access_token, access_token_expires_at, sealed_refresh_token,
        updated_at, refresh_retry_at`,
  );
}

/** After a check that came to nothing: the token counts as last asked about at `askedAt`, which may be long ago. */
export async function postponeTokenCheck(db: Queryable, sessionId: string, askedAt: Date): Promise<void> {
  await db.query(sql`
    update upstream_sessions
    set updated_at = ${askedAt}
    where upstream_session_id = ${sessionId} and sealed_refresh_token is null`);
}
