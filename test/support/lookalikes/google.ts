/**
 * Google as its documentation describes it in November 2026: https://developers.google.com/identity/openid-connect and
 * https://developers.google.com/identity/protocols/oauth2/web-server. Mistakes of the app end on a page of Google's.
 */
import { createCodes, createSigner, isVerifierOf, inSeconds, random } from './issued-codes.ts';
import { type Host, type HostAnswer, type HostRequest, pageOf, redirectTo } from './public-hosts.ts';

export interface GoogleAccount {
  readonly sub: string;
  readonly email: string;
  readonly name: string;
  readonly email_verified?: boolean;
  /** Google Workspace accounts only. */
  readonly hd?: string;
}

const issuer = 'https://accounts.google.com';
const shortScopes = new Map([
  ['openid', 'openid'],
  ['email', 'https://www.googleapis.com/auth/userinfo.email'],
  ['profile', 'https://www.googleapis.com/auth/userinfo.profile'],
]);
const knownParameters = new Set(
  'client_id redirect_uri response_type scope state nonce code_challenge code_challenge_method access_type prompt hd login_hint include_granted_scopes'.split(
    ' ',
  ),
);

export async function createGoogle(app: {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUris: readonly string[];
  readonly account: GoogleAccount;
  readonly clock?: () => Date;
}) {
  const signer = await createSigner();
  const codes = createCodes<{ readonly account: GoogleAccount; readonly getsRefreshToken: boolean }>(
    () => `4/0${random(45)}`,
  );
  const refreshTokens = new Map<string, { readonly scopes: readonly string[] }>();
  /** Whose the access token of a sign-in is: `Bearer …` to the person. */
  const holders = new Map<string, string>();
  const consented = new Set<string>();
  const state = { account: app.account, answer: undefined as string | undefined };

  const authorize = ({ parameters }: HostRequest): HostAnswer => {
    const asked = Object.fromEntries(parameters);
    if (asked.client_id !== app.clientId) return pageOf(401, 'Error 401: invalid_client');
    const unknown = Object.keys(asked).find((name) => !knownParameters.has(name));
    if (unknown !== undefined) {
      return pageOf(
        400,
        `Error 400: invalid_request. Parameter not allowed for this message type: ${unknown}`,
      );
    }
    const redirectUri = asked.redirect_uri ?? '';
    if (!app.redirectUris.includes(redirectUri)) return pageOf(400, 'Error 400: redirect_uri_mismatch');
    if (asked.response_type !== 'code') return pageOf(400, 'Error 400: unsupported_response_type');
    const scopes = (asked.scope ?? '').split(' ').filter(Boolean);
    if (scopes.length === 0)
      return pageOf(400, 'Error 400: invalid_request. Missing required parameter: scope');
    const invalid = scopes.filter(
      (scope) => !shortScopes.has(scope) && !/^https:\/\/(www\.googleapis|mail\.google)\.com\//.test(scope),
    );
    if (invalid.length > 0) {
      return pageOf(
        400,
        `Error 400: invalid_scope. Some requested scopes were invalid: ${invalid.join(', ')}`,
      );
    }
    if (!['online', 'offline', undefined].includes(asked.access_type))
      return pageOf(400, 'invalid access_type');
    if (state.answer !== undefined) {
      return redirectTo(redirectUri, { error: state.answer, state: asked.state, iss: issuer });
    }
    const isFirstTime = !consented.has(state.account.sub);
    consented.add(state.account.sub);
    const code = codes.issue({
      redirectUri,
      scopes,
      codeChallenge: asked.code_challenge ?? null,
      nonce: asked.nonce ?? null,
      account: state.account,
      getsRefreshToken:
        asked.access_type === 'offline' &&
        (isFirstTime || asked.prompt?.split(' ').includes('consent') === true),
    });
    return redirectTo(redirectUri, {
      state: asked.state,
      code,
      scope: scopes.map(longScope).join(' '),
      authuser: '0',
      ...(state.account.hd !== undefined && { hd: state.account.hd }),
      prompt: asked.prompt ?? 'none',
      iss: issuer,
    });
  };

  const token = async ({ method, parameters }: HostRequest): Promise<HostAnswer> => {
    if (method !== 'POST') return { status: 404 };
    if (
      parameters.get('client_id') !== app.clientId ||
      parameters.get('client_secret') !== app.clientSecret
    ) {
      return refusal(401, 'invalid_client', 'The OAuth client was not found.');
    }
    if (parameters.get('grant_type') === 'refresh_token') {
      const known = refreshTokens.get(parameters.get('refresh_token') ?? '');
      if (known === undefined) return refusal(400, 'invalid_grant', 'Token has been expired or revoked.');
      return { body: accessToken(known.scopes) };
    }
    if (parameters.get('grant_type') !== 'authorization_code') {
      return refusal(400, 'unsupported_grant_type', 'Invalid grant_type');
    }
    const request = codes.take(parameters.get('code'));
    if (request === undefined) return refusal(400, 'invalid_grant', 'Malformed auth code.');
    if (request.redirectUri !== parameters.get('redirect_uri')) {
      return refusal(400, 'redirect_uri_mismatch', 'Bad Request');
    }
    if (!isVerifierOf(request, parameters.get('code_verifier'))) {
      return refusal(400, 'invalid_grant', 'Invalid code verifier.');
    }
    const refreshToken = request.getsRefreshToken ? `1//0${random(60)}` : undefined;
    if (refreshToken !== undefined) refreshTokens.set(refreshToken, { scopes: request.scopes });
    const { email, name, email_verified = true, ...account } = request.account;
    const now = inSeconds(app.clock?.() ?? new Date());
    const idToken = await signer.sign({
      iss: issuer,
      azp: app.clientId,
      aud: app.clientId,
      ...account,
      ...(request.scopes.includes('email') && { email, email_verified }),
      ...(request.scopes.includes('profile') && { name }),
      ...(request.nonce !== null && { nonce: request.nonce }),
      iat: now,
      exp: now + 3600,
    });
    const issued = accessToken(request.scopes);
    holders.set(`Bearer ${issued.access_token}`, request.account.sub);
    return { body: { ...issued, id_token: idToken, refresh_token: refreshToken } };
  };

  const hosts: Readonly<Record<string, Host>> = {
    [issuer]: (request) => {
      if (request.url.pathname === '/.well-known/openid-configuration') return { body: metadata };
      return request.url.pathname === '/o/oauth2/v2/auth' ? authorize(request) : { status: 404 };
    },
    'https://oauth2.googleapis.com': (request) => {
      if (request.url.pathname === '/token') return token(request);
      // The Google documentation asks for nothing but the token.
      if (request.url.pathname !== '/revoke' || request.method !== 'POST') return { status: 404 };
      const isKnown = refreshTokens.delete(request.parameters.get('token') ?? '');
      return isKnown ? { body: {} } : refusal(400, 'invalid_token', 'Token expired or revoked');
    },
    'https://www.googleapis.com': ({ url }) =>
      url.pathname === '/oauth2/v3/certs' ? { body: { keys: [signer.publicJwk] } } : { status: 404 },
    'https://openidconnect.googleapis.com': ({ url, headers }) => {
      if (url.pathname !== '/v1/userinfo') return { status: 404 };
      const sub = holders.get(headers.authorization ?? '');
      return sub === undefined
        ? refusal(401, 'invalid_request', 'Invalid Credentials')
        : { body: { sub, picture: 'https://x' } };
    },
  };
  return {
    hosts,
    /** Who is signed in at Google from now on. */
    signInAs: (account: GoogleAccount) => {
      state.account = account;
    },
    /** The person presses Cancel from now on, or Google answers with another error. */
    answerWith: (error: string) => {
      state.answer = error;
    },
    /** The person removes the app's access in their Google account. */
    removeAccess: () => refreshTokens.clear(),
  };
}

const longScope = (scope: string): string => shortScopes.get(scope) ?? scope;

const accessToken = (scopes: readonly string[]) => ({
  access_token: `ya29.${random(60)}`,
  expires_in: 3599,
  scope: scopes.map(longScope).join(' '),
  token_type: 'Bearer',
});

const refusal = (status: number, error: string, description: string): HostAnswer => ({
  status,
  body: { error, error_description: description },
});

const metadata = {
  issuer,
  authorization_endpoint: `${issuer}/o/oauth2/v2/auth`,
  device_authorization_endpoint: 'https://oauth2.googleapis.com/device/code',
  token_endpoint: 'https://oauth2.googleapis.com/token',
  userinfo_endpoint: 'https://openidconnect.googleapis.com/v1/userinfo',
  revocation_endpoint: 'https://oauth2.googleapis.com/revoke',
  jwks_uri: 'https://www.googleapis.com/oauth2/v3/certs',
  authorization_response_iss_parameter_supported: true,
  response_types_supported: ['code', 'token', 'id_token', 'none'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  scopes_supported: ['openid', 'email', 'profile'],
  token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
  claims_supported: ['aud', 'email', 'email_verified', 'exp', 'iat', 'iss', 'name', 'picture', 'sub'],
  code_challenge_methods_supported: ['plain', 'S256'],
  grant_types_supported: ['authorization_code', 'refresh_token'],
};
