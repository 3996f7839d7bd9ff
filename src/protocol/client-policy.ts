/**
 * Which clients may connect without the operator's doing. One decision for both ways in which a client introduces
 * itself: dynamic registration (RFC 7591) and client metadata documents. Clients that the operator made always may.
 */
import { TokenError } from './errors.ts';
import { isKnownCallback, isKnownDocument } from './recognize-client.ts';

/**
 * `open`: any. `known`: those whose answers go to an address of the catalogue, and documents of the catalogue. `off`:
 * none.
 */
export const clientPolicies = ['open', 'known', 'off'] as const;
export type ClientPolicy = (typeof clientPolicies)[number];

/** Whether a client may register with this redirect URI, or use it later. */
export function mayUseRedirectUri(policy: ClientPolicy, redirectUri: string): boolean {
  return policy === 'open' || (policy === 'known' && isKnownCallback(redirectUri));
}

/** @throws TokenError `access_denied` (403) */
export function refuseRegistrationIfOff(policy: ClientPolicy): void {
  if (policy !== 'off') return;
  throw new TokenError('access_denied', {
    reason: 'registration is off',
    description:
      'Clients cannot register themselves here: ask the people who run this server for a client_id',
  });
}

/**
 * A registration with the redirect URIs that it may have here; the others are left out, as unusable ones are.
 * @throws TokenError `invalid_redirect_uri` when none is left (RFC 7591 §3.2.2)
 */
export function admitRedirectUris<T extends { readonly redirectUris: readonly string[] }>(
  policy: ClientPolicy,
  metadata: T,
): T {
  const redirectUris = metadata.redirectUris.filter((uri) => mayUseRedirectUri(policy, uri));
  if (redirectUris.length === 0) {
    throw new TokenError('invalid_redirect_uri', {
      reason: 'no redirect URI of a known client',
      description: 'Only known clients can register here, and none of the redirect_uris is one of theirs',
    });
  }
  return { ...metadata, redirectUris };
}

/** Whether the https URL of a client metadata document may be a client_id. The document names its redirect URIs. */
export function mayUseDocument(policy: ClientPolicy, clientId: string): boolean {
  return policy === 'open' || (policy === 'known' && isKnownDocument(clientId));
}

/** Whether a client that exists may ask for access: the policy may have changed since it came. */
export function mayConnect(
  policy: ClientPolicy,
  client: { readonly source: 'dynamic' | 'document' | 'operator'; readonly clientId: string },
  redirectUri: string,
): boolean {
  if (client.source === 'operator') return true;
  return client.source === 'document'
    ? mayUseDocument(policy, client.clientId)
    : mayUseRedirectUri(policy, redirectUri);
}
