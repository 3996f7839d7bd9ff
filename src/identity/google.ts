/** Google: an OpenID provider with a way of its own to ask for a refresh token. */
import { ProviderRefusedError } from './identity-provider.ts';
import { openIdScopes, withIdentityScopes, type ProviderMatcher } from './provider-profile.ts';

/** All of Google's scopes but those of OpenID are such addresses. */
const googleScope = /^https:\/\/([a-z0-9-]+\.)*(google|googleapis)\.com\//;

const knowsScope = (scope: string) => openIdScopes.has(scope) || googleScope.test(scope);

export const google: ProviderMatcher = ({ id, url, hostedDomains }) =>
  id === 'google' || url.hostname === 'accounts.google.com'
    ? {
        displayName: 'Google',
        metadata: { discoverFrom: new URL('https://accounts.google.com') },
        // There is no `offline_access` at Google: the request would fail with invalid_scope, as with any unknown scope.
        scopes: (clientScopes) =>
          withIdentityScopes(['openid', 'profile', 'email'], clientScopes.filter(knowsScope)).filter(
            (scope) => !['address', 'phone'].includes(scope),
          ),
        knowsScope,
        // A refresh token comes with `access_type=offline`, and after the first time only with `prompt=consent`. Who
        // signs in is not known before they have, so neither is whether we hold a refresh token of theirs already.
        parameters: () => ({
          access_type: 'offline',
          prompt: 'consent',
          // A hint only, which the person can change: `refineClaims` is what counts.
          ...(hostedDomains?.length === 1 && { hd: hostedDomains[0] ?? '' }),
          ...(hostedDomains !== undefined && hostedDomains.length > 1 && { hd: '*' }),
        }),
        // The claim, not the part after the @: an address of a domain can be registered by anyone who reads its mail.
        refineClaims: async ({ claims }) => {
          const domain = typeof claims.hd === 'string' ? claims.hd.toLowerCase() : undefined;
          if (hostedDomains !== undefined && (domain === undefined || !hostedDomains.includes(domain))) {
            throw new ProviderRefusedError(
              'access_denied',
              'the account is of no hosted domain that may sign in',
            );
          }
          return claims;
        },
      }
    : undefined;
