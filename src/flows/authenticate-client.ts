/** Says which client is calling, by the method it registered (RFC 6749 §2.3). */
import { hashSecret, isSameHash } from '../crypto/secrets.ts';
import type { ClientCredentials } from '../protocol/client-credentials.ts';
import { TokenError } from '../protocol/errors.ts';
import { type Client, findClient } from '../repositories/clients.ts';
import type { Services } from './services.ts';

/**
 * A confidential client may put its secret in the header or in the body, whichever it registered: both are the same
 * proof, and real clients mix them up. A public client must not bring one.
 *
 * @throws TokenError `invalid_client`: unknown, wrong secret, none where one is due, one where none is
 */
export async function authenticateClient(
  services: Pick<Services, 'db'>,
  credentials: ClientCredentials,
): Promise<Client> {
  const client = await findClient(services.db, credentials.clientId);
  if (client === undefined) throw refusal('unknown client');
  if (client.tokenEndpointAuthMethod === 'none') {
    if (credentials.clientSecret !== undefined) throw refusal('a public client brought a secret');
    return client;
  }
  if (credentials.clientSecret === undefined) throw refusal('no client secret');
  const presentedHash = hashSecret(credentials.clientSecret);
  if (client.clientSecretHash === undefined || !isSameHash(client.clientSecretHash, presentedHash)) {
    throw refusal('wrong client secret');
  }
  return client;
}

function refusal(reason: string): TokenError {
  return new TokenError('invalid_client', { reason, description: 'Client authentication failed' });
}
