/** Authorization codes: redeemed once (RFC 6749 §4.1.2). */
import { z } from 'zod';
import type { SecretHash } from '../protocol/secret-hash.ts';
import { frequent, type Queryable, sql } from './database.ts';
import { findOne, instant, texts } from './rows.ts';

export interface RedeemedGrant {
  readonly grantId: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly resource: string;
  readonly scopes: readonly string[];
}

const redeemedRow = z
  .object({
    grant_id: z.string(),
    subject: z.string(),
    email: z.string().nullable(),
    name: z.string().nullable(),
    resource: z.string(),
    scopes: texts,
  })
  .transform((row): RedeemedGrant => ({
    grantId: row.grant_id,
    subject: row.subject,
    email: row.email ?? undefined,
    name: row.name ?? undefined,
    resource: row.resource,
    scopes: row.scopes,
  }));

export interface Redemption {
  readonly codeHash: SecretHash;
  readonly clientId: string;
  readonly codeChallenge: string;
  /** Undefined when the client sent none (OAuth 2.1 §10.2). */
  readonly redirectUri: string | undefined;
  readonly resource: string | undefined;
  readonly now: Date;
  readonly issue: {
    readonly jti: string;
    readonly issuedAt: Date;
    readonly expiresAt: Date;
    readonly refreshTokenHash: SecretHash;
    readonly refreshExpiresAt: Date;
  };
}

/**
 * Uses up a code and issues its tokens, as one statement: of many callers one gets the grant, the others nothing. A
 * caller with another client, verifier, redirect URI or resource does not use it up.
 */
export async function redeemCode(db: Queryable, redemption: Redemption): Promise<RedeemedGrant | undefined> {
  const { now, issue } = redemption;
  return findOne(
    db,
    redeemedRow,
    frequent(sql`
      with redeemed as (
        update authorization_codes
        set consumed_at = ${now}
        from grants
        where code_hash = ${redemption.codeHash}
          and consumed_at is null
          and authorization_codes.expires_at > ${now}
          and code_challenge = ${redemption.codeChallenge}
          and (${redemption.redirectUri ?? null}::text is null or redirect_uri = ${redemption.redirectUri ?? null})
          and grants.grant_id = authorization_codes.grant_id
          and grants.client_id = ${redemption.clientId}
          and grants.revoked_at is null
          and (${redemption.resource ?? null}::text is null or resource = ${redemption.resource ?? null})
        returning grants.grant_id, subject, email, name, resource, scopes
      ), activated as (
        update grants
        set activated_at = ${now}, expires_at = ${issue.refreshExpiresAt}
        where grant_id = (select grant_id from redeemed)
      ), issued as (
        insert into access_tokens (jti, grant_id, scopes, issued_at, expires_at, refresh_token_hash, refresh_expires_at)
        select ${issue.jti}::uuid, grant_id, scopes, ${issue.issuedAt}::timestamptz, ${issue.expiresAt}::timestamptz,
          ${issue.refreshTokenHash}::bytea, ${issue.refreshExpiresAt}::timestamptz
        from redeemed
      ), used as (
        update clients
        set last_used_at = ${now}
        where client_id = ${redemption.clientId}
          and (last_used_at is null or last_used_at < ${now}::timestamptz - interval '1 hour')
          and exists (select from redeemed)
      )
      select grant_id, subject, email, name, resource, scopes
      from redeemed`),
  );
}

export interface CodeFacts {
  readonly grantId: string;
  readonly clientId: string;
  readonly codeChallenge: string;
  readonly redirectUri: string;
  readonly resource: string;
  readonly isConsumed: boolean;
  readonly expiresAt: Date;
}

/** What is known of a code that was not redeemed, to say why. */
export async function findCode(db: Queryable, codeHash: SecretHash): Promise<CodeFacts | undefined> {
  return findOne(
    db,
    z
      .object({
        grant_id: z.string(),
        client_id: z.string(),
        code_challenge: z.string(),
        redirect_uri: z.string(),
        resource: z.string(),
        consumed_at: instant.nullable(),
        expires_at: instant,
      })
      .transform((row): CodeFacts => ({
        grantId: row.grant_id,
        clientId: row.client_id,
        codeChallenge: row.code_challenge,
        redirectUri: row.redirect_uri,
        resource: row.resource,
        isConsumed: row.consumed_at !== null,
        expiresAt: row.expires_at,
      })),
    sql`
      select grant_id, client_id, code_challenge, redirect_uri, resource, consumed_at, authorization_codes.expires_at
      from authorization_codes
      join grants using (grant_id)
      where code_hash = ${codeHash}`,
  );
}
