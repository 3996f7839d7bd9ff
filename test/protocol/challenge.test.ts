/** The challenge of a protected resource, and the header that answers it (RFC 6750, RFC 9728). */
import { assert, constantFrom, nat, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { bearerChallenge, readBearerToken } from '../../src/protocol/challenge.ts';
import { BearerError } from '../../src/protocol/errors.ts';

const facts = { resourceMetadataUrl: 'https://mcp.example.com/.well-known/x', scopes: ['openid', 'email'] };
const missing = new BearerError('missing_token', { reason: 'none' });
const invalid = new BearerError('invalid_token', { reason: 'private', description: 'Expired' });

/** Reads a challenge as a client does: one scheme, quoted parameters (RFC 9110 §11.6.1). */
function parse(challenge: string): [string, string][] {
  expect(challenge).toMatch(/^Bearer [a-z_]+="[^"\\]*"(, [a-z_]+="[^"\\]*")*$/);
  return [...challenge.matchAll(/([a-z_]+)="([^"\\]*)"/g)].map(([, name = '', value = '']) => [name, value]);
}

test('a request without a token is told where to ask and for what, without an error (RFC 6750 §3.1, RFC 9728 §5.1)', () => {
  expect(parse(bearerChallenge(missing, facts))).toEqual([
    ['resource_metadata', facts.resourceMetadataUrl],
    ['scope', 'openid email'],
  ]);
});

test('a refused token gets error and description, and never the private reason (RFC 6750 §3)', () => {
  expect(parse(bearerChallenge(invalid, facts))).toEqual([
    ['error', 'invalid_token'],
    ['error_description', 'Expired'],
    ['resource_metadata', facts.resourceMetadataUrl],
    ['scope', 'openid email'],
  ]);
});

test('without scopes there is no empty scope parameter (RFC 6750 §3)', () => {
  expect(bearerChallenge(missing, { ...facts, scopes: [] })).not.toContain('scope');
});

test('no text breaks out of its quotes or its line, and each parameter is there once (RFC 9110 §5.6.4)', () => {
  const text = string({ unit: constantFrom(...'ab",\\\r\n\0=ä\x7f '.split('')) });
  assert(
    property(text, text, (description, scope) => {
      const error = new BearerError('insufficient_scope', { reason: 'x', description });
      const names = parse(bearerChallenge(error, { ...facts, scopes: [scope] })).map(([name]) => name);
      expect(names).toEqual(['error', 'error_description', 'resource_metadata', 'scope']);
    }),
  );
});

test.each([
  ['Bearer abc.def-_~+/==', 'abc.def-_~+/=='],
  ['bearer abc', 'abc'],
  ['BEARER   abc  ', 'abc'],
])('%j holds the token %s: the scheme has no case (RFC 9110 §11.1, RFC 6750 §2.1)', (header, token) => {
  expect(readBearerToken(header)).toEqual({ token });
});

test.each([undefined, '', 'Basic YTpi', 'Bearerabc', 'DPoP abc', 'Token abc'])(
  '%j holds no bearer token at all (RFC 6750 §3.1)',
  (header) => {
    expect(readBearerToken(header)).toBe('missing');
  },
);

test.each([
  'Bearer',
  'Bearer ',
  'Bearer a b',
  'Bearer a,b',
  'Bearer "a"',
  'Bearer =',
  'Bearer a=b',
  'Bearer ä',
])('%j is a malformed bearer token (RFC 6750 §2.1)', (header) => {
  expect(readBearerToken(header)).toBe('malformed');
});

test('every token of the grammar is read back as itself (RFC 6750 §2.1: b64token)', () => {
  const body = string({ unit: constantFrom(...'azAZ09._~+/-'.split('')), minLength: 1 });
  assert(
    property(body, nat(2), (text, padding) => {
      const token = text + '='.repeat(padding);
      expect(readBearerToken(`Bearer ${token}`)).toEqual({ token });
    }),
  );
});
