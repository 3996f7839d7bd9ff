/** Logout tokens are believed when they are the provider's, for us, fresh, and nothing else (Back-Channel Logout 1.0 §2.6). */
import { SignJWT, UnsecuredJWT } from 'jose';
import { expect, test } from 'vitest';
import { misbehavingClient } from '../support/misbehaving-provider.ts';
import { connectTo, outcomeOf, startProvider } from './support.ts';

const event = 'http://schemas.openid.net/event/backchannel-logout';

type Upstream = Awaited<ReturnType<typeof startProvider>>;

/** What makes the provider's ID token a logout token. */
const logout = {
  nonce: undefined,
  email: undefined,
  email_verified: undefined,
  name: undefined,
  jti: 'logout-1',
  events: { [event]: {} },
};

const read = async (upstream: Upstream, changed: Readonly<Record<string, unknown>> = {}, header = {}) =>
  connectTo(upstream.issuer).readLogoutToken(await upstream.idToken({ ...logout, ...changed }, header));

const now = () => Math.floor(Date.now() / 1000);

test('a good one names the person, and how long it has to be remembered (§2.4)', async () => {
  const upstream = await startProvider();
  const exp = now() + 120;

  expect(await read(upstream, { exp })).toEqual({
    issuer: upstream.issuer,
    subject: 'person-1',
    providerSession: undefined,
    tokenId: 'logout-1',
    expiresAt: new Date((exp + 60) * 1000),
  });
});

test.each([
  ['sid beside sub', { sid: 'session-1' }, { subject: 'person-1', providerSession: 'session-1' }],
  ['sid alone', { sub: undefined, sid: 'session-1' }, { subject: undefined, providerSession: 'session-1' }],
  ['no exp, from a provider that leaves it out', { exp: undefined }, { subject: 'person-1' }],
  ['several audiences', { aud: ['other', misbehavingClient.clientId] }, { subject: 'person-1' }],
])('%s is fine (§2.4)', async (_, changed, expected) => {
  const upstream = await startProvider();

  expect(await read(upstream, changed)).toMatchObject(expected);
});

test.each([
  ['the type that is recommended', { typ: 'logout+jwt' }, 'fine'],
  ['the general type', { typ: 'JWT' }, 'fine'],
  ['that of an access token', { typ: 'at+jwt' }, 'refused: invalid_request'],
])('%s is told from others (§2.4, RFC 8725 §3.11)', async (_, header, outcome) => {
  const upstream = await startProvider();

  expect(await outcomeOf(read(upstream, {}, header))).toBe(outcome);
});

test.each([
  ['an ID token', { nonce: 'n', events: undefined }],
  ['a nonce', { nonce: 'n' }],
  ['no events', { events: undefined }],
  ['another event', { events: { 'http://schemas.openid.net/event/other': {} } }],
  ['an event that is no object', { events: { [event]: true } }],
  ['another audience', { aud: 'other' }],
  ['no audience', { aud: undefined }],
  ['no jti', { jti: undefined }],
  ['no iat', { iat: undefined }],
  ['neither sub nor sid', { sub: undefined }],
  ['an end long ago', { exp: now() - 61 }],
  ['no exp, and a beginning long ago', { exp: undefined, iat: now() - 181 }],
  ['a beginning in the future', { iat: now() + 120 }],
])('%s is refused (§2.6)', async (_, changed) => {
  const upstream = await startProvider();

  expect(await outcomeOf(read(upstream, changed))).toBe('refused: invalid_request');
});

test('alg none, a signature of another, and HS256 with the client secret are refused (§2.6, RFC 8725 §3.1)', async () => {
  const upstream = await startProvider();
  const provider = connectTo(upstream.issuer);
  const good = await upstream.idToken(logout);
  const payload = JSON.parse(JSON.stringify({ ...upstream.claims(), ...logout })) as Record<string, unknown>;
  const forged = [
    new UnsecuredJWT(payload).encode(),
    `${good.slice(0, -6)}AAAAAA`,
    await new SignJWT(payload)
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(misbehavingClient.clientSecret.padEnd(32, ' '))),
    await upstream.idToken(logout, { kid: 'unknown' }),
  ];

  for (const token of forged) {
    expect(await outcomeOf(provider.readLogoutToken(token))).toBe('refused: invalid_request');
  }
  expect(await outcomeOf(provider.readLogoutToken(good))).toBe('fine');
});

test.each([
  ['another issuer’s', { iss: 'https://other.example.com' }],
  ['one without issuer', { iss: undefined }],
])('%s is for another provider to read (§2.6)', async (_, changed) => {
  const upstream = await startProvider();

  expect(await read(upstream, changed)).toBeUndefined();
  expect(upstream.callsTo('/jwks')).toHaveLength(0);
});

test.each(['', 'nonsense', 'a.b.c', 'x'.repeat(9000)])('what is no JWT at all is nobody’s', async (token) => {
  const upstream = await startProvider();

  expect(await connectTo(upstream.issuer).readLogoutToken(token)).toBeUndefined();
});

test.each([
  ['are away', { status: 503 }],
  ['are no keys', { body: '<p>keys</p>' }],
])('while the keys %s nothing is decided (§2.6)', async (_, reply) => {
  const upstream = await startProvider();
  upstream.on('/jwks', () => reply);

  expect(await outcomeOf(read(upstream))).toBe('unavailable');
});
