/** Accepts or refuses an access token for a protected resource. */
import { groupsThatFit } from '../crypto/identity-assertion.ts';
import type { EventFacts } from '../protocol/event-facts.ts';
import { invalidToken, TemporarilyUnavailableError } from '../protocol/errors.ts';
import type { Principal } from '../protocol/principal.ts';
import type { Resource } from '../protocol/resource.ts';
import { findAccessToken, type StoredAccessToken } from '../repositories/access-tokens.ts';
import { placeOf } from '../repositories/sealed-values.ts';
import { endUnlisted, isAdmitted } from './admission.ts';
import { checkSignature } from './check-signature.ts';
import { currentIdentityAssertion } from './current-identity-assertion.ts';
import { currentUpstreamToken, endOfRest } from './current-upstream-token.ts';
import { isOfRemovedProvider } from './removed-provider.ts';
import type { Services } from './services.ts';
import type { KeptCaller, UpstreamState, VerifiedToken } from './verified-tokens.ts';

type VerifyServices = Pick<
  Services,
  | 'db'
  | 'clock'
  | 'config'
  | 'events'
  | 'keyRing'
  | 'sealer'
  | 'revocationFeed'
  | 'verifiedTokens'
  | 'identityProviders'
  | 'log'
>;

/**
 * A token seen before is trusted from memory for as long as the revocation feed is followed closely; otherwise, and
 * at first sight, the database is asked. Order: signature, type, issuer, audience, lifetime (RFC 9068 §4), then
 * revocation of the token and its grant, then the lists of who may sign in.
 *
 * @throws BearerError `invalid_token`
 * @throws DatabaseUnavailableError, TemporarilyUnavailableError when it cannot be decided: never a guess
 */
export async function verifyAccessToken(
  services: VerifyServices,
  { token, resource }: { readonly token: string; readonly resource: Resource },
): Promise<Principal> {
  const revocationsHeard = services.verifiedTokens.position;
  const known = services.revocationFeed.isFresh ? services.verifiedTokens.find(token) : undefined;
  const kept = known?.caller;
  // Nearly every call: nothing about the caller has changed, and there is nothing to wait for.
  if (
    kept?.principal.revocationsHeard === revocationsHeard &&
    kept.principal.resource === resource.identifier &&
    services.clock() < kept.goodUntil
  ) {
    return kept.principal;
  }
  const verified = known ?? (await verifyWithDatabase(services, token, resource, revocationsHeard));
  if (verified.principal.expiresAt <= services.clock()) {
    services.verifiedTokens.remove(token);
    const { grantId, clientId, subject, email } = verified.principal;
    throw invalidToken('expired', { grantId, clientId, subject, email });
  }
  if (verified.principal.resource !== resource.identifier) throw invalidToken('wrong audience');
  const { upstream } = verified;
  const principal: Principal = {
    ...verified.principal,
    revocationsHeard,
    upstreamAccessToken: upstream && (await tokenToForward(services, upstream)),
    identityAssertion: services.config.identityAssertion
      ? await currentIdentityAssertion(services, verified, resource)
      : undefined,
  };
  verified.caller = keepCaller(services, principal, upstream);
  return principal;
}

/** A caller about whom nothing has to be asked for a while. Undefined where each call has to look at something. */
function keepCaller(
  { config }: VerifyServices,
  principal: Principal,
  upstream: UpstreamState | undefined,
): KeptCaller | undefined {
  if (config.identityAssertion || config.userRevalidationSeconds !== undefined) return undefined;
  const upstreamUntil = upstream && endOfRest(upstream);
  const { expiresAt } = principal;
  return {
    principal,
    goodUntil: upstreamUntil !== undefined && upstreamUntil < expiresAt ? upstreamUntil : expiresAt,
  };
}

/**
 * A token that is not forwarded is refreshed all the same: that is how we hear that the provider has ended the sign-in
 * (protocol.md 120). But nobody waits for a provider that is away, when nothing is wanted from it.
 */
async function tokenToForward(
  services: VerifyServices,
  upstream: UpstreamState,
): Promise<string | undefined> {
  if (services.config.forwardAccessToken) return currentUpstreamToken(services, upstream);
  try {
    await currentUpstreamToken(services, upstream);
  } catch (error) {
    if (!(error instanceof TemporarilyUnavailableError)) throw error;
  }
  return undefined;
}

async function verifyWithDatabase(
  services: VerifyServices,
  token: string,
  resource: Resource,
  position: number,
): Promise<VerifiedToken> {
  const jti = await verifySignature(services, token, resource);
  const stored = await findAccessToken(services.db, jti);
  if (stored === undefined || stored.isRevoked) {
    services.verifiedTokens.remove(token);
    throw invalidToken(stored === undefined ? 'unknown token' : 'revoked', stored && factsOf(stored));
  }
  if (isOfRemovedProvider(services, stored.person?.identityProvider)) {
    throw invalidToken('the identity provider is not configured any more');
  }
  if (!isAdmitted(services, stored.person)) {
    services.verifiedTokens.remove(token);
    await endUnlisted(services, stored.grantId);
    throw invalidToken('the lists do not admit the person any more', factsOf(stored));
  }
  const verified = toVerified(services, jti, stored);
  services.verifiedTokens.add(token, verified, position);
  return verified;
}

async function verifySignature(services: VerifyServices, token: string, resource: Resource): Promise<string> {
  const result = await checkSignature(services, token, resource.identifier);
  if (result.outcome !== 'valid')
    throw invalidToken(result.outcome === 'invalid' ? result.reason : 'unknown key');
  return result.jti;
}

function factsOf({
  grantId,
  clientId,
  subject,
  email,
  resource,
  scopes,
  person,
}: StoredAccessToken): EventFacts {
  return { grantId, clientId, subject, email, resource, scopes, provider: person?.identityProvider };
}

function toVerified(services: VerifyServices, jti: string, stored: StoredAccessToken): VerifiedToken {
  const { grantId, clientId, subject, email, name, scopes, resource, expiresAt, upstream, person } = stored;
  return {
    principal: { jti, grantId, clientId, subject, email, name, scopes, resource, expiresAt },
    upstream: upstream && {
      sessionId: upstream.sessionId,
      accessToken: services.sealer.open(
        upstream.sealedAccessToken,
        placeOf('upstream_sessions.sealed_access_token', upstream.sessionId),
      ),
      expiresAt: upstream.expiresAt,
      refreshedAt: upstream.refreshedAt,
      hasRefreshToken: upstream.hasRefreshToken,
    },
    groups: services.config.identityAssertion && person?.groups ? groupsThatFit(person.groups) : undefined,
    assertion: undefined,
    caller: undefined,
  };
}
