/** Microsoft Entra ID: one tenant or many behind one address, and claims that mean less than they seem to. */
import { z } from 'zod';
import { isSameIssuer } from './discovery-addresses.ts';
import { ProviderRefusedError, ProviderUnavailableError } from './identity-provider.ts';
import {
  openIdScopes,
  withIdentityScopes,
  type ProviderMatcher,
  type ProviderSettings,
  type SignedIn,
} from './provider-profile.ts';
import type { Claims } from './read-identity.ts';

/** National clouds are separate: each has its own Graph. */
const graphs = new Map([
  ['login.microsoftonline.com', 'https://graph.microsoft.com'],
  ['login.microsoftonline.us', 'https://graph.microsoft.us'],
  ['login.partner.microsoftonline.cn', 'https://microsoftgraph.chinacloudapi.cn'],
]);
/** Older names of the first one, also as the issuer of v1 tokens. */
const aliases = new Set(['sts.windows.net', 'login.windows.net', 'login.microsoft.com']);

const tenantId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Every personal account is in this one. */
const consumersTenant = '9188040d-6c67-4c5b-b112-36a304b66dad';

export const microsoft: ProviderMatcher = (settings) => {
  const { url, wantsGroups } = settings;
  const hostname = aliases.has(url.hostname) ? 'login.microsoftonline.com' : url.hostname;
  const graph = graphs.get(hostname);
  if (graph === undefined) return undefined;
  // Whatever comes behind it, v1 or v2, issuer or endpoint: v2 is what is used.
  const tenant = url.pathname.split('/')[1] || 'common';
  const origin = `https://${hostname}`;
  const isNamedTenant = !['common', 'organizations', 'consumers'].includes(tenant);
  const groupScope = `${graph}/User.Read`;
  const resourceScopes = (clientScopes: readonly string[]) => clientScopes.filter(isMicrosoftScope);
  return {
    displayName: 'Microsoft',
    isPublic: !isNamedTenant && settings.allowedTenants === undefined,
    metadata: {
      // `/{tenant}/oauth2/v2.0/authorize`, which the portal shows, belongs to the issuer `/{tenant}/v2.0`.
      discoverFrom: new URL(`${origin}/${tenant}/v2.0`),
      acceptsIssuer: (candidate, issuer) =>
        isSameIssuer(candidate, issuer) || (!tenantId.test(tenant) && isIssuerFor(tenant, issuer, origin)),
    },
    scopes: (clientScopes) =>
      withIdentityScopes(
        ['openid', 'profile', 'email', ...(wantsGroups === true ? [groupScope] : [])],
        resourceScopes(clientScopes),
      ).concat('offline_access'),
    knowsScope: (scope) => openIdScopes.has(scope) || isMicrosoftScope(scope),
    // No `prompt=consent`: where an administrator has consented for all, it would ask people who may not consent.
    accountPrompt: 'select_account',
    // Scopes of several resources may be consented to at once, but a token is for one (AADSTS28000, AADSTS28003).
    tokenParameters: (clientScopes) => {
      const asked = resourceScopes(clientScopes);
      const resources = new Set([...asked, ...(wantsGroups === true ? [groupScope] : [])].map(resourceOf));
      if (resources.size < 2) return {};
      const first = resourceOf(asked[0] ?? groupScope);
      const scopes = asked.filter((scope) => resourceOf(scope) === first);
      return { scope: ['openid', 'profile', 'email', 'offline_access', ...scopes].join(' ') };
    },
    organizationOf: ({ tid }) => (typeof tid === 'string' ? tid.toLowerCase() : undefined),
    refineClaims: async (signedIn) => {
      const person = readPerson(signedIn.claims, signedIn.signingKey, settings, isNamedTenant);
      return wantsGroups === true && hasOverage(signedIn.claims)
        ? { ...person, groups: await fetchGroups(signedIn, graph, groupScope) }
        : person;
    },
  };
};

/**
 * `{tenantid}` stands for the tenant of each token, at the addresses for many tenants alone. A tenant given by its
 * domain name, and `consumers`, have an issuer with an id.
 */
function isIssuerFor(tenant: string, issuer: string, origin: string): boolean {
  const isForMany = tenant === 'common' || tenant === 'organizations';
  if (isForMany) return issuer === `${origin}/{tenantid}/v2.0`;
  const [, id = '', ...rest] = issuer.startsWith(`${origin}/`) ? new URL(issuer).pathname.split('/') : [];
  if (tenant === 'consumers' && id !== consumersTenant) return false;
  return tenantId.test(id) && rest.join('/') === 'v2.0';
}

/** `Mail.Read` is one of Graph; those of other resources have the resource in front: `api://…/read`, `https://…/read`. */
const graphScope = /^[A-Z][A-Za-z0-9-]*(\.[A-Za-z0-9_-]+)+$/;
const qualifiedScope = /^(api:\/\/|https:\/\/|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\/).+/i;
const googleHost = /^https:\/\/([a-z0-9-]+\.)*(google|googleapis)\.com\//;

function isMicrosoftScope(scope: string): boolean {
  return graphScope.test(scope) || (qualifiedScope.test(scope) && !googleHost.test(scope));
}

/** What stands before the last part; Graph where nothing does. */
function resourceOf(scope: string): string {
  const slash = scope.lastIndexOf('/');
  const resource = slash === -1 ? '' : scope.slice(0, slash).toLowerCase();
  return [...graphs.values()].includes(resource) ? '' : resource;
}

/**
 * `tid` and `oid` are the person: `oid` is unique within its tenant, `sub` differs from app to app, and an address or a
 * name can change hands. `iss` was checked against the metadata, with `tid` in place of `{tenantid}`; the key must be
 * published for that issuer too, since personal accounts are signed with keys of their own.
 */
function readPerson(
  claims: Claims,
  signingKey: SignedIn['signingKey'],
  { allowedTenants }: ProviderSettings,
  isNamedTenant: boolean,
): Claims {
  const ids = z
    .object({ iss: z.string(), tid: z.string().regex(tenantId), oid: z.string().regex(tenantId) })
    .safeParse(claims).data;
  if (ids === undefined || new URL(ids.iss).pathname.split('/')[1] !== ids.tid) {
    throw new ProviderRefusedError('server_error', 'the ID token has no usable tid and oid');
  }
  const keyIssuer = signingKey === undefined ? '' : (signingKey.issuer ?? ids.iss);
  if (typeof keyIssuer !== 'string' || keyIssuer.replace('{tenantid}', ids.tid) !== ids.iss) {
    throw new ProviderRefusedError('server_error', 'the ID token is signed with a key of another issuer');
  }
  const tenant = ids.tid.toLowerCase();
  const isTrusted = isNamedTenant || allowedTenants?.includes(tenant) === true;
  return { ...claims, sub: `${tenant}.${ids.oid.toLowerCase()}`, ...readEmail(claims, tenant, isTrusted) };
}

/**
 * The administrator of a tenant can give an account any address. So one counts only from a tenant that the operator
 * named, or where Microsoft says that the tenant owns its domain (`xms_edov`); where it says the contrary, it is passed
 * on, but proves nothing. Personal accounts have no administrator.
 */
function readEmail({ email, xms_edov: isDomainOwned }: Claims, tenant: string, isTrusted: boolean): Claims {
  if (isDomainOwned === true || ['true', '1'].includes(String(isDomainOwned)))
    return { email_verified: true };
  if (tenant === consumersTenant) return { email, email_verified: undefined };
  if (!isTrusted) return { email: undefined };
  // A guest, for example, whose address belongs to a domain elsewhere.
  const isKnownToBeForeign = isDomainOwned === false || ['false', '0'].includes(String(isDomainOwned));
  return { email, email_verified: isKnownToBeForeign ? undefined : true };
}

/** More groups than a token has room for: instead of `groups` it says where they are. */
function hasOverage({ groups, hasgroups, _claim_names: names }: Claims): boolean {
  const isNamed = typeof names === 'object' && names !== null && 'groups' in names;
  return groups === undefined && (isNamed || hasgroups === true || hasgroups === 'true');
}

const memberObjectsSchema = z.object({ value: z.array(z.string()) });

/** The address in the token is of an API that has been switched off; Graph has taken its place. */
async function fetchGroups({ callApi }: SignedIn, graph: string, scope: string): Promise<readonly string[]> {
  const call = await callApi(scope);
  const { status, json } = await call(`${graph}/v1.0/me/getMemberObjects`, {
    method: 'POST',
    json: { securityEnabledOnly: false },
  });
  const parsed = memberObjectsSchema.safeParse(json);
  if (parsed.success && status === 200) return parsed.data.value;
  const reason = `Microsoft Graph answered ${status} to the question about groups`;
  throw status >= 400 && status < 500
    ? new ProviderRefusedError('server_error', reason)
    : new ProviderUnavailableError(reason);
}
