/** Authorization requests, read in two parts (OAuth 2.1 §4.1.1, RFC 7636). */
import { assert, constantFrom, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readRedirectPart, readRequestPart, readState } from '../../src/protocol/authorization-request.ts';

const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const good = {
  client_id: 'client',
  redirect_uri: 'https://client.example/cb',
  response_type: 'code',
  code_challenge: challenge,
  code_challenge_method: 'S256',
};

describe('the part that must be right before anything is redirected (RFC 6749 §4.1.2.1)', () => {
  test('client and redirect URI are read; an empty redirect URI counts as none (RFC 6749 §3.1)', () => {
    const part = { clientId: 'client', redirectUri: 'https://client.example/cb' };
    expect(readRedirectPart(good)).toEqual(part);
    expect(readRedirectPart({ client_id: 'client', redirect_uri: '' })).toEqual({ clientId: 'client' });
  });

  test.each([
    {},
    { client_id: '' },
    { client_id: ['a', 'b'] },
    { client_id: ['client', 'client'] },
    { ...good, redirect_uri: [good.redirect_uri, 'https://evil.example'] },
    { client_id: 'a'.repeat(8193) },
    { client_id: 'a\0' },
    { client_id: { $ne: '' } },
    { client_id: 5 },
  ])('%j is refused: missing, repeated, too long or not text (RFC 6749 §3.1)', (raw) => {
    expect(readRedirectPart(raw)).toBeUndefined();
  });

  test.each([
    ['abc', 'abc'],
    ['', undefined],
    [undefined, undefined],
    [['a', 'b'], undefined],
    ['a\0', undefined],
    ['a'.repeat(8193), undefined],
  ])('state %j can be sent back as %j', (state, expected) => {
    expect(readState({ state })).toBe(expected);
  });
});

describe('the rest', () => {
  test('a good request is read, and unknown parameters are ignored (RFC 6749 §3.1)', () => {
    const raw = {
      ...good,
      state: 's',
      scope: 'openid',
      nonce: 'n',
      __proto__: { x: 1 },
      unknown: ['a', 'b'],
    };
    expect(readRequestPart(raw)).toEqual({
      choosesAccount: false,
      state: 's',
      scope: 'openid',
      codeChallenge: challenge,
      forcesConsent: false,
      resources: [],
    });
  });

  test.each([
    ['code', undefined],
    [undefined, 'invalid_request'],
    ['', 'invalid_request'],
    ['token', 'unsupported_response_type'],
    ['id_token', 'unsupported_response_type'],
    ['code token', 'unsupported_response_type'],
    ['CODE', 'unsupported_response_type'],
    [['code', 'code'], 'invalid_request'],
  ])('response_type %j: %s (OAuth 2.1 §4.1.1, RFC 9700 §2.1.2)', (response_type, code) => {
    expect(problemOf({ ...good, response_type })).toBe(code);
  });

  test.each([
    ['without a challenge', undefined, 'S256'],
    ['without a challenge and method', undefined, undefined],
    ['without a method, which would mean plain', challenge, undefined],
    ['with plain', challenge, 'plain'],
    ['with an unknown method', challenge, 'S512'],
    ['with a method in lower case', challenge, 's256'],
    ['with a repeated method', challenge, ['S256', 'plain']],
    ['with an empty challenge', '', 'S256'],
    ['with a short challenge', challenge.slice(1), 'S256'],
    ['with a long challenge', `${challenge}A`, 'S256'],
    ['with a padded challenge', `${challenge.slice(1)}=`, 'S256'],
    ['with a challenge in plain base64', `${challenge.slice(1)}+`, 'S256'],
    ['with a challenge and a line end', `${challenge}\n`, 'S256'],
    ['with a repeated challenge', [challenge, challenge], 'S256'],
  ])(
    '%s it is refused: PKCE with S256 is for everyone (OAuth 2.1 §4.1.1, RFC 7636 §4.3)',
    (_, code_challenge, code_challenge_method) => {
      expect(problemOf({ ...good, code_challenge, code_challenge_method })).toBe('invalid_request');
    },
  );

  test('a challenge is 43 characters of base64url, whatever else is said of it (RFC 7636 §4.2)', () => {
    assert(
      property(
        string({ unit: constantFrom(...'aZ09-_=+/. '.split('')), maxLength: 50 }),
        (code_challenge) => {
          const isGood = /^[A-Za-z0-9_-]{43}$/.test(code_challenge);
          expect(problemOf({ ...good, code_challenge }) === undefined).toBe(isGood);
        },
      ),
    );
  });

  test.each(['state', 'scope', 'prompt'])('a repeated %s is refused (RFC 6749 §3.1)', (name) => {
    expect(problemOf({ ...good, [name]: ['a', 'b'] })).toBe('invalid_request');
  });

  test('resource may be repeated, a few times (RFC 8707 §2)', () => {
    const uri = 'https://mcp.example.com/mcp';
    expect(readRequestPart({ ...good, resource: uri })).toMatchObject({ resources: [uri] });
    expect(readRequestPart({ ...good, resource: [uri, '', uri] })).toMatchObject({ resources: [uri, uri] });
    expect(problemOf({ ...good, resource: Array.from({ length: 11 }, () => uri) })).toBe('invalid_request');
    expect(problemOf({ ...good, resource: `${uri}${'a'.repeat(2048)}` })).toBe('invalid_request');
  });

  test.each([
    ['consent', true, false],
    ['login consent', true, true],
    ['select_account', true, true],
    ['none', false, false],
    ['consenting', false, false],
    [undefined, false, false],
  ])(
    'prompt %j asks the person again: %s, lets them choose an account: %s (OpenID Connect Core §3.1.2.1)',
    (prompt, forcesConsent, choosesAccount) => {
      expect(readRequestPart({ ...good, prompt })).toMatchObject({ forcesConsent, choosesAccount });
    },
  );
});

function problemOf(raw: Readonly<Record<string, unknown>>): string | undefined {
  const read = readRequestPart(raw);
  return 'code' in read ? read.code : undefined;
}
