/** Says which client is calling, by the method it registered (RFC 6749 §2.3, RFC 7523 §2.2). */
import { checkAssertionSignature } from '../crypto/assertion-signature.ts';
import { hashSecret, isSameHash } from '../crypto/secrets.ts';
import { matchesHost } from '../outbound/host-patterns.ts';
import { OutboundError } from '../outbound/outbound-error.ts';
import {
  assertionProblem,
  assertionSkewSeconds,
  type ClientAssertion,
} from '../protocol/client-assertion.ts';
import { clientAuthenticationFailed, type ClientCredentials } from '../protocol/client-credentials.ts';
import type { ClientJwks } from '../protocol/client-keys.ts';
import { TemporarilyUnavailableError, TokenError } from '../protocol/errors.ts';
import type { TokenRequest } from '../protocol/token-request.ts';
import { takeAssertion } from '../repositories/client-assertions.ts';
import { type Client, findClient } from '../repositories/clients.ts';
import { later } from './lifetimes.ts';
import type { Services } from './services.ts';

type AuthenticateServices = Pick<Services, 'db' | 'clock' | 'config' | 'clientKeys'>;

/**
 * A confidential client may put its secret in the header or in the body, whichever it registered: both are the same
 * proof, and real clients mix them up. One with a key brings an assertion. A public client must bring neither.
 *
 * @throws TokenError `invalid_client`: unknown, wrong proof, none where one is due, one where none is
 * @throws TemporarilyUnavailableError when the client's keys cannot be read right now
 */
export async function authenticateClient(
  services: AuthenticateServices,
  credentials: ClientCredentials,
): Promise<Client> {
  const client = await findClient(services.db, credentials.clientId);
  if (client === undefined) throw refusal('unknown client');
  if (client.source === 'document') checkDocumentClient(services, client);
  await checkProof(services, client, credentials);
  return client;
}

async function checkProof(
  services: AuthenticateServices,
  client: Client,
  { clientSecret, clientAssertion }: ClientCredentials,
): Promise<void> {
  if (clientAssertion !== undefined) return useAssertion(services, client, clientAssertion);
  switch (client.tokenEndpointAuthMethod) {
    case 'none':
      if (clientSecret !== undefined) throw refusal('a public client brought a secret');
      break;
    case 'private_key_jwt':
      if (clientSecret !== undefined) throw refusal('a client with a key brought a secret');
      if (!client.isAssertionOptional) throw refusal('no client assertion');
      break;
    case 'client_secret_basic':
    case 'client_secret_post':
      checkSecret(client, clientSecret);
      break;
  }
}

/** A host that the operator has denied since is refused with what it was granted before. */
function checkDocumentClient({ config }: AuthenticateServices, { clientId }: Client): void {
  if (matchesHost(config.clientDocuments.deniedHosts, new URL(clientId).hostname))
    throw refusal('its host is denied');
}

function checkSecret(client: Client, clientSecret: string | undefined): void {
  if (clientSecret === undefined) throw refusal('no client secret');
  if (
    client.clientSecretHash === undefined ||
    !isSameHash(client.clientSecretHash, hashSecret(clientSecret))
  ) {
    throw refusal('wrong client secret');
  }
}

/**
 * What it says is checked before its signature, so that nonsense makes nobody fetch keys; and it is used up last, by one
 * statement: of many callers with the same assertion, at whatever instance, one is let in (RFC 7523 §3).
 */
async function useAssertion(
  services: AuthenticateServices,
  client: Client,
  assertion: ClientAssertion,
): Promise<void> {
  if (client.tokenEndpointAuthMethod !== 'private_key_jwt') throw refusal('an assertion is not its method');
  const { baseUrl } = services.config;
  const problem = assertionProblem(assertion, {
    clientId: client.clientId,
    audiences: [baseUrl, `${baseUrl}/token`],
    now: services.clock(),
  });
  if (problem !== undefined) throw refusal(`client assertion: ${problem}`);
  if (!(await isSignedByClient(services, client, assertion)))
    throw refusal('client assertion: wrong signature');
  const isFirstUse = await takeAssertion(services.db, {
    clientId: client.clientId,
    jtiHash: hashSecret(assertion.jti),
    // It is accepted until the skew after `exp`, by an instance whose clock may be behind by as much again.
    expiresAt: later(assertion.expiresAt, 2 * assertionSkewSeconds * 1000),
  });
  if (!isFirstUse) throw refusal('client assertion: jti was used before, or the client is gone');
}

async function isSignedByClient(
  { clientKeys }: AuthenticateServices,
  client: Client,
  assertion: ClientAssertion,
): Promise<boolean> {
  const known = await keysOrRefusal(clientKeys.find(client));
  const verdict = await checkAssertionSignature(assertion, known);
  if (verdict !== 'unknown_key') return verdict === 'valid';
  const newer = await keysOrRefusal(clientKeys.findNewer(client));
  return newer !== known && (await checkAssertionSignature(assertion, newer)) === 'valid';
}

/** An address that is away for now is no proof against the client: transient is not dead. */
async function keysOrRefusal(finding: Promise<ClientJwks | undefined>): Promise<ClientJwks> {
  try {
    return (await finding) ?? { keys: [] };
  } catch (cause) {
    if (!(cause instanceof OutboundError)) throw cause;
    if (cause.isTransient) throw new TemporarilyUnavailableError('the keys of the client', { cause });
    throw refusal('the keys of the client may not be read', cause);
  }
}

/**
 * As {@link authenticateClient}, for an endpoint where an id alone is not enough: whatever proof is brought is checked.
 * @throws TokenError `invalid_client` also when there is none, though this client may come without one elsewhere
 */
export async function authenticateConfidentialClient(
  services: AuthenticateServices,
  credentials: ClientCredentials,
): Promise<Client> {
  if (credentials.clientSecret === undefined && credentials.clientAssertion === undefined) {
    throw refusal('no proof where one is needed');
  }
  return authenticateClient(services, credentials);
}

/** @throws TokenError `unauthorized_client` (RFC 6749 §5.2): people's clients and machines have different grants */
export function requireGrantType(client: Client, grantType: TokenRequest['grantType']): void {
  if (client.grantTypes.includes(grantType)) return;
  throw new TokenError('unauthorized_client', {
    reason: `the client is not registered for ${grantType}`,
    description: 'The client may not use this grant type',
  });
}

function refusal(reason: string, cause?: unknown): TokenError {
  return new TokenError('invalid_client', { reason, description: clientAuthenticationFailed, cause });
}
