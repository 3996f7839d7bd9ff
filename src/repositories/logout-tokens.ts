/** Sessions that providers have ended, each by a token that is good once (OpenID Connect Back-Channel Logout 1.0 §2.6). */
import { z } from 'zod';
import type { SecretHash } from '../protocol/secret-hash.ts';
import { type Queryable, sql } from './database.ts';
import { type EndedGrant, endedGrantRow } from './grants.ts';
import { findOne } from './rows.ts';

/**
 * Uses the token up and ends the grants that rest on the session, or, where none is named, on any session of the person,
 * and what they have open at `/account`, as one statement. Undefined: the token has been used before, by any caller at any instance.
 */
export async function endSessions(
  db: Queryable,
  ended: {
    readonly issuer: string;
    readonly subject: string | undefined;
    readonly providerSession: string | undefined;
    readonly jtiHash: SecretHash;
    readonly expiresAt: Date;
    readonly now: Date;
  },
): Promise<readonly EndedGrant[] | undefined> {
  const row = await findOne(
    db,
    z.object({ is_first_use: z.boolean(), ended: z.array(endedGrantRow) }),
    sql`
      with taken as (
        insert into logout_tokens (issuer, jti_hash, expires_at)
        values (${ended.issuer}, ${ended.jtiHash}, ${ended.expiresAt})
        on conflict (issuer, jti_hash) do nothing
        returning issuer
      ), revoked as (
        update grants
        set revoked_at = ${ended.now}, revocation_reason = 'logout_at_provider'
        where revoked_at is null
          and upstream_session_id in (
            select upstream_session_id
            from upstream_sessions
            where issuer in (select issuer from taken)
              and (${ended.subject ?? null}::text is null or subject = ${ended.subject ?? null}::text)
              and (${ended.providerSession ?? null}::text is null
                or provider_session = ${ended.providerSession ?? null}::text
                or (provider_session is null and ${ended.subject ?? null}::text is not null))
          )
        returning grant_id, client_id, subject, email, resource, scopes
      ), signed_out as (
        delete from account_sessions
        where issuer in (select issuer from taken)
          and (${ended.subject ?? null}::text is null or subject = ${ended.subject ?? null}::text)
          and (${ended.providerSession ?? null}::text is null
            or provider_session = ${ended.providerSession ?? null}::text
            or (provider_session is null and ${ended.subject ?? null}::text is not null))
      )
      select exists (select from taken) as is_first_use,
        (select coalesce(jsonb_agg(revoked), '[]') from revoked) as ended`,
  );
  return row?.is_first_use === true ? row.ended : undefined;
}
