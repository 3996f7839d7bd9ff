/**
 * What the proxy does as one statement, done as most servers do it: a transaction of several. To be compared with; it
 * stores the same rows and records the same events.
 */
import { sealFor } from '../../src/crypto/sealing.ts';
import { challengeOf, hashSecret } from '../../src/crypto/secrets.ts';
import { draftTokens, type IssuedTokens, signTokens } from '../../src/flows/issue-tokens.ts';
import type { Services } from '../../src/flows/services.ts';
import { type Queryable, sql } from '../../src/repositories/database.ts';
import type { SecretHash } from '../../src/protocol/secret-hash.ts';
import type { SeededClient, SeededCode } from './token-seeds.ts';

interface Grant {
  readonly grant_id: string;
  readonly subject: string;
  readonly email: string;
  readonly name: string;
  readonly resource: string;
  readonly scopes: readonly string[];
}

export async function exchangeInTransaction(
  services: Services,
  { client }: SeededClient,
  { code, codeVerifier }: SeededCode,
): Promise<IssuedTokens> {
  const now = services.clock();
  const draft = draftTokens(services, now);
  const codeHash = hashSecret(code);
  const grant = await services.db.transaction(async (tx) => {
    const found = await only<Grant>(
      tx.query(sql`
        select grants.grant_id, subject, email, name, resource, scopes
        from authorization_codes
        join grants using (grant_id)
        where code_hash = ${codeHash}
          and consumed_at is null
          and authorization_codes.expires_at > ${now}
          and code_challenge = ${challengeOf(codeVerifier)}
          and client_id = ${client.clientId}
          and revoked_at is null
        for update`),
    );
    await tx.query(sql`update authorization_codes set consumed_at = ${now} where code_hash = ${codeHash}`);
    await tx.query(sql`
      update grants
      set activated_at = ${now}, expires_at = ${draft.refreshExpiresAt}
      where grant_id = ${found.grant_id}`);
    await insertTokens(tx, found, draft);
    await tx.query(sql`
      update clients
      set last_used_at = ${now}
      where client_id = ${client.clientId}
        and (last_used_at is null or last_used_at < ${now}::timestamptz - interval '1 hour')`);
    return found;
  });
  const { grant_id: grantId, ...facts } = grant;
  const what = { type: 'token', outcome: 'success', how: 'authorization_code', tokenId: draft.jti } as const;
  services.events.record({ ...what, grantId, clientId: client.clientId, ...facts });
  return signTokens(services, draft, { ...grant, clientId: client.clientId });
}

export async function refreshInTransaction(
  services: Services,
  { client }: SeededClient,
  presentedToken: string,
): Promise<IssuedTokens> {
  const now = services.clock();
  const presentedHash = hashSecret(presentedToken);
  const { issued, grant } = await services.db.transaction(async (tx) => {
    const grant = await only<Grant>(
      tx.query(sql`
        select grants.grant_id, subject, email, name, resource, grants.scopes
        from access_tokens
        join grants using (grant_id)
        where refresh_token_hash = ${presentedHash}
          and refresh_consumed_at is null
          and refresh_expires_at > ${now}
          and client_id = ${client.clientId}
          and grants.revoked_at is null
        for update`),
    );
    const draft = draftTokens(services, now);
    const issued = await signTokens(services, draft, { ...grant, clientId: client.clientId });
    const sealed = sealFor(presentedToken, JSON.stringify(issued), 'bench');
    await tx.query(sql`
      update access_tokens
      set refresh_consumed_at = ${now}, sealed_successor = ${sealed}
      where refresh_token_hash = ${presentedHash}`);
    await tx.query(
      sql`update grants set expires_at = ${draft.refreshExpiresAt} where grant_id = ${grant.grant_id}`,
    );
    await insertTokens(tx, grant, draft);
    return { issued, grant };
  });
  const { grant_id: grantId, ...facts } = grant;
  const what = { type: 'refresh', outcome: 'success', how: 'rotated' } as const;
  services.events.record({ ...what, grantId, clientId: client.clientId, ...facts });
  return issued;
}

async function insertTokens(
  tx: Queryable,
  { grant_id, scopes }: Grant,
  draft: ReturnType<typeof draftTokens> & { readonly refreshTokenHash: SecretHash },
): Promise<void> {
  await tx.query(sql`
    insert into access_tokens (jti, grant_id, scopes, issued_at, expires_at, refresh_token_hash, refresh_expires_at)
    values (${draft.jti}, ${grant_id}, ${scopes}, ${draft.issuedAt}, ${draft.expiresAt}, ${draft.refreshTokenHash},
      ${draft.refreshExpiresAt})`);
}

async function only<Row>(query: ReturnType<Queryable['query']>): Promise<Row> {
  const { rows } = await query;
  if (rows.length !== 1) throw new Error('There is no such code or token, or it is used up');
  return rows[0] as Row;
}
