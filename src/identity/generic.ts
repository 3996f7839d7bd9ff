/** Any OpenID or OAuth 2 provider, known by its URL alone. */
import { withIdentityScopes, type ProviderMatcher } from './provider-profile.ts';
import type { ProviderMetadata } from './provider-metadata.ts';

/** OpenID Connect Core §11: a refresh token is asked for by this scope, and needs `prompt=consent`. */
const offersOfflineAccess = ({ server }: ProviderMetadata) =>
  server.scopes_supported?.includes('offline_access') === true;

export const generic: ProviderMatcher = ({ url }) => ({
  displayName: url.host,
  metadata: { discoverFrom: url },
  scopes: (clientScopes, metadata) => [
    ...withIdentityScopes(metadata.isOpenId ? ['openid', 'profile', 'email'] : [], clientScopes),
    ...(offersOfflineAccess(metadata) ? ['offline_access'] : []),
  ],
  parameters: (metadata) => (offersOfflineAccess(metadata) ? { prompt: 'consent' } : {}),
});
