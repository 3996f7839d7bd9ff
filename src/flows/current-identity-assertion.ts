/** The signed identity that goes to the MCP server with a request: the one at hand while it is young, else a new one. */
import { signIdentityAssertion } from '../crypto/identity-assertion.ts';
import { createId } from '../crypto/secrets.ts';
import { type Resource, serverUrlOf } from '../protocol/resource.ts';
import { formatScope } from '../protocol/scope.ts';
import { later, lifetimes } from './lifetimes.ts';
import type { Services } from './services.ts';
import type { VerifiedToken } from './verified-tokens.ts';

type AssertionServices = Pick<Services, 'clock' | 'config' | 'keyRing'>;

/**
 * Requests that come at once share one signature, and so do those of the next minute. It is kept with the access
 * token, so it is forgotten when that is revoked.
 *
 * @throws DatabaseUnavailableError when there is no key to sign with; the next request tries again
 */
export async function currentIdentityAssertion(
  services: AssertionServices,
  verified: VerifiedToken,
  resource: Resource,
): Promise<string> {
  const now = services.clock();
  if (verified.assertion !== undefined && now < verified.assertion.renewAt) return verified.assertion.jwt;
  const jwt = sign(services, verified, resource, now);
  const kept = { jwt, renewAt: later(now, lifetimes.identityAssertionReuseMs) };
  verified.assertion = kept;
  jwt.catch(() => {
    if (verified.assertion === kept) verified.assertion = undefined;
  });
  return jwt;
}

async function sign(
  { config, keyRing }: AssertionServices,
  { principal, upstream, groups }: VerifiedToken,
  resource: Resource,
  now: Date,
): Promise<string> {
  return signIdentityAssertion(await keyRing.signingKey(), {
    jti: createId(),
    issuer: config.baseUrl,
    audience: serverUrlOf(resource),
    subjectType: upstream === undefined ? 'machine' : 'person',
    subject: principal.subject,
    email: principal.email,
    name: principal.name,
    groups,
    clientId: principal.clientId,
    scope: formatScope(principal.scopes),
    issuedAt: now,
    expiresAt: later(now, lifetimes.identityAssertionMs),
  });
}
