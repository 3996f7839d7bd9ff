/** What differs from provider to provider, as data and small functions; the machinery is the same for all. */
import type { IssuerRule } from './discover.ts';
import type { Claims } from './read-identity.ts';
import type { ProviderMetadata } from './provider-metadata.ts';

export interface ProviderSettings {
  readonly id: 'google' | 'oauth';
  /** An issuer, a base URL or an authorization endpoint. */
  readonly url: URL;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A GET of the provider's own API with the person's access token. */
export type GetJson = (url: string) => Promise<{ readonly status: number; readonly json: unknown }>;

export interface ProviderProfile {
  readonly displayName: string;
  /** Where discovery starts, or the metadata of a provider that publishes none. */
  readonly metadata: { readonly discoverFrom: URL; readonly acceptsIssuer?: IssuerRule } | ProviderMetadata;
  /** The scopes to ask for, when the client asks for `clientScopes`. */
  scopes(clientScopes: readonly string[], metadata: ProviderMetadata): readonly string[];
  /** Parameters of the authorization request that only this provider needs. */
  parameters(metadata: ProviderMetadata): Readonly<Record<string, string>>;
  /** Token endpoint errors, besides `invalid_grant`, that mean that a refresh token is over. */
  readonly grantOverCodes?: readonly string[];
  /** Who the person is, for a provider with neither ID tokens nor a userinfo endpoint. */
  fetchClaims?(get: GetJson): Promise<Claims>;
}

/** The profile, if the settings mean this provider. */
export type ProviderMatcher = (settings: ProviderSettings) => ProviderProfile | undefined;

/**
 * Scopes of the person's identity, then the client's; `offline_access` only where a profile adds it itself, since
 * providers that do not know it refuse the request.
 */
export function withIdentityScopes(
  identityScopes: readonly string[],
  clientScopes: readonly string[],
): readonly string[] {
  return [...new Set([...identityScopes, ...clientScopes.filter((scope) => scope !== 'offline_access')])];
}
