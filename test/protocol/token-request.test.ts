/** Token and revocation requests (OAuth 2.1 §3.2, RFC 7009 §2.1). */
import { expect, test } from 'vitest';
import { TokenError } from '../../src/protocol/errors.ts';
import { readPresentedToken, readTokenRequest } from '../../src/protocol/token-request.ts';

const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const codeRequest = { grant_type: 'authorization_code', code: 'c', code_verifier: verifier };
const refreshRequest = { grant_type: 'refresh_token', refresh_token: 'r' };

function codeOf(raw: Readonly<Record<string, unknown>>): string | undefined {
  try {
    readTokenRequest(raw);
    return undefined;
  } catch (error) {
    if (error instanceof TokenError) return error.code;
    throw error;
  }
}

test('a code request needs code and verifier; the redirect URI may be left out (OAuth 2.1 §4.1.3, §10.2)', () => {
  const read = { grantType: 'authorization_code', code: 'c', codeVerifier: verifier, resources: [] };
  expect(readTokenRequest(codeRequest)).toEqual(read);
  expect(readTokenRequest({ ...codeRequest, redirect_uri: '' })).toEqual(read);
  const redirect_uri = 'https://client.example/cb';
  expect(readTokenRequest({ ...codeRequest, redirect_uri })).toEqual({ ...read, redirectUri: redirect_uri });
});

test('a refresh request needs the token; scope and resource may narrow it (OAuth 2.1 §4.3.1)', () => {
  const read = { grantType: 'refresh_token', refreshToken: 'r', resources: [] };
  expect(readTokenRequest(refreshRequest)).toEqual(read);
  expect(readTokenRequest({ ...refreshRequest, scope: 'a b', resource: 'x', unknown: '1' })).toEqual({
    ...read,
    scope: 'a b',
    resources: ['x'],
  });
});

test('a machine’s request needs nothing else; scope and resource may narrow it (OAuth 2.1 §4.2.1)', () => {
  const read = { grantType: 'client_credentials', resources: [] };
  expect(readTokenRequest({ grant_type: 'client_credentials' })).toEqual(read);
  expect(readTokenRequest({ grant_type: 'client_credentials', scope: 'a', resource: 'x' })).toEqual({
    ...read,
    scope: 'a',
    resources: ['x'],
  });
});

test.each([
  [{}, 'invalid_request'],
  [{ grant_type: '' }, 'invalid_request'],
  [{ grant_type: ['authorization_code', 'refresh_token'] }, 'invalid_request'],
  [{ grant_type: 'password', username: 'u', password: 'p' }, 'unsupported_grant_type'],
  [{ grant_type: 'implicit' }, 'unsupported_grant_type'],
  [{ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' }, 'unsupported_grant_type'],
  [{ grant_type: 'AUTHORIZATION_CODE' }, 'unsupported_grant_type'],
  [{ grant_type: 'constructor' }, 'unsupported_grant_type'],
  [{ grant_type: '__proto__' }, 'unsupported_grant_type'],
])('%j is %s: the grant type is looked at first (RFC 6749 §5.2, RFC 9700 §2.4)', (raw, code) => {
  expect(codeOf(raw)).toBe(code);
});

test.each([
  ['no code', { code: undefined }],
  ['an empty code', { code: '' }],
  ['a repeated code', { code: ['c', 'c'] }],
  ['a code with NUL', { code: 'c\0' }],
  ['a huge code', { code: 'c'.repeat(8193) }],
  ['a repeated redirect_uri', { redirect_uri: ['a', 'a'] }],
  ['a repeated resource that is too long', { resource: ['a', 'b'.repeat(2049)] }],
])('a code request with %s is invalid_request (OAuth 2.1 §3.2)', (_, changed) => {
  expect(codeOf({ ...codeRequest, ...changed })).toBe('invalid_request');
});

test.each([
  ['missing', undefined],
  ['empty', ''],
  ['42 characters long', 'a'.repeat(42)],
  ['129 characters long', 'a'.repeat(129)],
  ['repeated', [verifier, verifier]],
  ['of another alphabet', `${verifier}+`],
  ['ended by a line end', `${verifier}\n`],
])('a verifier that is %s is refused (RFC 7636 §4.1)', (_, code_verifier) => {
  expect(codeOf({ ...codeRequest, code_verifier })).toBe('invalid_request');
});

test.each(['a'.repeat(43), 'a'.repeat(128), `${'.'.repeat(20)}~_-${'Z9'.repeat(20)}`])(
  'the verifier %s is one (RFC 7636 §4.1)',
  (code_verifier) => {
    expect(codeOf({ ...codeRequest, code_verifier })).toBeUndefined();
  },
);

test.each([[{ refresh_token: undefined }], [{ refresh_token: ['r', 'r'] }], [{ scope: ['a', 'b'] }]])(
  'a refresh request with %j is invalid_request (RFC 6749 §6)',
  (changed) => {
    expect(codeOf({ ...refreshRequest, ...changed })).toBe('invalid_request');
  },
);

test('what is wrong is named, never repeated (RFC 6749 §5.2)', () => {
  expect(() => readTokenRequest({ ...codeRequest, code_verifier: '<script>' })).toThrow(
    expect.objectContaining({ description: 'missing, repeated or malformed: code_verifier' }),
  );
});

test('revocation and introspection need the token, once; an unknown hint does not matter (RFC 7009 §2.1, RFC 7662 §2.1)', () => {
  expect(readPresentedToken({ token: 't', token_type_hint: 'saml' })).toBe('t');
  for (const raw of [{}, { token: '' }, { token: ['a', 'b'] }, { token: 't', token_type_hint: ['a', 'b'] }]) {
    expect(() => readPresentedToken(raw)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  }
});
