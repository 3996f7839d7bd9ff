/** Google: an OpenID provider with a way of its own to ask for a refresh token. */
import { openIdScopes, withIdentityScopes, type ProviderMatcher } from './provider-profile.ts';

/** All of Google's scopes but those of OpenID are such addresses. */
const googleScope = /^https:\/\/([a-z0-9-]+\.)*(google|googleapis)\.com\//;

const knowsScope = (scope: string) => openIdScopes.has(scope) || googleScope.test(scope);

export const google: ProviderMatcher = ({ id, url, hostedDomains }) =>
  id === 'google' || url.hostname === 'accounts.google.com'
    ? {
        displayName: 'Google',
        isPublic: hostedDomains === undefined,
        metadata: { discoverFrom: new URL('https://accounts.google.com') },
        // There is no `offline_access` at Google: the request would fail with invalid_scope, as with any unknown scope.
        scopes: (clientScopes) =>
          withIdentityScopes(['openid', 'profile', 'email'], clientScopes.filter(knowsScope)).filter(
            (scope) => !['address', 'phone'].includes(scope),
          ),
        knowsScope,
        // A refresh token comes with `access_type=offline`, and after the first time only with `prompt=consent`. Who
        // signs in is not known before they have, so neither is whether we hold a refresh token of theirs already.
        offlineParameters: () => ({ access_type: 'offline', prompt: 'consent' }),
        parameters: () => ({
          // A hint only, which the person can change: the claim is what counts.
          ...(hostedDomains?.length === 1 && { hd: hostedDomains[0] ?? '' }),
          ...(hostedDomains !== undefined && hostedDomains.length > 1 && { hd: '*' }),
        }),
        accountPrompt: 'select_account',
        // The claim, not the part after the @: an address of a domain can be registered by anyone who reads its mail.
        organizationOf: ({ hd }) => (typeof hd === 'string' ? hd.toLowerCase() : undefined),
      }
    : undefined;
