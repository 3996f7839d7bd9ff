/** Refreshing the provider's tokens: a grant ends only when the provider says so. */
import { expect, test } from 'vitest';
import { misbehavingClient } from '../support/misbehaving-provider.ts';
import { connectTo, outcomeOf, startProvider } from './support.ts';

test('a refresh presents the token and our credentials, and nothing else (RFC 6749 §6)', async () => {
  const upstream = await startProvider();

  await connectTo(upstream.issuer).refresh('old-token', upstream.issuer);

  expect(Object.fromEntries(upstream.callsTo('/token')[0]!.form)).toEqual({
    grant_type: 'refresh_token',
    refresh_token: 'old-token',
    client_id: misbehavingClient.clientId,
    client_secret: misbehavingClient.clientSecret,
  });
});

test.each([
  ['a new one', { refresh_token: 'new-token' }, 'new-token'],
  ['none', { refresh_token: undefined }, 'old-token'],
  ['null', { refresh_token: null }, 'old-token'],
])('with %s, the refresh token to keep is %s', async (_, reply, kept) => {
  const upstream = await startProvider();
  upstream.on('/token', async () => ({ body: await upstream.tokens(reply) }));
  const now = new Date('2026-01-01T00:00:00Z');

  const tokens = await connectTo(upstream.issuer, { clock: () => now }).refresh('old-token', upstream.issuer);

  expect(tokens).toEqual({
    accessToken: 'upstream-access-token',
    refreshToken: kept,
    expiresAt: new Date('2026-01-01T01:00:00Z'),
    scope: undefined,
  });
});

test('a refresh does not fail for an ID token that nobody reads: the new refresh token would be lost', async () => {
  const upstream = await startProvider();
  upstream.on('/token', async () => ({ body: await upstream.tokens({ id_token: 'not.a.token' }) }));
  upstream.on('/jwks', () => ({ status: 500 }));

  expect((await connectTo(upstream.issuer).refresh('old-token', upstream.issuer)).refreshToken).toBe(
    'upstream-refresh-token',
  );
});

test.each(['invalid_grant', 'interaction_required', 'login_required', 'consent_required'])(
  'after %s only a new sign-in helps: the grant is over (RFC 6749 §5.2)',
  async (error) => {
    const upstream = await startProvider();
    upstream.on('/token', () => ({ status: 400, body: { error } }));

    expect(await outcomeOf(connectTo(upstream.issuer).refresh('old-token', upstream.issuer))).toBe(
      'refused: invalid_grant',
    );
  },
);

test.each([
  ['invalid_client', { status: 401, body: { error: 'invalid_client' } }],
  ['unauthorized_client', { status: 400, body: { error: 'unauthorized_client' } }],
  ['invalid_request', { status: 400, body: { error: 'invalid_request' } }],
  ['temporarily_unavailable', { status: 400, body: { error: 'temporarily_unavailable' } }],
  ['429', { status: 429, body: { error: 'invalid_grant' } }],
  ['500', { status: 500, body: { error: 'invalid_grant' } }],
  ['404', { status: 404 }],
  ['a page', { headers: { 'content-type': 'text/html' }, body: '<p>invalid_grant</p>' }],
  [
    'a page with 400',
    { status: 400, headers: { 'content-type': 'text/html' }, body: '<p>invalid_grant</p>' },
  ],
  ['no access token', { body: { token_type: 'Bearer' } }],
  ['an access token with a line break', { body: { access_token: 'a\nb', token_type: 'Bearer' } }],
  ['a redirect', { status: 302, headers: { location: 'https://evil.example/' } }],
  ['nothing', { hangs: true }],
])('a refresh answered with %s keeps the grant: transient is not dead', async (_, reply) => {
  const upstream = await startProvider();
  upstream.on('/token', () => reply);

  expect(
    await outcomeOf(connectTo(upstream.issuer, { timeoutMs: 250 }).refresh('old-token', upstream.issuer)),
  ).toBe('unavailable');
});

test('a refresh keeps the grant while the provider is away, and works when it is back', async () => {
  const upstream = await startProvider();
  const provider = connectTo(upstream.issuer);
  upstream.on('/.well-known/openid-configuration', () => ({ status: 503 }));
  expect(await outcomeOf(provider.refresh('old-token', upstream.issuer))).toBe('unavailable');

  upstream.on('/.well-known/openid-configuration', () => ({ body: upstream.metadata() }));

  expect(await outcomeOf(provider.refresh('old-token', upstream.issuer))).toBe('fine');
});

test('a refresh token of another host is not shown to this provider: the variables name another one now (RFC 9700 §4.4)', async () => {
  const upstream = await startProvider();

  const refreshed = connectTo(upstream.issuer).refresh('old-token', 'https://login.example.com');

  expect(await outcomeOf(refreshed)).toBe('refused: invalid_grant');
  expect(upstream.callsTo('/token')).toHaveLength(0);
});
