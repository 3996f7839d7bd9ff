/** Any OpenID or OAuth 2 provider, known by its URL alone. */
import { withIdentityScopes, type ProviderMatcher } from './provider-profile.ts';
import type { ProviderMetadata } from './provider-metadata.ts';

const offers = ({ server }: ProviderMetadata, scope: string) =>
  server.scopes_supported?.includes(scope) === true;

/** OpenID Connect Core §11: a refresh token is asked for by this scope, and needs `prompt=consent`. */
export const genericOfflineParameters = (metadata: ProviderMetadata): Readonly<Record<string, string>> =>
  offers(metadata, 'offline_access') ? { prompt: 'consent' } : {};

export function genericScopes(
  clientScopes: readonly string[],
  metadata: ProviderMetadata,
  wantsGroups = false,
): readonly string[] {
  return [
    ...withIdentityScopes(
      [
        ...(metadata.isOpenId ? ['openid', 'profile', 'email'] : []),
        // Okta, Dex and others: where it is listed, the claim comes only with it.
        ...(wantsGroups && offers(metadata, 'groups') ? ['groups'] : []),
      ],
      clientScopes,
    ),
    ...(offers(metadata, 'offline_access') ? ['offline_access'] : []),
  ];
}

export const generic: ProviderMatcher = ({ url, wantsGroups }) => ({
  displayName: url.host,
  metadata: { discoverFrom: url },
  scopes: (clientScopes, metadata) => genericScopes(clientScopes, metadata, wantsGroups),
  offlineParameters: genericOfflineParameters,
});
