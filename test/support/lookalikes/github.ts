/**
 * GitHub as its documentation describes it in November 2026: https://docs.github.com/apps/oauth-apps, for OAuth apps and
 * for GitHub Apps whose user tokens expire, at github.com and on an Enterprise Server.
 */
import { createCodes, isVerifierOf, random } from './issued-codes.ts';
import { type Host, type HostAnswer, type HostRequest, pageOf, redirectTo } from './public-hosts.ts';

export interface GitHubAccount {
  readonly id: number;
  readonly login: string;
  readonly name: string | null;
  readonly emails: readonly { email: string; primary: boolean; verified: boolean }[];
  readonly organizations?: readonly string[];
  /** As `org/team`. */
  readonly teams?: readonly string[];
}

export function createGitHub(app: {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The callback URL; addresses below it are accepted too. */
  readonly callbackUrl: string;
  readonly account: GitHubAccount;
  /** Default: github.com */
  readonly origin?: string;
  /** A GitHub App: its tokens expire, and it has permissions instead of scopes. */
  readonly isGitHubApp?: boolean;
}) {
  const origin = app.origin ?? 'https://github.com';
  const isEnterpriseServer = origin !== 'https://github.com';
  const codes = createCodes<{ readonly account: GitHubAccount }>(() => random(15));
  const tokens = new Map<string, { readonly account: GitHubAccount; readonly scopes: readonly string[] }>();
  const refreshTokens = new Map<string, GitHubAccount>();
  const state = { account: app.account, denies: false, isApiAway: false };

  const authorize = ({ parameters }: HostRequest): HostAnswer => {
    if (parameters.get('client_id') !== app.clientId) return pageOf(404, 'Not Found');
    const redirectUri = parameters.get('redirect_uri') ?? app.callbackUrl;
    const clientState = parameters.get('state') ?? undefined;
    if (redirectUri !== app.callbackUrl && !redirectUri.startsWith(`${app.callbackUrl}/`)) {
      return redirectTo(app.callbackUrl, {
        error: 'redirect_uri_mismatch',
        error_description: 'The redirect_uri MUST match the registered callback URL for this application.',
        state: clientState,
      });
    }
    const iss = isEnterpriseServer ? undefined : `${origin}/login/oauth`;
    if (state.denies) {
      return redirectTo(redirectUri, {
        error: 'access_denied',
        error_description: 'The user has denied your application access.',
        state: clientState,
        iss,
      });
    }
    const code = codes.issue({
      redirectUri,
      // Scopes that do not exist are not granted; nobody is told.
      scopes: (parameters.get('scope') ?? '')
        .split(' ')
        .filter((scope) => /^[a-z_]+(:[a-z_]+)?$/.test(scope)),
      codeChallenge:
        parameters.get('code_challenge_method') === 'S256' ? parameters.get('code_challenge') : null,
      nonce: null,
      account: state.account,
    });
    return redirectTo(redirectUri, { code, state: clientState, iss });
  };

  /** Errors come with 200, and everything as a form unless JSON is asked for. */
  const token = ({ method, headers, parameters }: HostRequest): HostAnswer => {
    if (method !== 'POST') return { status: 404 };
    const reply = (body: Readonly<Record<string, string | number>>): HostAnswer =>
      headers.accept?.includes('application/json') === true && !isEnterpriseServer
        ? { body }
        : {
            headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
            body: new URLSearchParams(
              Object.entries(body).map(([name, value]): [string, string] => [name, String(value)]),
            ).toString(),
          };
    if (
      parameters.get('client_id') !== app.clientId ||
      parameters.get('client_secret') !== app.clientSecret
    ) {
      return reply(
        refusal('incorrect_client_credentials', 'The client_id and/or client_secret passed are incorrect.'),
      );
    }
    if (parameters.get('grant_type') === 'refresh_token') {
      const presented = parameters.get('refresh_token') ?? '';
      const account = refreshTokens.get(presented);
      refreshTokens.delete(presented);
      if (account === undefined) {
        return reply(refusal('bad_refresh_token', 'The refresh token passed is incorrect or expired.'));
      }
      return reply(issue(account, []));
    }
    const request = codes.take(parameters.get('code'));
    if (request === undefined || !isVerifierOf(request, parameters.get('code_verifier'))) {
      return reply(refusal('bad_verification_code', 'The code passed is incorrect or expired.'));
    }
    if (request.redirectUri !== (parameters.get('redirect_uri') ?? request.redirectUri)) {
      return reply(
        refusal('redirect_uri_mismatch', 'The redirect_uri MUST match the registered callback URL.'),
      );
    }
    return reply(issue(request.account, request.scopes));
  };

  const issue = (account: GitHubAccount, scopes: readonly string[]) => {
    const isApp = app.isGitHubApp === true;
    const accessToken = `${isApp ? 'ghu_' : 'gho_'}${random(27)}`;
    tokens.set(accessToken, { account, scopes: isApp ? ['user:email', 'read:org'] : scopes });
    if (!isApp) return { access_token: accessToken, scope: scopes.join(','), token_type: 'bearer' };
    const refreshToken = `ghr_${random(57)}`;
    refreshTokens.set(refreshToken, account);
    return {
      access_token: accessToken,
      expires_in: 28_800,
      refresh_token: refreshToken,
      refresh_token_expires_in: 15_897_600,
      scope: '',
      token_type: 'bearer',
    };
  };

  const api = (path: string, { headers, parameters }: HostRequest): HostAnswer => {
    if (headers['user-agent'] === undefined)
      return { status: 403, body: 'Request forbidden by administrative rules.' };
    if (state.isApiAway) return { status: 503, body: 'Unicorn!' };
    const known = tokens.get(headers.authorization?.replace(/^(bearer|token) /i, '') ?? '');
    if (known === undefined) return { status: 401, body: { message: 'Bad credentials' } };
    const { account, scopes } = known;
    const has = (...wanted: string[]) => wanted.some((scope) => scopes.includes(scope));
    const pageOfItems = (items: readonly unknown[]): HostAnswer => {
      const size = Math.min(Number(parameters.get('per_page') ?? 30), 100);
      const start = (Number(parameters.get('page') ?? 1) - 1) * size;
      return { body: items.slice(start, start + size) };
    };
    switch (path) {
      case '/user':
        return {
          body: { login: account.login, id: account.id, name: account.name, email: 'public@example.com' },
        };
      case '/user/emails':
        return has('user', 'user:email')
          ? { body: account.emails }
          : { status: 404, body: { message: 'Not Found' } };
      case '/user/orgs':
        return has('user', 'read:org', 'admin:org')
          ? pageOfItems((account.organizations ?? []).map((login) => ({ login, id: 1 })))
          : { status: 403, body: { message: 'You need at least read:org scope' } };
      case '/user/teams':
        return has('user', 'read:org', 'admin:org')
          ? pageOfItems(
              (account.teams ?? []).map((team) => {
                const [login, slug] = team.split('/');
                return { slug, organization: { login } };
              }),
            )
          : { status: 403, body: { message: 'You need at least read:org scope' } };
      default:
        return { status: 404, body: { message: 'Not Found' } };
    }
  };

  const web: Host = (request) => {
    const { pathname } = request.url;
    if (pathname === '/login/oauth/authorize') return authorize(request);
    if (pathname === '/login/oauth/access_token') return token(request);
    if (isEnterpriseServer && pathname.startsWith('/api/v3/'))
      return api(pathname.slice('/api/v3'.length), request);
    // An Enterprise Server in private mode shows strangers its sign-in page, whatever they ask for.
    return isEnterpriseServer
      ? { status: 302, headers: { location: `/login?return_to=${encodeURIComponent(pathname)}` } }
      : { status: 404 };
  };
  const hosts: Readonly<Record<string, Host>> = isEnterpriseServer
    ? { [origin]: (request) => (request.url.pathname === '/login' ? pageOf(200, 'Sign in') : web(request)) }
    : { [origin]: web, 'https://api.github.com': (request) => api(request.url.pathname, request) };
  return {
    hosts,
    signInAs: (account: GitHubAccount) => {
      state.account = account;
    },
    deny: () => {
      state.denies = true;
    },
    setApiAway: (isAway: boolean) => {
      state.isApiAway = isAway;
    },
    /** The person revokes the app in their settings. */
    removeAccess: () => {
      tokens.clear();
      refreshTokens.clear();
    },
  };
}

const refusal = (error: string, description: string) => ({
  error,
  error_description: description,
  error_uri:
    'https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors',
});
