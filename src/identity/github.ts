/** GitHub, github.com and Enterprise alike: plain OAuth 2, with the person behind its own API. */
import { z } from 'zod';
import { genericOfflineParameters, genericScopes } from './generic.ts';
import { ProviderRefusedError } from './identity-provider.ts';
import type { ProviderMetadata } from './provider-metadata.ts';
import {
  withIdentityScopes,
  type CallApi,
  type ProviderMatcher,
  type ProviderProfile,
} from './provider-profile.ts';
import type { Claims } from './read-identity.ts';

const authorizationPath = '/login/oauth/authorize';

/**
 * By its own variables, by host, or by the authorization endpoint of an Enterprise Server. Gitea and its kin have the
 * same one, but publish OpenID metadata, which then counts.
 */
export const github: ProviderMatcher = ({ id, url, wantsGroups }) => {
  const isGitHub = id === 'github' || url.hostname === 'github.com' || url.hostname.endsWith('.ghe.com');
  const isLookalike = url.pathname.replace(/\/$/, '') === authorizationPath;
  if (!isGitHub && !isLookalike) return undefined;
  const profile = profileOf(url.origin, wantsGroups === true);
  return isGitHub
    ? { ...profile, knowsScope: isGitHubScope }
    : {
        ...profile,
        displayName: url.host,
        metadata: { discoverFrom: url, otherwise: metadataOf(url.origin) },
        scopes: (clientScopes, metadata) =>
          metadata.isOpenId
            ? genericScopes(clientScopes, metadata, wantsGroups)
            : profile.scopes(clientScopes, metadata),
        offlineParameters: genericOfflineParameters,
      };
};

function profileOf(origin: string, wantsGroups: boolean): ProviderProfile {
  const identityScopes = ['read:user', 'user:email', ...(wantsGroups ? ['read:org'] : [])];
  const api = apiOf(origin);
  return {
    displayName: 'GitHub',
    isPublic: new URL(origin).hostname === 'github.com',
    accountPrompt: 'select_account',
    metadata: metadataOf(origin),
    // OpenID scopes mean nothing to GitHub.
    scopes: (clientScopes) => withIdentityScopes(identityScopes, clientScopes.filter(isGitHubScope)),
    grantOverCodes: ['bad_refresh_token'],
    tokenCheckUrl: `${api}/user`,
    tokenApi: (clientId) => `${api}/applications/${clientId}/token`,
    fetchClaims: async (callApi) => ({
      ...(await fetchPerson(callApi, api)),
      ...(wantsGroups && { groups: await fetchGroups(callApi, api) }),
    }),
  };
}

function metadataOf(origin: string): ProviderMetadata {
  return {
    server: {
      // Sent as `iss` with its authorization responses (RFC 9207) since April 2026.
      issuer: `${origin}/login/oauth`,
      authorization_endpoint: origin + authorizationPath,
      token_endpoint: `${origin}/login/oauth/access_token`,
    },
    isOpenId: false,
    source: 'known',
  };
}

/** github.com and GHE.com have a host of their own for it, an Enterprise Server has a path. */
function apiOf(origin: string): string {
  const { protocol, hostname, host } = new URL(origin);
  const hasOwnHost = hostname === 'github.com' || hostname.endsWith('.ghe.com');
  return hasOwnHost ? `${protocol}//api.${host}` : `${origin}/api/v3`;
}

/**
 * https://docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps (November 2026), and those of
 * enterprises.
 */
const gitHubScopes = new Set(
  [
    'repo repo:status repo_deployment public_repo repo:invite security_events delete_repo workflow project read:project',
    'admin:repo_hook write:repo_hook read:repo_hook admin:org write:org read:org admin:org_hook',
    'admin:public_key write:public_key read:public_key admin:gpg_key write:gpg_key read:gpg_key',
    'admin:ssh_signing_key write:ssh_signing_key read:ssh_signing_key gist notifications',
    'user read:user user:email user:follow write:discussion read:discussion',
    'write:packages read:packages delete:packages codespace codespace:secrets copilot manage_billing:copilot',
    'read:audit_log admin:enterprise read:enterprise manage_runners:enterprise manage_billing:enterprise',
    'scim:enterprise read:network_configurations write:network_configurations',
  ].flatMap((line) => line.split(' ')),
);

const isGitHubScope = (scope: string) => gitHubScopes.has(scope);

const userSchema = z.object({ id: z.number(), login: z.string(), name: z.string().nullish() });
const emailsSchema = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));

/**
 * The numeric id is the person: a login can be renamed and taken by someone else. The e-mail is the primary one, if
 * it is verified and the person lets us see it.
 */
async function fetchPerson(callApi: CallApi, api: string): Promise<Claims> {
  const user = userSchema.safeParse(readAnswer(await callApi(`${api}/user`)));
  if (!user.success) throw new ProviderRefusedError('server_error', 'GitHub did not say who the person is');
  const emails = emailsSchema.safeParse(readAnswer(await callApi(`${api}/user/emails`)));
  const email = emails.data?.find(({ primary, verified }) => primary && verified)?.email;
  const { id, login, name } = user.data;
  return { id, login, name, email, email_verified: true };
}

const organizationsSchema = z.array(z.object({ login: z.string() }));
const teamsSchema = z.array(z.object({ slug: z.string(), organization: z.object({ login: z.string() }) }));

/** Organizations as `org`, teams as `org/team`, in lower case: GitHub tells no names apart by case. */
async function fetchGroups(callApi: CallApi, api: string): Promise<readonly string[]> {
  const organizations = await fetchPages(callApi, `${api}/user/orgs`, organizationsSchema);
  const teams = await fetchPages(callApi, `${api}/user/teams`, teamsSchema);
  return [
    ...organizations.map(({ login }) => login.toLowerCase()),
    ...teams.map(({ slug, organization }) => `${organization.login}/${slug}`.toLowerCase()),
  ];
}

const pageSize = 100;
const maxPages = 10;

/** What is refused to us counts as nothing: a group that cannot be seen opens no door. */
async function fetchPages<T>(
  callApi: CallApi,
  url: string,
  schema: z.ZodType<readonly T[]>,
): Promise<readonly T[]> {
  const found: T[] = [];
  for (let page = 1; page <= maxPages; page += 1) {
    const answer = await callApi(`${url}?per_page=${pageSize}&page=${page}`);
    const items = schema.safeParse(readAnswer(answer)).data ?? [];
    found.push(...items);
    if (items.length < pageSize) break;
  }
  return found;
}

const readAnswer = ({ status, json }: Awaited<ReturnType<CallApi>>) => (status === 200 ? json : undefined);
