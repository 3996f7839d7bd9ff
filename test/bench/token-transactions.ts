/**
 * What the proxy does as one statement, done as most servers do it: a transaction of several. To be compared with; it
 * stores the same rows and records the same events.
 */
import { z } from 'zod';
import { sealFor } from '../../src/crypto/sealing.ts';
import { challengeOf, hashSecret } from '../../src/crypto/secrets.ts';
import { draftTokens, type IssuedTokens, signTokens } from '../../src/flows/issue-tokens.ts';
import type { Services } from '../../src/flows/services.ts';
import { type Queryable, sql } from '../../src/repositories/database.ts';
import { findRefreshToken } from '../../src/repositories/refresh-tokens.ts';
import { findOne, texts } from '../../src/repositories/rows.ts';
import type { SecretHash } from '../../src/protocol/secret-hash.ts';
import type { SeededClient, SeededCode } from './token-seeds.ts';

const grantRow = z.object({
  grant_id: z.string(),
  subject: z.string(),
  email: z.string(),
  name: z.string(),
  resource: z.string(),
  scopes: texts,
});

export async function exchangeInTransaction(
  services: Services,
  { client }: SeededClient,
  { code, codeVerifier }: SeededCode,
): Promise<IssuedTokens> {
  const now = services.clock();
  const draft = draftTokens(services, now);
  const codeHash = hashSecret(code);
  const grant = await services.db.transaction(async (tx) => {
    const found = await findOne(
      tx,
      grantRow,
      sql`
        select grants.grant_id, subject, email, name, resource, scopes
        from authorization_codes
        join grants using (grant_id)
        where code_hash = ${codeHash}
          and consumed_at is null
          and authorization_codes.expires_at > ${now}
          and code_challenge = ${challengeOf(codeVerifier)}
          and client_id = ${client.clientId}
          and revoked_at is null
        for update`,
    );
    if (found === undefined) throw unusable();
    await tx.query(sql`update authorization_codes set consumed_at = ${now} where code_hash = ${codeHash}`);
    await tx.query(sql`
      update grants
      set activated_at = ${now}, expires_at = ${draft.refreshExpiresAt}
      where grant_id = ${found.grant_id}`);
    await insertTokens(tx, { grantId: found.grant_id, scopes: found.scopes }, draft);
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
  const { issued, stored } = await services.db.transaction(async (tx) => {
    const stored = await findRefreshToken(tx, presentedHash);
    if (
      stored === undefined ||
      stored.clientId !== client.clientId ||
      stored.isGrantRevoked ||
      stored.expiresAt <= now
    )
      throw unusable();
    const draft = draftTokens(services, stored.grantedAt);
    const issued = await signTokens(services, draft, { ...stored, scopes: stored.grantedScopes });
    const sealed = sealFor(presentedToken, JSON.stringify(issued), 'bench');
    const { rowCount } = await tx.query(sql`
      update access_tokens
      set refresh_consumed_at = ${now}, sealed_successor = ${sealed}
      where refresh_token_hash = ${presentedHash} and refresh_consumed_at is null`);
    if (rowCount !== 1) throw unusable();
    await tx.query(
      sql`update grants set expires_at = ${draft.refreshExpiresAt} where grant_id = ${stored.grantId}`,
    );
    await insertTokens(tx, { grantId: stored.grantId, scopes: stored.grantedScopes }, draft);
    return { issued, stored };
  });
  const { grantId, clientId, subject, email, resource, grantedScopes: scopes } = stored;
  const what = { type: 'refresh', outcome: 'success', how: 'rotated' } as const;
  services.events.record({ ...what, grantId, clientId, subject, email, resource, scopes });
  return issued;
}

async function insertTokens(
  tx: Queryable,
  { grantId, scopes }: { readonly grantId: string; readonly scopes: readonly string[] },
  draft: ReturnType<typeof draftTokens> & { readonly refreshTokenHash: SecretHash },
): Promise<void> {
  await tx.query(sql`
    insert into access_tokens (jti, grant_id, scopes, issued_at, expires_at, refresh_token_hash, refresh_expires_at)
    values (${draft.jti}, ${grantId}, ${scopes}, ${draft.issuedAt}, ${draft.expiresAt}, ${draft.refreshTokenHash},
      ${draft.refreshExpiresAt})`);
}

function unusable(): Error {
  return new Error('There is no such code or token, or it is used up');
}
