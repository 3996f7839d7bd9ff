/** Ends a token at its client's request (RFC 7009). */
import { hashSecret } from '../crypto/secrets.ts';
import { revokeAccessToken } from '../repositories/access-tokens.ts';
import type { Client } from '../repositories/clients.ts';
import { findRefreshToken } from '../repositories/refresh-tokens.ts';
import { checkSignature } from './check-signature.ts';
import { endGrant } from './end-grant.ts';
import type { Services } from './services.ts';

type RevokeServices = Pick<Services, 'db' | 'clock' | 'config' | 'events' | 'keyRing' | 'revocationFeed'>;

/**
 * A refresh token takes its whole grant with it; an access token goes alone (RFC 7009 §2.1). A token that is unknown,
 * spent, or another client's is left as it is, and the answer is the same (§2.2). Returns once this instance refuses
 * the token, also one that had ended before: its client may ask again because the first answer was lost, and another
 * instance, which has not heard of it yet. The others follow by the feed.
 */
export async function revokeToken(
  services: RevokeServices,
  { client, token }: { readonly client: Client; readonly token: string },
): Promise<void> {
  if (!(await endGrantOf(services, client, token))) await endAccessToken(services, client, token);
}

async function endGrantOf(services: RevokeServices, client: Client, token: string): Promise<boolean> {
  const stored = await findRefreshToken(services.db, hashSecret(token));
  if (stored === undefined || stored.clientId !== client.clientId) return false;
  return endGrant(services, stored.grantId, 'revoked_by_client');
}

async function endAccessToken(services: RevokeServices, client: Client, token: string): Promise<void> {
  const verified = await checkSignature(services, token, undefined);
  if (verified.outcome !== 'valid') return;
  const of = await revokeAccessToken(services.db, verified.jti, client.clientId, services.clock());
  if (of !== undefined) {
    services.events.record({
      type: 'revoke',
      outcome: 'success',
      what: 'access_token',
      reason: 'revoked_by_client',
      ...of,
    });
  }
  await services.revocationFeed.catchUp();
}
