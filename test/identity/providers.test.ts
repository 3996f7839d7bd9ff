/** What differs from provider to provider. */
import { expect, test } from 'vitest';
import { createIdentityProvider } from '../../src/identity/create-identity-provider.ts';
import { misbehavingClient, secrets } from '../support/misbehaving-provider.ts';
import { answer, connectTo, outcomeOf, route, signIn, signInUrl, startProvider } from './support.ts';

async function startGoogle() {
  const upstream = await startProvider();
  const google = 'https://accounts.google.com';
  const tokenOrigin = 'https://oauth2.googleapis.com';
  upstream.on('/.well-known/openid-configuration', () => ({
    body: {
      ...upstream.metadata(google),
      authorization_endpoint: `${google}/o/oauth2/v2/auth`,
      token_endpoint: `${tokenOrigin}/token`,
    },
  }));
  upstream.on('/token', async () => ({
    body: await upstream.tokens({ id_token: await upstream.idToken({ iss: google }) }),
  }));
  return { upstream, fetch: route({ [google]: upstream.issuer, [tokenOrigin]: upstream.issuer }) };
}

test.each([
  'https://accounts.google.com',
  'https://accounts.google.com/o/oauth2/auth',
  'https://accounts.google.com/o/oauth2/v2/auth?hd=example.com',
])('Google at %s: offline access by its own parameters, never by a scope', async (url) => {
  const { fetch } = await startGoogle();
  const provider = connectTo(url, { fetch });

  const { searchParams, origin, pathname } = await signInUrl(provider, [
    'openid',
    'offline_access',
    'https://www.googleapis.com/auth/calendar',
  ]);

  expect(origin + pathname).toBe('https://accounts.google.com/o/oauth2/v2/auth');
  expect(searchParams.get('access_type')).toBe('offline');
  expect(searchParams.get('prompt')).toBe('consent');
  expect(searchParams.get('scope')).toBe('openid profile email https://www.googleapis.com/auth/calendar');
  expect(provider.displayName).toBe('Google');
});

test('the Google preset keeps its name in the database, and its person by Google’s issuer', async () => {
  const { fetch } = await startGoogle();
  const provider = createIdentityProvider(
    { id: 'google', url: new URL('https://accounts.google.com'), isPrimary: true, ...misbehavingClient },
    { clock: () => new Date(), fetch },
  );

  const { identity } = await signIn(provider);

  expect(provider.id).toBe('google');
  expect(identity.issuer).toBe('https://accounts.google.com');
});

const tenant = '9122040d-6c67-4c5b-b112-36a304b66dad';
const microsoft = 'https://login.microsoftonline.com';

async function startMicrosoft(tenantInUrl: string, issuer = `${microsoft}/${tenant}/v2.0`) {
  const upstream = await startProvider();
  upstream.on(`/${tenantInUrl}/v2.0/.well-known/openid-configuration`, () => ({
    body: {
      ...upstream.metadata(microsoft),
      issuer,
      authorization_endpoint: `${microsoft}/${tenant}/oauth2/v2.0/authorize`,
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    },
  }));
  return route({ [microsoft]: upstream.issuer });
}

test.each([
  ['the issuer', tenant, `/${tenant}/v2.0`],
  ['the endpoint that the portal shows', tenant, `/${tenant}/oauth2/v2.0/authorize`],
  ['a tenant by its domain', 'contoso.onmicrosoft.com', '/contoso.onmicrosoft.com/v2.0'],
])('Microsoft by %s: offline_access, without asking for consent again', async (_, tenantInUrl, path) => {
  const provider = connectTo(microsoft + path, { fetch: await startMicrosoft(tenantInUrl) });

  const url = await signInUrl(provider, ['openid']);

  expect(url.pathname).toBe(`/${tenant}/oauth2/v2.0/authorize`);
  expect(url.searchParams.get('scope')).toBe('openid profile email offline_access');
  expect(url.searchParams.has('prompt')).toBe(false);
  expect(provider.displayName).toBe('Microsoft');
});

test.each([
  ['another tenant', tenant, `${microsoft}/11111111-2222-3333-4444-555555555555/v2.0`],
  ['all tenants', 'contoso.onmicrosoft.com', `${microsoft}/{tenantid}/v2.0`],
  ['an older version', 'contoso.onmicrosoft.com', `${microsoft}/${tenant}/v1.0`],
  ['another host', 'contoso.onmicrosoft.com', `https://evil.example/${tenant}/v2.0`],
])('Microsoft metadata of %s is refused (OpenID Connect Discovery §4.3)', async (_, tenantInUrl, issuer) => {
  const fetch = await startMicrosoft(tenantInUrl, issuer);

  expect(await outcomeOf(signInUrl(connectTo(`${microsoft}/${tenantInUrl}/v2.0`, { fetch })))).toBe(
    'unavailable',
  );
});

test('a sign-in that needs nothing afterwards asks Microsoft for no refresh token', async () => {
  const provider = connectTo(`${microsoft}/${tenant}/v2.0`, { fetch: await startMicrosoft(tenant) });
  const url = await provider.signInUrl({ ...secrets, scopes: [], isOnce: true });
  expect(url.searchParams.get('scope')).toBe('openid profile email');
});

async function startGitHub() {
  const upstream = await startProvider();
  upstream.on('/login/oauth/access_token', () => ({
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: 'access_token=gho_16C7e42F292c6912E7710c838347Ae178B4a&scope=read%3Auser%2Cuser%3Aemail&token_type=bearer',
  }));
  upstream.on('/user', () => ({
    body: { id: 583_231, login: 'octocat', name: 'Mona Lisa Octocat', email: 'public@example.com' },
  }));
  upstream.on('/user/emails', () => ({
    body: [
      { email: 'old@example.com', primary: false, verified: true, visibility: null },
      { email: 'mona@example.com', primary: true, verified: true, visibility: 'private' },
    ],
  }));
  const fetch = route({ 'https://github.com': upstream.issuer, 'https://api.github.com': upstream.issuer });
  return { upstream, provider: connectTo('https://github.com/login/oauth/authorize', { fetch }) };
}

test('GitHub is ready without discovery, and asked for its own scopes', async () => {
  const { upstream, provider } = await startGitHub();

  const url = await signInUrl(provider, ['openid', 'profile', 'email', 'offline_access', 'repo']);

  expect(provider.status()).toEqual({ state: 'ready' });
  expect(provider.displayName).toBe('GitHub');
  expect(url.origin + url.pathname).toBe('https://github.com/login/oauth/authorize');
  expect(url.searchParams.get('scope')).toBe('read:user user:email repo');
  expect(url.searchParams.get('code_challenge_method')).toBe('S256');
  expect(url.searchParams.has('nonce')).toBe(false);
  expect(upstream.calls).toHaveLength(0);
});

test('a GitHub person is the numeric id, with the primary verified e-mail; its token has no end', async () => {
  const { upstream, provider } = await startGitHub();

  const { identity, tokens } = await signIn(provider, answer({ iss: 'https://github.com/login/oauth' }));

  expect(identity).toEqual({
    issuer: 'https://github.com/login/oauth',
    subject: '583231',
    name: 'Mona Lisa Octocat',
    email: 'mona@example.com',
    isEmailVerified: true,
  });
  expect(tokens).toEqual({
    accessToken: 'gho_16C7e42F292c6912E7710c838347Ae178B4a',
    refreshToken: undefined,
    expiresAt: undefined,
    scope: 'read:user,user:email',
  });
  expect(upstream.callsTo('/login/oauth/access_token')[0]!.headers.accept).toBe('application/json');
  expect(upstream.callsTo('/login/oauth/access_token')[0]!.form.get('code_verifier')).toBe(
    secrets.codeVerifier,
  );
  expect(upstream.callsTo('/user')[0]!.headers).toMatchObject({
    authorization: 'Bearer gho_16C7e42F292c6912E7710c838347Ae178B4a',
    'user-agent': 'mcp-oauth-proxy',
  });
});

test('an answer that another issuer claims is not GitHub’s (RFC 9207 §2.4)', async () => {
  const { provider } = await startGitHub();

  expect(await outcomeOf(signIn(provider, answer({ iss: 'https://evil.example' })))).toBe(
    'refused: server_error',
  );
});

test.each([
  ['is not verified', { body: [{ email: 'mona@example.com', primary: true, verified: false }] }],
  ['is hidden from us', { status: 404, body: { message: 'Not Found' } }],
  ['is not there', { body: [] }],
])('a GitHub person whose primary e-mail %s has none: the public one is not verified', async (_, emails) => {
  const { upstream, provider } = await startGitHub();
  upstream.on('/user/emails', () => emails);

  expect((await signIn(provider)).identity).toEqual({
    issuer: 'https://github.com/login/oauth',
    subject: '583231',
    name: 'Mona Lisa Octocat',
    email: undefined,
    isEmailVerified: false,
  });
});

test('a GitHub person without a name goes by the login', async () => {
  const { upstream, provider } = await startGitHub();
  upstream.on('/user', () => ({ body: { id: 1, login: 'octocat', name: null } }));

  expect((await signIn(provider)).identity.name).toBe('octocat');
});

test.each([
  ['/user', { status: 401, body: { message: 'Bad credentials' } }, 'refused: server_error'],
  ['/user', { body: { login: 'octocat' } }, 'refused: server_error'],
  ['/user', { status: 500 }, 'unavailable'],
  ['/user/emails', { status: 503 }, 'unavailable'],
  ['/user/emails', { status: 429 }, 'unavailable'],
])('GitHub answering %s with %j', async (path, reply, outcome) => {
  const { upstream, provider } = await startGitHub();
  upstream.on(path, () => reply);

  expect(await outcomeOf(signIn(provider))).toBe(outcome);
});

test('GitHub sends its errors with 200: a used code and a dead refresh token are noticed all the same', async () => {
  const { upstream, provider } = await startGitHub();
  upstream.on('/login/oauth/access_token', ({ form }) => ({
    body: {
      error: form.get('grant_type') === 'refresh_token' ? 'bad_refresh_token' : 'bad_verification_code',
      error_description: 'The code or token is incorrect or expired.',
    },
  }));

  expect(await outcomeOf(signIn(provider))).toBe('refused: server_error');
  expect(await outcomeOf(provider.refresh('ghr_1', 'https://github.com/login/oauth'))).toBe(
    'refused: invalid_grant',
  );
});

test('wrong credentials at GitHub are the operator’s mistake: nobody’s grant ends', async () => {
  const { upstream, provider } = await startGitHub();
  upstream.on('/login/oauth/access_token', () => ({ body: { error: 'incorrect_client_credentials' } }));

  expect(await outcomeOf(provider.refresh('ghr_1', 'https://github.com/login/oauth'))).toBe('unavailable');
});

test('any other provider is shown by its host, and asked for offline access only where it offers it (OpenID Connect Core §11)', async () => {
  const upstream = await startProvider();
  const provider = connectTo(upstream.issuer);

  const url = await signInUrl(provider, ['openid', 'offline_access', 'notes']);

  expect(provider.displayName).toBe(new URL(upstream.issuer).host);
  expect(url.searchParams.get('scope')).toBe('openid profile email notes');
  expect(url.searchParams.has('prompt')).toBe(false);
  expect(url.searchParams.has('access_type')).toBe(false);
});

const oid = '0a1b2c3d-0000-4000-8000-aabbccddeeff';

/** Microsoft's addresses for many tenants, in one of its clouds; `claims` replace those of the ID token. */
async function startManyTenants(login: string, claims: Readonly<Record<string, unknown>> = {}) {
  const upstream = await startProvider();
  upstream.on('/organizations/v2.0/.well-known/openid-configuration', () => ({
    body: { ...upstream.metadata(login), issuer: `${login}/{tenantid}/v2.0` },
  }));
  const iss = `${login}/${tenant}/v2.0`;
  const sub = 'pairwise';
  upstream.on('/token', async () => ({
    body: await upstream.tokens({
      id_token: await upstream.idToken({ iss, tid: tenant, oid, sub, ...claims }),
    }),
  }));
  upstream.on('/userinfo', () => ({ body: { sub } }));
  return connectTo(`${login}/organizations/v2.0`, { fetch: route({ [login]: upstream.issuer }) });
}

test.each([microsoft, 'https://login.microsoftonline.us', 'https://login.partner.microsoftonline.cn'])(
  'each Microsoft cloud has tenants of its own: %s (clients.md P12)',
  async (login) => {
    const { identity } = await signIn(await startManyTenants(login));

    expect(identity).toMatchObject({
      issuer: `${login}/${tenant}/v2.0`,
      subject: `${tenant}.${oid}`,
    });
  },
);

test.each([
  ['an iss of another tenant than tid', { iss: `${microsoft}/11111111-2222-3333-4444-555555555555/v2.0` }],
  ['an iss of another host', { iss: `https://evil.example/${tenant}/v2.0` }],
  ['an iss of version 1', { iss: `https://sts.windows.net/${tenant}/` }],
  ['the template itself as iss', { iss: `${microsoft}/{tenantid}/v2.0`, tid: '{tenantid}' }],
  ['no tid', { tid: undefined }],
  ['a tid that is none', { tid: '../common', iss: `${microsoft}/../common/v2.0` }],
  ['a tid that replaces itself', { tid: '$&', iss: `${microsoft}/{tenantid}/v2.0` }],
  ['no oid', { oid: undefined }],
  ['an oid that is none', { oid: `${oid}.${tenant}` }],
])('an ID token of many tenants with %s is refused (OpenID Connect Core §3.1.3.7)', async (_, claims) => {
  expect(await outcomeOf(signIn(await startManyTenants(microsoft, claims)))).toBe('refused: server_error');
});

test.each([
  ['of a tenant there', `${microsoft}/${tenant}/v2.0`, 'fine'],
  ['of another host', `https://evil.example/${tenant}/v2.0`, 'refused: server_error'],
  ['that is no tenant', `${microsoft}/common/v2.0`, 'refused: server_error'],
])('an answer with an iss %s (RFC 9207 §2.4)', async (_, iss, outcome) => {
  expect(await outcomeOf(signIn(await startManyTenants(microsoft), answer({ iss })))).toBe(outcome);
});
