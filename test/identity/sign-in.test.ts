/** Signing in at a real, certified OpenID provider. */
import { createHash } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { createIdentityProvider } from '../../src/identity/create-identity-provider.ts';
import {
  cancelAt,
  openBrowser,
  sampleClient,
  signInAt,
  startSampleProvider,
} from '../support/sample-provider.ts';
import { outcomeOf } from './support.ts';

const secrets = {
  state: 'a'.repeat(43),
  nonce: 'b'.repeat(43),
  codeVerifier: 'c'.repeat(43),
  redirectUri: sampleClient.redirectUri,
  scopes: [] as readonly string[],
};
const ada = { name: 'Ada Lovelace', email: 'Ada@example.com' };
const clock = () => new Date();

async function startPair(options: Parameters<typeof startSampleProvider>[0] = {}) {
  const sample = await startSampleProvider(options);
  onTestFinished(sample.close);
  const provider = createIdentityProvider(
    { id: 'oauth', url: new URL(sample.issuer), isPrimary: true, ...sampleClient },
    { clock },
  );
  return { issuer: sample.issuer, provider };
}

test('the request carries PKCE S256, state and nonce, and no resource (RFC 9700 §2.1.1, OpenID Connect Core §3.1.2.1)', async () => {
  const { provider } = await startPair();

  const url = await provider.signInUrl({ ...secrets, scopes: ['openid', 'email', 'notes:read'] });

  expect(Object.fromEntries(url.searchParams)).toEqual({
    client_id: sampleClient.clientId,
    response_type: 'code',
    redirect_uri: sampleClient.redirectUri,
    scope: 'openid profile email notes:read offline_access',
    prompt: 'consent',
    state: secrets.state,
    nonce: secrets.nonce,
    code_challenge: createHash('sha256').update(secrets.codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
});

test('a person who is to choose an account is asked to sign in anew (OpenID Connect Core §3.1.2.1, prompt)', async () => {
  const { provider } = await startPair();
  const url = await provider.signInUrl({ ...secrets, scopes: ['openid'], choosesAccount: true });
  expect(url.searchParams.get('prompt')).toBe('consent login');
  await provider.completeSignIn(await signInAt(url, ada), secrets);
});

test('a person who signs in is known by issuer and subject, with e-mail and name (OpenID Connect Core §2)', async () => {
  const { provider, issuer } = await startPair();
  const url = await provider.signInUrl({ ...secrets, scopes: [] });

  const { identity, tokens } = await provider.completeSignIn(await signInAt(url, ada), secrets);

  expect(identity).toEqual({
    issuer,
    subject: createHash('sha256').update('ada@example.com').digest('hex').slice(0, 20),
    email: 'Ada@example.com',
    name: 'Ada Lovelace',
    isEmailVerified: true,
  });
  expect(tokens.scope?.split(' ')).toContain('offline_access');
  const livesForMs = Number(tokens.expiresAt) - Date.now();
  expect(livesForMs).toBeGreaterThan(3_500_000);
  expect(livesForMs).toBeLessThanOrEqual(3_600_000);
});

test('a name may be in any script (OpenID Connect Core §5.1)', async () => {
  const { provider } = await startPair();
  const url = await provider.signInUrl({ ...secrets, scopes: [] });

  const answer = await signInAt(url, { name: 'Зоя 愛 "Z" <b>', email: 'zoe@example.com' });

  expect((await provider.completeSignIn(answer, secrets)).identity.name).toBe('Зоя 愛 "Z" <b>');
});

test('a rotated refresh token replaces the one presented (RFC 6749 §6)', async () => {
  const { provider, issuer } = await startPair({ rotateRefreshToken: true });
  const url = await provider.signInUrl({ ...secrets, scopes: [] });
  const { tokens } = await provider.completeSignIn(await signInAt(url, ada), secrets);

  const fresh = await provider.refresh(tokens.refreshToken ?? '', issuer);
  const again = await provider.refresh(fresh.refreshToken ?? '', issuer);

  expect(new Set([tokens.accessToken, fresh.accessToken, again.accessToken]).size).toBe(3);
  expect(new Set([tokens.refreshToken, fresh.refreshToken, again.refreshToken]).size).toBe(3);
  expect(await outcomeOf(provider.refresh(tokens.refreshToken ?? '', issuer))).toBe('refused: invalid_grant');
});

test('a refresh token that is not replaced stays in use (RFC 6749 §6)', async () => {
  const { provider, issuer } = await startPair({ rotateRefreshToken: false });
  const url = await provider.signInUrl({ ...secrets, scopes: [] });
  const { tokens } = await provider.completeSignIn(await signInAt(url, ada), secrets);

  const fresh = await provider.refresh(tokens.refreshToken ?? '', issuer);

  expect(fresh.refreshToken).toBe(tokens.refreshToken);
  expect(fresh.accessToken).not.toBe(tokens.accessToken);
});

test('a person who cancels has denied access (RFC 6749 §4.1.2.1)', async () => {
  const { provider } = await startPair();
  const answer = await cancelAt(await provider.signInUrl({ ...secrets, scopes: [] }));

  expect(await outcomeOf(provider.completeSignIn(answer, secrets))).toBe('refused: access_denied');
});

test('a code is redeemed only with the verifier it was asked with (RFC 7636 §4.6)', async () => {
  const { provider } = await startPair();
  const answer = await signInAt(await provider.signInUrl({ ...secrets, scopes: [] }), ada);

  const stolen = provider.completeSignIn(answer, { ...secrets, codeVerifier: 'x'.repeat(43) });

  expect(await outcomeOf(stolen)).toBe('refused: server_error');
});

test('a code is redeemed once (RFC 6749 §4.1.2)', async () => {
  const { provider } = await startPair();
  const answer = await signInAt(await provider.signInUrl({ ...secrets, scopes: [] }), ada);
  await provider.completeSignIn(answer, secrets);

  expect(await outcomeOf(provider.completeSignIn(answer, secrets))).toBe('refused: server_error');
});

test('an ID token with the nonce of another sign-in is refused (OpenID Connect Core §3.1.3.7)', async () => {
  const { provider } = await startPair();
  const answer = await signInAt(await provider.signInUrl({ ...secrets, scopes: [] }), ada);

  const replayed = provider.completeSignIn(answer, { ...secrets, nonce: 'x'.repeat(43) });

  expect(await outcomeOf(replayed)).toBe('refused: server_error');
});

test('a session at the provider signs the same person in without a form (OpenID Connect Core §3.1.2.3)', async () => {
  const { provider } = await startPair();
  const browser = openBrowser();
  const url = await provider.signInUrl({ ...secrets, scopes: [] });
  const first = await provider.completeSignIn(await signInAt(url, ada, browser), secrets);

  const second = await browser.visit(url);

  expect(second.text).toBeUndefined();
  expect((await provider.completeSignIn(second.url, secrets)).identity).toEqual(first.identity);
});
