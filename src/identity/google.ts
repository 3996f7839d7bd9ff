/** Google: an OpenID provider with a way of its own to ask for a refresh token. */
import { withIdentityScopes, type ProviderMatcher } from './provider-profile.ts';

export const google: ProviderMatcher = ({ id, url }) =>
  id === 'google' || url.hostname === 'accounts.google.com'
    ? {
        displayName: 'Google',
        metadata: { discoverFrom: new URL('https://accounts.google.com') },
        // There is no `offline_access` at Google: the request would fail with invalid_scope.
        scopes: (clientScopes) => withIdentityScopes(['openid', 'profile', 'email'], clientScopes),
        // A refresh token comes with `access_type=offline`, and after the first time only with `prompt=consent`.
        parameters: () => ({ access_type: 'offline', prompt: 'consent' }),
      }
    : undefined;
