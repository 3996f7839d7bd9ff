/** Says what a token means and whether it is good, to those who may know (RFC 7662). */
import { hashSecret } from '../crypto/secrets.ts';
import { findResource } from '../protocol/resource.ts';
import { findAccessToken, type StoredAccessToken } from '../repositories/access-tokens.ts';
import type { Client } from '../repositories/clients.ts';
import { findRefreshToken } from '../repositories/refresh-tokens.ts';
import { isAdmitted } from './admission.ts';
import { checkSignature } from './check-signature.ts';
import { endOfConnection } from './issue-tokens.ts';
import { isOfRemovedProvider } from './removed-provider.ts';
import type { Services } from './services.ts';

type IntrospectServices = Pick<
  Services,
  'db' | 'clock' | 'config' | 'keyRing' | 'resources' | 'identityProviders'
>;

/** What is said of a token that is good now. */
export interface TokenFacts {
  readonly kind: 'access_token' | 'refresh_token';
  /** Undefined for a refresh token, which has none. */
  readonly jti: string | undefined;
  readonly clientId: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/**
 * Every client may ask about its own tokens, once it has proven who it is; about other clients' access tokens only one that
 * the operator made for it, within its resource. A refresh token is nobody's business but its client's: a server that
 * took one for a bearer token would be let down by `active`. The database is asked each time, so that a revocation
 * counts at once. Undefined: not good, unknown, or none of the caller's business; these look alike (§2.2, §4).
 */
export async function introspectToken(
  services: IntrospectServices,
  { client, token }: { readonly client: Client; readonly token: string },
): Promise<TokenFacts | undefined> {
  return (
    (await describeAccessToken(services, client, token)) ??
    (await describeRefreshToken(services, client, token))
  );
}

async function describeAccessToken(
  services: IntrospectServices,
  client: Client,
  token: string,
): Promise<TokenFacts | undefined> {
  const verified = await checkSignature(services, token, undefined);
  if (verified.outcome !== 'valid') return undefined;
  const stored = await findAccessToken(services.db, verified.jti);
  if (stored === undefined || stored.isRevoked || stored.expiresAt <= services.clock()) return undefined;
  if (isOut(services, stored)) return undefined;
  if (!mayKnow(services, client, stored)) return undefined;
  return { ...stored, kind: 'access_token', jti: verified.jti };
}

/** As at `/mcp` and `/token`; but asking about a token ends nothing. */
function isOut(services: IntrospectServices, { person }: Pick<StoredAccessToken, 'person'>): boolean {
  return isOfRemovedProvider(services, person?.identityProvider) || !isAdmitted(services, person);
}

function mayKnow(services: IntrospectServices, client: Client, token: StoredAccessToken): boolean {
  if (client.clientId === token.clientId) return true;
  if (!client.mayIntrospect) return false;
  return (
    client.resource === undefined ||
    findResource(services.resources, client.resource)?.identifier === token.resource
  );
}

async function describeRefreshToken(
  services: IntrospectServices,
  client: Client,
  token: string,
): Promise<TokenFacts | undefined> {
  const stored = await findRefreshToken(services.db, hashSecret(token));
  if (stored === undefined || stored.clientId !== client.clientId) return undefined;
  if (isOut(services, stored)) return undefined;
  const now = services.clock();
  const end = endOfConnection(services, stored.grantedAt);
  const hasEnded = stored.expiresAt <= now || (end !== undefined && end <= now);
  if (stored.consumedAt !== undefined || stored.isGrantRevoked || hasEnded) return undefined;
  return { ...stored, kind: 'refresh_token', jti: undefined, scopes: stored.grantedScopes };
}
