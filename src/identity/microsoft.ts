/** Microsoft Entra ID: an OpenID provider whose authorization endpoint does not lie below its issuer. */
import { isSameIssuer } from './discovery-addresses.ts';
import { withIdentityScopes, type ProviderMatcher } from './provider-profile.ts';

const hosts = new Set([
  'login.microsoftonline.com',
  'login.microsoftonline.us',
  'login.partner.microsoftonline.cn',
]);
const tenantId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const microsoft: ProviderMatcher = ({ url }) => {
  const [, tenant = ''] = url.pathname.split('/');
  if (!hosts.has(url.hostname) || tenant === '') return undefined;
  return {
    displayName: 'Microsoft',
    metadata: {
      // `/{tenant}/oauth2/v2.0/authorize`, which the portal shows, belongs to the issuer `/{tenant}/v2.0`.
      discoverFrom: new URL(`/${tenant}/v2.0`, url),
      acceptsIssuer: (candidate, issuer) =>
        isSameIssuer(candidate, issuer) || (!tenantId.test(tenant) && isIssuerOfSomeTenant(issuer, url)),
    },
    scopes: (clientScopes) =>
      withIdentityScopes(['openid', 'profile', 'email'], clientScopes).concat('offline_access'),
    // No `prompt=consent`: where an administrator has consented for all, it would ask people who may not consent.
    parameters: () => ({}),
  };
};

/** A tenant given by its domain name has an issuer with its id (never the `{tenantid}` template of `common`). */
function isIssuerOfSomeTenant(issuer: string, url: URL): boolean {
  const [, tenant = '', ...rest] = issuer.startsWith(`${url.origin}/`)
    ? new URL(issuer).pathname.split('/')
    : [];
  return tenantId.test(tenant) && rest.join('/') === 'v2.0';
}
