/**
 * Microsoft Entra ID as its documentation describes it in November 2026:
 * https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow, its table of AADSTS codes, and Graph.
 */
import { createCodes, createSigner, isVerifierOf, inSeconds, random } from './issued-codes.ts';
import { type Host, type HostAnswer, type HostRequest, pageOf, redirectTo } from './public-hosts.ts';

export interface MicrosoftAccount {
  readonly tid: string;
  readonly oid: string;
  readonly name: string;
  readonly preferred_username: string;
  /** Whatever an administrator wrote there. */
  readonly email?: string;
  /** The optional claim that says that the tenant owns the domain of `email`. */
  readonly xms_edov?: boolean | string;
  readonly groups?: readonly string[];
}

const login = 'https://login.microsoftonline.com';
const graph = 'https://graph.microsoft.com';
export const personalTenant = '9188040d-6c67-4c5b-b112-36a304b66dad';
const openIdScopes = new Set(['openid', 'profile', 'email', 'offline_access']);

/** A token has room for so many groups (200 in reality); beyond, it says where they are. */
const maxGroupsInToken = 3;

export async function createMicrosoft(app: {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUris: readonly string[];
  readonly account: MicrosoftAccount;
  readonly clock?: () => Date;
  /** Domains of tenants, for addresses that name one so. */
  readonly domains?: Readonly<Record<string, string>>;
  /** Resources that exist besides Graph, as they stand before a scope: `api://notes`. */
  readonly resources?: readonly string[];
}) {
  const workKey = await createSigner({ issuer: `${login}/{tenantid}/v2.0` });
  const personalKey = await createSigner({ issuer: `${login}/${personalTenant}/v2.0` });
  const keys = { work: workKey, personal: personalKey };
  const codes = createCodes<{ readonly account: MicrosoftAccount; readonly tenant: string }>(
    () => `1.A${random(60)}`,
  );
  const refreshTokens = new Map<
    string,
    { readonly account: MicrosoftAccount; readonly scopes: readonly string[] }
  >();
  /** What an access token may do: the scopes of one resource. */
  const accessTokens = new Map<
    string,
    { readonly account: MicrosoftAccount; readonly scopes: readonly string[] }
  >();
  const state = { account: app.account, signsWith: undefined as 'work' | 'personal' | undefined };

  const tenantIdOf = (tenant: string): string | undefined =>
    /^[0-9a-f-]{36}$/.test(tenant) ? tenant : app.domains?.[tenant];
  const issuerAt = (tenant: string): string => {
    if (tenant === 'common' || tenant === 'organizations') return `${login}/{tenantid}/v2.0`;
    return `${login}/${tenant === 'consumers' ? personalTenant : tenantIdOf(tenant)}/v2.0`;
  };
  const admits = (tenant: string, { tid }: MicrosoftAccount): boolean => {
    if (tenant === 'common') return true;
    if (tenant === 'organizations') return tid !== personalTenant;
    return tid === (tenant === 'consumers' ? personalTenant : tenantIdOf(tenant));
  };
  const resourceOf = (scope: string): string | undefined => {
    if (/^[A-Z][A-Za-z]*(\.[A-Za-z]+)+$/.test(scope)) return graph;
    const resource = scope.slice(0, scope.lastIndexOf('/'));
    return [graph, ...(app.resources ?? [])].includes(resource) ? resource : undefined;
  };
  const resourcesOf = (scopes: readonly string[]): readonly string[] => [
    ...new Set(scopes.filter((scope) => !openIdScopes.has(scope)).map((scope) => resourceOf(scope) ?? '')),
  ];

  const authorize = (tenant: string, { parameters }: HostRequest): HostAnswer => {
    const asked = Object.fromEntries(parameters);
    if (asked.client_id !== app.clientId) {
      return pageOf(400, 'AADSTS700016: Application was not found in the directory.');
    }
    const redirectUri = asked.redirect_uri ?? '';
    if (!app.redirectUris.includes(redirectUri)) {
      return pageOf(400, 'AADSTS50011: The redirect URI specified in the request does not match.');
    }
    const refuse = (error: string, description: string): HostAnswer =>
      redirectTo(redirectUri, { error, error_description: description, state: asked.state });
    if (asked.resource !== undefined) {
      return refuse(
        'invalid_request',
        'AADSTS9010010: The resource parameter provided in the request does not match with the requested scopes.',
      );
    }
    const scopes = (asked.scope ?? '').split(' ').filter(Boolean);
    if (scopes.length === 0) {
      return refuse(
        'invalid_request',
        "AADSTS900144: The request body must contain the following parameter: 'scope'.",
      );
    }
    if (asked.response_type !== 'code') return refuse('unsupported_response_type', 'AADSTS700054');
    const unknown = scopes.find((scope) => !openIdScopes.has(scope) && resourceOf(scope) === undefined);
    if (unknown !== undefined) {
      return refuse(
        'invalid_scope',
        `AADSTS70011: The provided value for the input parameter 'scope' is not valid. The scope ${unknown} is not valid.`,
      );
    }
    if (!admits(tenant, state.account)) {
      return pageOf(400, 'AADSTS50020: User account from identity provider does not exist in tenant.');
    }
    const code = codes.issue({
      redirectUri,
      scopes,
      codeChallenge: asked.code_challenge ?? null,
      nonce: asked.nonce ?? null,
      account: state.account,
      tenant,
    });
    return redirectTo(redirectUri, { code, state: asked.state, session_state: random() });
  };

  const token = async ({ method, parameters }: HostRequest): Promise<HostAnswer> => {
    if (method !== 'POST') return refusal(405, 'invalid_request', 900561);
    if (parameters.has('resource')) return refusal(400, 'invalid_target', 9010010);
    if (parameters.get('client_id') !== app.clientId) return refusal(400, 'unauthorized_client', 700016);
    if (parameters.get('client_secret') !== app.clientSecret) return refusal(401, 'invalid_client', 7000215);
    const asked = parameters.get('scope')?.split(' ').filter(Boolean);
    if (parameters.get('grant_type') === 'refresh_token') {
      const known = refreshTokens.get(parameters.get('refresh_token') ?? '');
      if (known === undefined) return refusal(400, 'invalid_grant', 700082);
      // A refresh token is for every resource that was consented to.
      return { body: issue(known.account, asked ?? known.scopes, known.scopes) };
    }
    const request = codes.take(parameters.get('code'));
    if (request === undefined) return refusal(400, 'invalid_grant', 54005);
    if (request.redirectUri !== parameters.get('redirect_uri')) return refusal(400, 'invalid_client', 500112);
    if (!isVerifierOf(request, parameters.get('code_verifier'))) return refusal(400, 'invalid_grant', 501481);
    const scopes = asked ?? request.scopes;
    if (resourcesOf(scopes).length > 1)
      return refusal(400, 'invalid_scope', asked === undefined ? 28003 : 28000);
    const idToken = await signIdToken(request.account, request.scopes, request.nonce);
    return { body: { ...issue(request.account, scopes, request.scopes), id_token: idToken } };
  };

  const issue = (account: MicrosoftAccount, scopes: readonly string[], consented: readonly string[]) => {
    const accessToken = `eyJ0eXAiOiJKV1QiLCJub25jZSI6${random(90)}`;
    accessTokens.set(accessToken, { account, scopes });
    const refreshToken = consented.includes('offline_access') ? `1.AR${random(90)}` : undefined;
    if (refreshToken !== undefined) refreshTokens.set(refreshToken, { account, scopes: consented });
    return {
      token_type: 'Bearer',
      scope: scopes.filter((scope) => scope !== 'offline_access').join(' '),
      expires_in: 4823,
      ext_expires_in: 4823,
      access_token: accessToken,
      refresh_token: refreshToken,
    };
  };

  const signIdToken = async (account: MicrosoftAccount, scopes: readonly string[], nonce: string | null) => {
    const { tid, oid, name, preferred_username, email, xms_edov, groups } = account;
    const now = inSeconds(app.clock?.() ?? new Date());
    const isPersonal = tid === personalTenant;
    const hasOverage = groups !== undefined && groups.length > maxGroupsInToken;
    return keys[state.signsWith ?? (isPersonal ? 'personal' : 'work')].sign({
      ver: '2.0',
      iss: `${login}/${tid}/v2.0`,
      aud: app.clientId,
      // Pairwise: another app sees another one.
      sub: `pairwise-${oid.slice(0, 8)}-${app.clientId}`,
      iat: now,
      nbf: now,
      exp: now + 3600,
      ...(nonce !== null && { nonce }),
      tid,
      ...(scopes.includes('profile') && { oid, name, preferred_username }),
      ...(scopes.includes('email') && email !== undefined && { email }),
      ...(xms_edov !== undefined && { xms_edov }),
      ...(groups !== undefined && !hasOverage && { groups: [...groups] }),
      ...(hasOverage && {
        _claim_names: { groups: 'src1' },
        _claim_sources: {
          src1: { endpoint: `https://graph.windows.net/${tid}/users/${oid}/getMemberObjects` },
        },
      }),
    });
  };

  const loginHost: Host = async (request) => {
    const [, tenant = '', ...rest] = request.url.pathname.split('/');
    const isKnown =
      ['common', 'organizations', 'consumers'].includes(tenant) || tenantIdOf(tenant) !== undefined;
    if (!isKnown) return refusal(400, 'invalid_tenant', 90002);
    const at = (path: string) => `${login}/${tenant}/${path}`;
    switch (rest.join('/')) {
      case 'v2.0/.well-known/openid-configuration':
        return {
          body: {
            token_endpoint: at('oauth2/v2.0/token'),
            token_endpoint_auth_methods_supported: [
              'client_secret_post',
              'private_key_jwt',
              'client_secret_basic',
            ],
            jwks_uri: at('discovery/v2.0/keys'),
            response_modes_supported: ['query', 'fragment', 'form_post'],
            subject_types_supported: ['pairwise'],
            id_token_signing_alg_values_supported: ['RS256'],
            response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
            scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
            issuer: issuerAt(tenant),
            request_uri_parameter_supported: false,
            userinfo_endpoint: `${graph}/oidc/userinfo`,
            authorization_endpoint: at('oauth2/v2.0/authorize'),
            end_session_endpoint: at('oauth2/v2.0/logout'),
            cloud_instance_name: 'microsoftonline.com',
            msgraph_host: 'graph.microsoft.com',
          },
        };
      // Version 1 is there as well, and would issue other tokens.
      case '.well-known/openid-configuration':
        return {
          body: {
            issuer: `https://sts.windows.net/${tenantIdOf(tenant) ?? '{tenantid}'}/`,
            authorization_endpoint: at('oauth2/authorize'),
            token_endpoint: at('oauth2/token'),
            jwks_uri: at('discovery/keys'),
            id_token_signing_alg_values_supported: ['RS256'],
          },
        };
      case 'discovery/v2.0/keys':
        return { body: { keys: [workKey.publicJwk, personalKey.publicJwk] } };
      case 'oauth2/v2.0/authorize':
        return authorize(tenant, request);
      case 'oauth2/v2.0/token':
        return token(request);
      default:
        return { status: 404 };
    }
  };

  const graphHost: Host = ({ method, url, headers, body }) => {
    const known = accessTokens.get(headers.authorization?.replace(/^Bearer /, '') ?? '');
    const isForGraph =
      known !== undefined && resourcesOf(known.scopes).every((resource) => resource === graph);
    if (known === undefined || !isForGraph) {
      return {
        status: 401,
        body: {
          error: {
            code: 'InvalidAuthenticationToken',
            message: 'Access token validation failure. Invalid audience.',
          },
        },
      };
    }
    const { account, scopes } = known;
    if (url.pathname === '/oidc/userinfo') {
      return {
        body: {
          sub: `pairwise-${account.oid.slice(0, 8)}-${app.clientId}`,
          name: account.name,
          picture: 'https://x',
        },
      };
    }
    if (url.pathname === '/v1.0/me/getMemberObjects' && method === 'POST') {
      if (!scopes.some((scope) => scope.endsWith('User.Read'))) {
        return {
          status: 403,
          body: { error: { code: 'Authorization_RequestDenied', message: 'Insufficient privileges' } },
        };
      }
      const asked = JSON.parse(body) as { securityEnabledOnly?: unknown };
      if (typeof asked.securityEnabledOnly !== 'boolean')
        return { status: 400, body: { error: { code: 'Request_BadRequest' } } };
      return { body: { value: account.groups ?? [] } };
    }
    return { status: 404, body: { error: { code: 'ResourceNotFound' } } };
  };

  const hosts: Readonly<Record<string, Host>> = { [login]: loginHost, [graph]: graphHost };
  return {
    hosts,
    signInAs: (account: MicrosoftAccount) => {
      state.account = account;
    },
    /** Signs from now on with the key of work or of personal accounts, whoever it is. */
    signWith: (key: 'work' | 'personal') => {
      state.signsWith = key;
    },
    /** Sign-in is revoked: refresh tokens are over. */
    revokeSessions: () => refreshTokens.clear(),
  };
}

const refusal = (status: number, error: string, code: number): HostAnswer => ({
  status,
  body: {
    error,
    error_description: `AADSTS${code}: a sentence about it. Trace ID: 0000aaaa-11bb-cccc-dd22-eeeeee333333 Correlation ID: aaaa0000-bb11-2222-33cc-444444dddddd`,
    error_codes: [code],
    timestamp: '2026-11-25 17:00:00Z',
    trace_id: '0000aaaa-11bb-cccc-dd22-eeeeee333333',
    correlation_id: 'aaaa0000-bb11-2222-33cc-444444dddddd',
  },
});
