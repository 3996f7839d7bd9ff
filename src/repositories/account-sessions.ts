/** Browsers in which someone has signed in at `/account`: for minutes, and for nothing but that page. */
import { z } from 'zod';
import type { SecretHash } from '../protocol/secret-hash.ts';
import { type Queryable, sql } from './database.ts';
import { findOne, instant } from './rows.ts';

/** Someone, as a provider knows them: none of these alone names a person. */
export interface PersonKey {
  readonly identityProvider: string;
  readonly issuer: string;
  readonly subject: string;
}

export interface AccountSession extends PersonKey {
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly createdAt: Date;
}

const sessionRow = z
  .object({
    identity_provider: z.string(),
    issuer: z.string(),
    subject: z.string(),
    email: z.string().nullable(),
    name: z.string().nullable(),
    created_at: instant,
  })
  .transform((row): AccountSession => ({
    identityProvider: row.identity_provider,
    issuer: row.issuer,
    subject: row.subject,
    email: row.email ?? undefined,
    name: row.name ?? undefined,
    createdAt: row.created_at,
  }));

export async function insertAccountSession(
  db: Queryable,
  session: AccountSession & {
    readonly sessionHash: SecretHash;
    /** What the provider calls the session (`sid`): when that ends, so does this. */
    readonly providerSession: string | undefined;
    readonly expiresAt: Date;
  },
): Promise<void> {
  await db.query(sql`
    insert into account_sessions (session_hash, identity_provider, issuer, subject, provider_session, email, name,
      created_at, expires_at)
    values (${session.sessionHash}, ${session.identityProvider}, ${session.issuer}, ${session.subject},
      ${session.providerSession ?? null}, ${session.email ?? null}, ${session.name ?? null}, ${session.createdAt},
      ${session.expiresAt})`);
}

/** Uses the primary key. */
export async function findAccountSession(
  db: Queryable,
  sessionHash: SecretHash,
  now: Date,
): Promise<AccountSession | undefined> {
  return findOne(
    db,
    sessionRow,
    sql`
      select identity_provider, issuer, subject, email, name, created_at
      from account_sessions
      where session_hash = ${sessionHash} and expires_at > ${now}`,
  );
}

export async function deleteAccountSession(db: Queryable, sessionHash: SecretHash): Promise<void> {
  await db.query(sql`
    delete from account_sessions
    where session_hash = ${sessionHash}`);
}
