/** A person's connections: the grants that rest on their sign-ins, by the client that holds them. */
import { z } from 'zod';
import type { PersonKey } from './account-sessions.ts';
import { type Queryable, sql } from './database.ts';
import { type EndedGrant, endedGrantRow, type RevocationReason } from './grants.ts';
import { findAll, findOne, instant, texts } from './rows.ts';

export interface Connection {
  readonly grantId: string;
  readonly clientId: string;
  readonly clientName: string | undefined;
  readonly source: 'dynamic' | 'document' | 'operator';
  /** Where the answer of its sign-in went; undefined in grants from before that was kept, if it is not certain. */
  readonly redirectUri: string | undefined;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  readonly firstUsedAt: Date | undefined;
  readonly lastUsedAt: Date | undefined;
  readonly lastUsedFrom: string | undefined;
  readonly lastUsedWith: string | undefined;
  /** Undefined: it is alive. */
  readonly revokedAt: Date | undefined;
}

const connectionRow = z
  .object({
    grant_id: z.string(),
    client_id: z.string(),
    client_name: z.string().nullable(),
    source: z.enum(['dynamic', 'document', 'operator']),
    sent_to: z.string().nullable(),
    resource: z.string(),
    scopes: texts,
    created_at: instant,
    first_used_at: instant.nullable(),
    last_used_at: instant.nullable(),
    last_used_from: z.string().nullable(),
    last_used_with: z.string().nullable(),
    revoked_at: instant.nullable(),
  })
  .transform((row): Connection => ({
    grantId: row.grant_id,
    clientId: row.client_id,
    clientName: row.client_name ?? undefined,
    source: row.source,
    redirectUri: row.sent_to ?? undefined,
    resource: row.resource,
    scopes: row.scopes,
    createdAt: row.created_at,
    firstUsedAt: row.first_used_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
    lastUsedFrom: row.last_used_from ?? undefined,
    lastUsedWith: row.last_used_with ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
  }));

/**
 * Those that are alive, or that the person has ended here since `endedSince`; those used last come first. By the sign-ins
 * behind them, not by what people are called here: that changes with the configuration. Uses upstream_sessions_person
 * and grants_upstream_session.
 */
export async function findConnections(
  db: Queryable,
  person: PersonKey,
  looking: { readonly now: Date; readonly endedSince: Date; readonly limit: number },
): Promise<readonly Connection[]> {
  return findAll(
    db,
    connectionRow,
    sql`
      select grant_id, client_id, client_name, source, grants.resource, grants.scopes,
        case
          when sent_to is null and source <> 'document' and cardinality(redirect_uris) = 1 then redirect_uris[1]
          else sent_to
        end as sent_to,
        grants.created_at, first_used_at, grants.last_used_at, last_used_from, last_used_with, revoked_at
      from upstream_sessions
      join grants using (upstream_session_id)
      join clients using (client_id)
      where upstream_sessions.identity_provider = ${person.identityProvider}
        and upstream_sessions.issuer = ${person.issuer}
        and upstream_sessions.subject = ${person.subject}
        and ((revoked_at is null and expires_at > ${looking.now})
          or (revocation_reason = ${revokedByPerson} and revoked_at >= ${looking.endedSince}))
      order by revoked_at is not null, coalesce(grants.last_used_at, grants.created_at) desc, grant_id
      limit ${looking.limit}`,
  );
}

const revokedByPerson: RevocationReason = 'revoked_by_person';

/** What of it is to end: one connection, those of one client, or everything. */
export type ConnectionChoice = { readonly grantId: string } | { readonly clientId: string } | 'all';

/**
 * Ends grants of a person, their pending codes with them, and what was remembered of their approval of those clients: each
 * will ask again. One statement; a trigger tells every instance. Undefined: none of what was chosen is theirs, alive or
 * not. What has ended before is not ended again. Locked in one order, so that clicks wait for one another and do not
 * block each other.
 */
export async function revokeConnections(
  db: Queryable,
  person: PersonKey,
  { choice, now }: { readonly choice: ConnectionChoice; readonly now: Date },
): Promise<readonly EndedGrant[] | undefined> {
  const isAll = choice === 'all';
  const grantId = choice !== 'all' && 'grantId' in choice ? choice.grantId : null;
  const clientId = choice !== 'all' && 'clientId' in choice ? choice.clientId : null;
  const row = await findOne(
    db,
    z.object({ chosen: z.number(), revoked: z.array(endedGrantRow) }),
    sql`
      with chosen as (
        select grant_id, client_id
        from grants
        where upstream_session_id in (
            select upstream_session_id
            from upstream_sessions
            where identity_provider = ${person.identityProvider}
              and issuer = ${person.issuer}
              and subject = ${person.subject}
          )
          and (${isAll} or grant_id = ${grantId}::uuid or client_id = ${clientId}::text)
        order by grant_id
        for update
      ), revoked as (
        update grants
        set revoked_at = ${now}, revocation_reason = ${revokedByPerson}
        where grant_id in (select grant_id from chosen) and revoked_at is null
        returning grant_id, client_id, subject, email, resource, scopes
      ), forgotten as (
        delete from consents
        where client_id in (select client_id from chosen)
          and (subject is null or (identity_provider = ${person.identityProvider} and issuer = ${person.issuer}
            and subject = ${person.subject}))
      ), forgotten_without_grant as (
        delete from consents
        where ${isAll}
          and client_id not in (select client_id from chosen)
          and identity_provider = ${person.identityProvider}
          and issuer = ${person.issuer}
          and subject = ${person.subject}
      )
      select (select count(*)::integer from chosen) as chosen,
        (select coalesce(jsonb_agg(revoked), '[]') from revoked) as revoked`,
  );
  return isAll || (row?.chosen ?? 0) > 0 ? (row?.revoked ?? []) : undefined;
}
