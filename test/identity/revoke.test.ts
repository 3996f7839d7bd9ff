/** Revoking a sign-in's tokens at the provider: in its own way, and again later when it is away. */
import { expect, test } from 'vitest';
import { misbehavingClient } from '../support/misbehaving-provider.ts';
import { connectTo, outcomeOf, startProvider } from './support.ts';

const pair = { accessToken: 'old-access', refreshToken: 'old-refresh' };

async function startRevokingProvider(published: Readonly<Record<string, unknown>> = {}) {
  const upstream = await startProvider();
  upstream.on('/.well-known/openid-configuration', () => ({
    body: { ...upstream.metadata(), revocation_endpoint: `${upstream.issuer}/revoke`, ...published },
  }));
  upstream.on('/revoke', () => ({ status: 200 }));
  return { ...upstream, last: { issuer: upstream.issuer, isLastOfPerson: true } };
}

test('the refresh token is revoked with our credentials: its access tokens go with it (RFC 7009 §2.1)', async () => {
  const upstream = await startRevokingProvider();

  await connectTo(upstream.issuer).revoke(pair, upstream.last);

  expect(upstream.callsTo('/revoke').map(({ method, form }) => [method, Object.fromEntries(form)])).toEqual([
    [
      'POST',
      {
        token: 'old-refresh',
        token_type_hint: 'refresh_token',
        client_id: misbehavingClient.clientId,
        client_secret: misbehavingClient.clientSecret,
      },
    ],
  ]);
});

test('without a refresh token the access token is revoked (RFC 7009 §2.1)', async () => {
  const upstream = await startRevokingProvider();

  await connectTo(upstream.issuer).revoke({ accessToken: 'old-access' }, upstream.last);

  expect(Object.fromEntries(upstream.callsTo('/revoke')[0]!.form)).toMatchObject({
    token: 'old-access',
    token_type_hint: 'access_token',
  });
});

test('while the person has another sign-in nothing is revoked: many providers would end that one too (RFC 7009 §2.1)', async () => {
  const upstream = await startRevokingProvider();

  await connectTo(upstream.issuer).revoke(pair, { ...upstream.last, isLastOfPerson: false });

  expect(upstream.callsTo('/revoke')).toHaveLength(0);
});

test('a provider without a revocation endpoint cannot be told, and that is no failure (RFC 8414 §2)', async () => {
  const upstream = await startRevokingProvider({ revocation_endpoint: undefined });

  expect(await outcomeOf(connectTo(upstream.issuer).revoke(pair, upstream.last))).toBe('fine');
});

test('a token of another host is not shown to this provider (RFC 9700 §4.4)', async () => {
  const upstream = await startRevokingProvider();

  await connectTo(upstream.issuer).revoke(pair, { ...upstream.last, issuer: 'https://login.example.com' });

  expect(upstream.callsTo('/revoke')).toHaveLength(0);
});

test.each([
  ['is not https', 'http://192.0.2.1/revoke', 'unavailable'],
  ['is no address', 'nonsense', 'fine'],
])(
  'an endpoint that %s gets no token, and does not keep people from signing in (RFC 7009 §2)',
  async (_, revocationEndpoint, outcome) => {
    const upstream = await startRevokingProvider({ revocation_endpoint: revocationEndpoint });
    const provider = connectTo(upstream.issuer);

    expect(await outcomeOf(provider.revoke(pair, upstream.last))).toBe(outcome);
    expect(await outcomeOf(provider.refresh('old-refresh', upstream.issuer))).toBe('fine');
  },
);

test.each([
  ['200 with a page', { status: 200, body: '<p>fine</p>' }, 'fine'],
  ['invalid_token', { status: 400, body: { error: 'invalid_token' } }, 'fine'],
  ['unsupported_token_type', { status: 400, body: { error: 'unsupported_token_type' } }, 'fine'],
  ['invalid_client', { status: 401, body: { error: 'invalid_client' } }, 'unavailable'],
  ['invalid_client and 400', { status: 400, body: { error: 'invalid_client' } }, 'unavailable'],
  ['503', { status: 503 }, 'unavailable'],
  ['429', { status: 429, body: { error: 'invalid_token' } }, 'unavailable'],
  ['404', { status: 404 }, 'unavailable'],
  ['nothing', { hangs: true }, 'unavailable'],
])(
  'answered with %s, it is %s: what can change is tried again (RFC 7009 §2.2.1)',
  async (_, reply, outcome) => {
    const upstream = await startRevokingProvider();
    upstream.on('/revoke', () => reply);

    expect(await outcomeOf(connectTo(upstream.issuer, { timeoutMs: 250 }).revoke(pair, upstream.last))).toBe(
      outcome,
    );
  },
);

test.each([
  ['https://github.com', 'https://api.github.com'],
  ['https://github.example.com/login/oauth/authorize', 'https://github.example.com/api/v3'],
])(
  'at %s the one access token is deleted by the app, whatever else lives (GitHub REST)',
  async (url, api) => {
    const calls: { url: string; method: string | undefined; headers: Headers; body: unknown }[] = [];
    const provider = connectTo(url, {
      fetch: async (input, init) => {
        const address = input instanceof Request ? input.url : String(input);
        if (address.includes('/.well-known/')) return new Response(null, { status: 404 });
        calls.push({
          url: address,
          method: init?.method,
          headers: new Headers(init?.headers),
          body: init?.body,
        });
        return new Response(null, { status: 204 });
      },
    });
    const issuer = `${new URL(url).origin}/login/oauth`;

    await provider.revoke(pair, { issuer, isLastOfPerson: false });

    expect(calls).toHaveLength(1);
    const [call] = calls;
    expect(call).toMatchObject({ url: `${api}/applications/proxy/token`, method: 'DELETE' });
    expect(call?.body).toBe(JSON.stringify({ access_token: 'old-access' }));
    const { clientId, clientSecret } = misbehavingClient;
    expect(call?.headers.get('authorization')).toBe(
      `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
    );
  },
);

test.each([
  [404, 'fine'],
  [422, 'fine'],
  [401, 'unavailable'],
  [503, 'unavailable'],
])('GitHub answers %i: %s', async (status, outcome) => {
  const provider = connectTo('https://github.com', { fetch: async () => new Response(null, { status }) });

  const revoked = provider.revoke(pair, { issuer: 'https://github.com/login/oauth', isLastOfPerson: true });

  expect(await outcomeOf(revoked)).toBe(outcome);
});
