/** Sign-ins that no grant needs any more: each is revoked at its provider by one instance, and its tokens forgotten. */
import { z } from 'zod';
import { type Queryable, sql } from './database.ts';
import { bytes, findOne } from './rows.ts';

export interface EndedSignIn {
  readonly sessionId: string;
  readonly identityProvider: string;
  readonly issuer: string;
  readonly sealedAccessToken: Uint8Array;
  readonly sealedRefreshToken: Uint8Array | undefined;
  /** Whether the person has no other sign-in at this provider that a grant still needs. */
  readonly isLastOfPerson: boolean;
}

const endedRow = z
  .object({
    upstream_session_id: z.string(),
    identity_provider: z.string(),
    issuer: z.string(),
    sealed_access_token: bytes,
    sealed_refresh_token: bytes.nullable(),
    is_last_of_person: z.boolean(),
  })
  .transform((row): EndedSignIn => ({
    sessionId: row.upstream_session_id,
    identityProvider: row.identity_provider,
    issuer: row.issuer,
    sealedAccessToken: row.sealed_access_token,
    sealedRefreshToken: row.sealed_refresh_token ?? undefined,
    isLastOfPerson: row.is_last_of_person,
  }));

/**
 * Takes the next one, of a provider that is not among `exceptOf`. Of several instances one gets it; nobody gets it again
 * before `retryAt`, whether the taker fails or dies. Not while its token is being refreshed: the new one would be left
 * over. Uses grants_revoked: a grant is swept away a day after its revocation, and no longer is it tried.
 */
export async function takeEndedSignIn(
  db: Queryable,
  taking: { readonly now: Date; readonly retryAt: Date; readonly exceptOf: readonly string[] },
): Promise<EndedSignIn | undefined> {
  return findOne(
    db,
    endedRow,
    sql`
      with ended as (
        select upstream_session_id
        from upstream_sessions
        where upstream_session_id in (
            select upstream_session_id
            from grants
            where revoked_at is not null
          )
          and sealed_access_token is not null
          and (provider_revocation_at is null or provider_revocation_at <= ${taking.now})
          and (refresh_leased_until is null or refresh_leased_until <= clock_timestamp())
          and identity_provider <> all (${taking.exceptOf}::text[])
          and not exists (
            select from grants
            where grants.upstream_session_id = upstream_sessions.upstream_session_id
              and revoked_at is null and expires_at > ${taking.now}
          )
        order by provider_revocation_at nulls first
        limit 1
        for update skip locked
      )
      update upstream_sessions
      set provider_revocation_at = ${taking.retryAt}
      from ended
      where upstream_sessions.upstream_session_id = ended.upstream_session_id
      returning upstream_sessions.upstream_session_id, identity_provider, issuer, sealed_access_token, sealed_refresh_token,
        not exists (
          select from upstream_sessions as others
          join grants using (upstream_session_id)
          where others.issuer = upstream_sessions.issuer
            and others.subject = upstream_sessions.subject
            and others.upstream_session_id <> upstream_sessions.upstream_session_id
            and grants.revoked_at is null and grants.expires_at > ${taking.now}
        ) as is_last_of_person`,
  );
}

/** Whether a grant still needs a sign-in of this person at this provider. Uses upstream_sessions_person. */
export async function hasLiveSignIn(
  db: Queryable,
  { issuer, subject, now }: { readonly issuer: string; readonly subject: string; readonly now: Date },
): Promise<boolean> {
  const row = await findOne(
    db,
    z.object({ is_live: z.boolean() }),
    sql`
      select exists (
        select from upstream_sessions
        join grants using (upstream_session_id)
        where upstream_sessions.issuer = ${issuer}
          and upstream_sessions.subject = ${subject}
          and revoked_at is null and expires_at > ${now}
      ) as is_live`,
  );
  return row?.is_live ?? false;
}

/** Deletes the tokens of a sign-in, unless a refresh that was still under way has stored others: those are next. */
export async function forgetTokens(
  db: Queryable,
  { sessionId, sealedAccessToken }: Pick<EndedSignIn, 'sessionId' | 'sealedAccessToken'>,
): Promise<void> {
  await db.query(sql`
    update upstream_sessions
    set sealed_access_token = null, sealed_refresh_token = null
    where upstream_session_id = ${sessionId} and sealed_access_token = ${sealedAccessToken}`);
}
