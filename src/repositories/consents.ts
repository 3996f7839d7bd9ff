/** What a browser has approved before. */
import { z } from 'zod';
import type { SecretHash } from '../protocol/secret-hash.ts';
import type { PersonKey } from './account-sessions.ts';
import { type Queryable, sql } from './database.ts';
import { findOne } from './rows.ts';

interface ConsentKey {
  readonly browserHash: SecretHash;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly now: Date;
}

/** Whether this browser has approved this client for at least these scopes, at this redirect URI and resource. */
export async function hasConsent(db: Queryable, key: ConsentKey): Promise<boolean> {
  const row = await findOne(
    db,
    z.object({ found: z.literal(1) }),
    sql`
      select 1 as found
      from consents
      where browser_hash = ${key.browserHash}
        and client_id = ${key.clientId}
        and redirect_uri = ${key.redirectUri}
        and resource = ${key.resource}
        and scopes @> ${key.scopes}::text[]
        and expires_at > ${key.now}`,
  );
  return row !== undefined;
}

/**
 * The person is kept with it, so that they can take it back from any browser. Where several have approved in one browser
 * it is nobody's in particular, and each of them takes it back.
 */
export async function rememberConsent(
  db: Queryable,
  key: ConsentKey & { readonly person: PersonKey; readonly expiresAt: Date },
): Promise<void> {
  const { person } = key;
  await db.query(sql`
    insert into consents (browser_hash, client_id, redirect_uri, resource, scopes, identity_provider, issuer, subject,
      approved_at, expires_at)
    values (${key.browserHash}, ${key.clientId}, ${key.redirectUri}, ${key.resource}, ${key.scopes},
      ${person.identityProvider}, ${person.issuer}, ${person.subject}, ${key.now}, ${key.expiresAt})
    on conflict (browser_hash, client_id, redirect_uri, resource)
    do update set scopes = excluded.scopes, approved_at = excluded.approved_at, expires_at = excluded.expires_at,
      subject = case
        when (consents.identity_provider, consents.issuer, consents.subject)
          = (excluded.identity_provider, excluded.issuer, excluded.subject) then excluded.subject
      end`);
}
