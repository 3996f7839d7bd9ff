/** ID tokens that must not be believed (OpenID Connect Core §3.1.3.7). */
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { misbehavingClient } from '../support/misbehaving-provider.ts';
import { connectTo, createClock, outcomeOf, signIn, startProvider } from './support.ts';

const now = () => Math.floor(Date.now() / 1000);
const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

test.each([
  ['an iss that is not the provider', { iss: 'https://evil.example' }],
  ['no iss', { iss: undefined }],
  ['an aud that is not us', { aud: 'someone-else' }],
  ['further audiences and no azp', { aud: [misbehavingClient.clientId, 'someone-else'] }],
  ['an azp that is not us', { aud: [misbehavingClient.clientId, 'other'], azp: 'other' }],
  ['an exp in the past', { exp: now() - 3600, iat: now() - 7200 }],
  ['no exp', { exp: undefined }],
  ['an nbf in the future', { nbf: now() + 3600 }],
  ['a nonce of another sign-in', { nonce: 'replayed' }],
  ['no nonce', { nonce: undefined }],
  ['a sub that is no text', { sub: 42 }],
  ['no sub', { sub: undefined }],
])('an ID token with %s is refused (OpenID Connect Core §3.1.3.7)', async (_, replaced) => {
  const upstream = await startProvider();
  upstream.on('/token', async () => ({
    body: await upstream.tokens({ id_token: await upstream.idToken(replaced) }),
  }));

  expect(await outcomeOf(signIn(connectTo(upstream.issuer)))).toBe('refused: server_error');
});

test('an audience beside ours is fine when azp is us (OpenID Connect Core §3.1.3.7)', async () => {
  const upstream = await startProvider();
  const claims = { aud: [misbehavingClient.clientId, 'other'], azp: misbehavingClient.clientId };
  upstream.on('/token', async () => ({
    body: await upstream.tokens({ id_token: await upstream.idToken(claims) }),
  }));

  expect((await signIn(connectTo(upstream.issuer))).identity.subject).toBe('person-1');
});

test('an OpenID provider that sends no ID token is refused (OpenID Connect Core §3.1.3.3)', async () => {
  const upstream = await startProvider();
  upstream.on('/token', async () => ({ body: await upstream.tokens({ id_token: undefined }) }));

  expect(await outcomeOf(signIn(connectTo(upstream.issuer)))).toBe('refused: server_error');
});

test.each(['none', 'ES256'])(
  'an ID token without signature that says alg %s is refused (RFC 8725 §3.2)',
  async (alg) => {
    const upstream = await startProvider();
    upstream.on('/.well-known/openid-configuration', () => ({
      body: { ...upstream.metadata(), id_token_signing_alg_values_supported: ['none', 'ES256'] },
    }));
    const idToken = `${base64url({ alg })}.${base64url(upstream.claims())}.`;
    upstream.on('/token', async () => ({ body: await upstream.tokens({ id_token: idToken }) }));

    expect(await outcomeOf(signIn(connectTo(upstream.issuer)))).toBe('refused: server_error');
  },
);

test('an ID token signed with the client secret is refused: every client shares that key (RFC 8725 §3.1)', async () => {
  const upstream = await startProvider();
  upstream.on('/.well-known/openid-configuration', () => ({
    body: { ...upstream.metadata(), id_token_signing_alg_values_supported: ['HS256', 'ES256'] },
  }));
  const idToken = await new SignJWT(upstream.claims())
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(misbehavingClient.clientSecret));
  upstream.on('/token', async () => ({ body: await upstream.tokens({ id_token: idToken }) }));

  expect(await outcomeOf(signIn(connectTo(upstream.issuer)))).toBe('refused: server_error');
});

test.each([
  [
    'its claims were changed',
    (idToken: string) => {
      const [header, , signature] = idToken.split('.');
      return `${header}.${base64url({ ...JSON.parse(Buffer.from(idToken.split('.')[1]!, 'base64url').toString()), sub: 'admin' })}.${signature}`;
    },
  ],
  ['its signature is cut short', (idToken: string) => idToken.slice(0, -8)],
  ['it is not base64', (idToken: string) => `${idToken}=*`],
  ['it is not a JWT', () => 'id-token'],
  ['its header is not JSON', (idToken: string) => `AAAA${idToken.slice(idToken.indexOf('.'))}`],
])('an ID token is refused when %s (RFC 7515 §5.2)', async (_, damage) => {
  const upstream = await startProvider();
  upstream.on('/token', async () => ({
    body: await upstream.tokens({ id_token: damage(await upstream.idToken()) }),
  }));

  expect(await outcomeOf(signIn(connectTo(upstream.issuer)))).toBe('refused: server_error');
});

test('keys are read once and used again (OpenID Connect Core §10.1.1)', async () => {
  const upstream = await startProvider();
  const provider = connectTo(upstream.issuer);

  await signIn(provider);
  await signIn(provider);

  expect(upstream.callsTo('/jwks')).toHaveLength(1);
});

test('an unknown key id makes the keys be read again: a rotation is not noticed by people (OpenID Connect Core §10.1.1)', async () => {
  const upstream = await startProvider();
  const clock = createClock();
  const provider = connectTo(upstream.issuer, { clock: clock.now });
  await signIn(provider);
  await upstream.rotateKey();
  clock.advance({ seconds: 11 });

  await signIn(provider);

  expect(upstream.callsTo('/jwks')).toHaveLength(2);
});

test('an unknown key id does not make us ask more often than every ten seconds, and is a failure, not a refusal', async () => {
  const upstream = await startProvider();
  const clock = createClock();
  const provider = connectTo(upstream.issuer, { clock: clock.now });
  await signIn(provider);
  await upstream.rotateKey();

  expect(await outcomeOf(signIn(provider))).toBe('unavailable');
  expect(upstream.callsTo('/jwks')).toHaveLength(1);
  clock.advance({ seconds: 11 });
  expect(await outcomeOf(signIn(provider))).toBe('fine');
});

test('a key that the provider withdrew is not trusted for longer than five minutes', async () => {
  const upstream = await startProvider();
  const clock = createClock();
  const provider = connectTo(upstream.issuer, { clock: clock.now });
  await signIn(provider);
  const stolen = await upstream.idToken({ exp: now() + 3600 });
  await upstream.rotateKey();
  upstream.on('/token', async () => ({ body: await upstream.tokens({ id_token: stolen }) }));

  clock.advance({ seconds: 200 });
  expect(await outcomeOf(signIn(provider))).toBe('fine');
  clock.advance({ seconds: 101 });
  expect(await outcomeOf(signIn(provider))).toBe('unavailable');
});

test('the times of an ID token are compared with the clock of the program, with a minute of tolerance', async () => {
  const upstream = await startProvider();
  const clock = createClock();
  const provider = connectTo(upstream.issuer, { clock: clock.now });
  upstream.on('/token', async () => ({
    body: await upstream.tokens({ id_token: await upstream.idToken({ exp: now() + 60 }) }),
  }));

  clock.advance({ seconds: 90 });
  expect(await outcomeOf(signIn(provider))).toBe('fine');
  clock.advance({ seconds: 90 });
  expect(await outcomeOf(signIn(provider))).toBe('refused: server_error');
});

test.each([
  ['500', { status: 500 }],
  ['404', { status: 404 }],
  ['a page', { headers: { 'content-type': 'text/html' }, body: '<h1>Gateway</h1>' }],
  ['more than a mebibyte', { body: { keys: ['x'.repeat(1024 * 1024)] } }],
])('keys that answer %s are a failure, not a refusal', async (_, answer) => {
  const upstream = await startProvider();
  upstream.on('/jwks', () => answer);

  expect(await outcomeOf(signIn(connectTo(upstream.issuer)))).toBe('unavailable');
});
