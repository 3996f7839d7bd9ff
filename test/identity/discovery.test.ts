/** Discovery from every form of URL that an operator may give. */
import { expect, test } from 'vitest';
import { secrets } from '../support/misbehaving-provider.ts';
import { connectTo, outcomeOf, route, signInUrl, startProvider } from './support.ts';

type Upstream = Awaited<ReturnType<typeof startProvider>>;

/** Publishes the metadata of the issuer `path`, in one of the three places. */
function publish(upstream: Upstream, path: string, place: string, replaced: object = {}) {
  upstream.on('/.well-known/openid-configuration', () => ({ status: 404 }));
  upstream.on(place, () => ({ body: { ...upstream.metadata(upstream.issuer + path), ...replaced } }));
}

const endpointOf = (url: URL) => url.origin + url.pathname;

test.each([
  ['OpenID', '/realms/x/.well-known/openid-configuration'],
  ['OAuth', '/.well-known/oauth-authorization-server/realms/x'],
  ['OpenID, path inserted', '/.well-known/openid-configuration/realms/x'],
])(
  'an issuer with a path is found by the %s form (OpenID Connect Discovery §4, RFC 8414 §3, §5)',
  async (_, place) => {
    const upstream = await startProvider();
    publish(upstream, '/realms/x', place);

    const url = await signInUrl(connectTo(`${upstream.issuer}/realms/x`));

    expect(endpointOf(url)).toBe(`${upstream.issuer}/realms/x/authorize`);
    expect(url.searchParams.get('nonce')).toBe(secrets.nonce);
  },
);

test.each([
  ['the issuer with a trailing slash', '/realms/x/'],
  ['the authorization endpoint', '/realms/x/authorize'],
  ['the authorization endpoint with a query', '/realms/x/authorize?prompt=none'],
  ['the OpenID document itself', '/realms/x/.well-known/openid-configuration'],
  ['the OAuth document itself', '/.well-known/oauth-authorization-server/realms/x'],
])('%s leads to the metadata of the issuer', async (_, path) => {
  const upstream = await startProvider();
  publish(upstream, '/realms/x', '/realms/x/.well-known/openid-configuration');

  const url = await signInUrl(connectTo(upstream.issuer + path));

  expect(endpointOf(url)).toBe(`${upstream.issuer}/realms/x/authorize`);
  expect(url.searchParams.has('nonce')).toBe(true);
});

test.each(['/o/oauth2/v2/auth', '/o/oauth2/v2', '/o'])(
  'a base of the endpoint or the endpoint itself (%s) leads to an issuer at the root',
  async (path) => {
    const upstream = await startProvider();
    upstream.on('/.well-known/openid-configuration', () => ({
      body: { ...upstream.metadata(), authorization_endpoint: `${upstream.issuer}/o/oauth2/v2/auth` },
    }));

    const url = await signInUrl(connectTo(upstream.issuer + path));

    expect(endpointOf(url)).toBe(`${upstream.issuer}/o/oauth2/v2/auth`);
  },
);

test('an issuer that ends with a slash keeps it: its ID tokens say so (OpenID Connect Core §2)', async () => {
  const upstream = await startProvider();
  const issuer = `${upstream.issuer}/`;
  upstream.on('/.well-known/openid-configuration', () => ({ body: { ...upstream.metadata(), issuer } }));
  upstream.on('/token', async () => ({
    body: await upstream.tokens({ id_token: await upstream.idToken({ iss: issuer }) }),
  }));
  const returned = new URL(`?code=c&state=${secrets.state}`, secrets.redirectUri);

  const { identity } = await connectTo(upstream.issuer).completeSignIn(returned, secrets);

  expect(identity.issuer).toBe(issuer);
});

test('metadata that names another issuer is refused, with a reason for the operator (RFC 8414 §3.3)', async () => {
  const upstream = await startProvider();
  upstream.on('/.well-known/openid-configuration', () => ({
    body: upstream.metadata('https://other.example'),
  }));
  const provider = connectTo(upstream.issuer);

  expect(await outcomeOf(signInUrl(provider))).toBe('unavailable');
  expect(provider.status()).toMatchObject({
    state: 'unavailable',
    reason: expect.stringContaining('names another issuer') as string,
  });
});

test('metadata of another provider on the same host does not count: it must name the given endpoint', async () => {
  const upstream = await startProvider();

  const url = await signInUrl(connectTo(`${upstream.issuer}/legacy/oauth/authorize`));

  expect(endpointOf(url)).toBe(`${upstream.issuer}/legacy/oauth/authorize`);
  expect(url.searchParams.has('nonce')).toBe(false);
});

test.each(['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri'])(
  'a %s without TLS is refused (RFC 6749 §3.1, §3.2)',
  async (name) => {
    const upstream = await startProvider();
    upstream.on('/.well-known/openid-configuration', () => ({
      body: { ...upstream.metadata(), [name]: 'http://idp.example/endpoint' },
    }));

    expect(await outcomeOf(signInUrl(connectTo(upstream.issuer)))).toBe('unavailable');
  },
);

test.each(['http://127.0.0.1/keys', 'https://localhost/keys', 'http://[::1]:6379/', 'file:///etc/passwd'])(
  'a provider on the internet cannot send us to %s (SSRF)',
  async (address) => {
    const upstream = await startProvider();
    upstream.on('/.well-known/openid-configuration', () => ({
      body: { ...upstream.metadata('https://idp.example'), jwks_uri: address },
    }));
    const provider = connectTo('https://idp.example', {
      fetch: route({ 'https://idp.example': upstream.issuer }),
    });

    expect(await outcomeOf(signInUrl(provider))).toBe('unavailable');
  },
);

test('a provider without TLS is not asked at all unless it is on loopback (RFC 6749 §3.1)', async () => {
  const upstream = await startProvider();
  const provider = connectTo('http://idp.example', {
    fetch: route({ 'http://idp.example': upstream.issuer }),
  });

  expect(await outcomeOf(signInUrl(provider))).toBe('unavailable');
  expect(upstream.calls).toHaveLength(0);
});

test.each([
  ['404', { status: 404 }],
  ['401', { status: 401 }],
  ['a page', { headers: { 'content-type': 'text/html' }, body: '<h1>Our company</h1>' }],
  ['JSON that is no metadata', { body: { hello: 'world' } }],
  ['a redirect to another origin', { status: 302, headers: { location: 'https://other.example/' } }],
])('default endpoint names are used when every place answers %s', async (_, answer) => {
  const upstream = await startProvider();
  for (const place of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
    upstream.on(place, () => answer);
  }
  const provider = connectTo(upstream.issuer);

  const url = await signInUrl(provider, ['openid', 'offline_access', 'notes']);
  upstream.on('/userinfo', () => ({ body: { sub: 'person-1' } }));
  const returned = new URL(`?code=c&state=${secrets.state}&iss=https://unknown.example`, secrets.redirectUri);
  await provider.completeSignIn(returned, secrets);

  expect(endpointOf(url)).toBe(`${upstream.issuer}/authorize`);
  expect(url.searchParams.get('scope')).toBe('openid notes');
  expect(url.searchParams.get('code_challenge_method')).toBe('S256');
  expect(upstream.callsTo('/token')).toHaveLength(1);
  expect(upstream.callsTo('/userinfo')).toHaveLength(1);
  expect(provider.status()).toEqual({ state: 'ready', note: expect.any(String) as string });
});

test('default names lie beside a given authorization endpoint, whose query is kept (RFC 6749 §3.1)', async () => {
  const upstream = await startProvider();
  upstream.on('/.well-known/openid-configuration', () => ({ status: 404 }));
  upstream.on('/oauth/token', async () => ({ body: await upstream.tokens({ id_token: undefined }) }));
  upstream.on('/oauth/userinfo', () => ({ body: { id: 1 } }));
  const provider = connectTo(`${upstream.issuer}/oauth/authorize?tenant=a`);

  const url = await signInUrl(provider);
  const returned = new URL(`?code=c&state=${secrets.state}`, secrets.redirectUri);
  const { identity } = await provider.completeSignIn(returned, secrets);

  expect(endpointOf(url)).toBe(`${upstream.issuer}/oauth/authorize`);
  expect(url.searchParams.get('tenant')).toBe('a');
  expect(identity).toMatchObject({ issuer: `${upstream.issuer}/oauth`, subject: '1' });
});

test.each([
  ['500', { status: 500 }],
  ['429', { status: 429 }],
  ['nothing', { hangs: true }],
  ['more than a mebibyte', { body: 'x'.repeat(1024 * 1024 + 1) }],
])('default names are not guessed when a place answers %s: it may be away', async (_, answer) => {
  const upstream = await startProvider();
  upstream.on('/.well-known/openid-configuration', () => answer);

  expect(await outcomeOf(signInUrl(connectTo(upstream.issuer, { timeoutMs: 250 })))).toBe('unavailable');
});

test('an OAuth document is not taken while the OpenID one fails: ID tokens would go unchecked', async () => {
  const upstream = await startProvider();
  upstream.on('/.well-known/openid-configuration', () => ({ status: 502 }));
  upstream.on('/.well-known/oauth-authorization-server', () => ({
    body: { ...upstream.metadata(), jwks_uri: undefined },
  }));

  expect(await outcomeOf(signInUrl(connectTo(upstream.issuer)))).toBe('unavailable');
});

test('a redirect on the same origin is followed, one in a circle is not', async () => {
  const upstream = await startProvider();
  const place = '/.well-known/openid-configuration';
  upstream.on(place, () => ({ status: 301, headers: { location: '/moved' } }));
  upstream.on('/moved', () => ({ body: upstream.metadata() }));
  expect((await signInUrl(connectTo(upstream.issuer))).searchParams.has('nonce')).toBe(true);

  upstream.on('/moved', () => ({ status: 301, headers: { location: place } }));

  expect((await signInUrl(connectTo(upstream.issuer))).searchParams.has('nonce')).toBe(false);
});

test('odd members that are not needed do not make metadata unusable', async () => {
  const upstream = await startProvider();
  upstream.on('/.well-known/openid-configuration', () => ({
    body: {
      ...upstream.metadata(),
      scopes_supported: 'openid',
      authorization_response_iss_parameter_supported: 'yes',
    },
  }));

  expect((await signInUrl(connectTo(upstream.issuer))).searchParams.get('scope')).toBe(
    'openid profile email',
  );
});
