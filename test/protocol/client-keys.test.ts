/** Which keys a client may bring (RFC 7517, RFC 7591 §2). */
import { describe, expect, test } from 'vitest';
import { jwksUriProblem, readClientJwks, readKeySource } from '../../src/protocol/client-keys.ts';

const ec = { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: '1' };

describe('key sets', () => {
  test('members that nobody needs are left out, and keys of an unknown kind are ignored (RFC 7517 §5)', () => {
    const set = {
      keys: [
        { ...ec, x5c: ['certificate'] },
        { kty: 'AKP', pub: 'x' },
      ],
    };
    expect(readClientJwks(set)).toEqual({ keys: [ec] });
  });

  test.each<[string, unknown, RegExp]>([
    ['no object', 'text', /must be a key set/],
    ['null', null, /must be a key set/],
    ['no keys', {}, /must be a key set/],
    ['an empty set', { keys: [] }, /no public key/],
    ['21 keys', { keys: Array.from({ length: 21 }, () => ec) }, /at most 20/],
    ['a symmetric key', { keys: [ec, { kty: 'oct', k: 'AA' }] }, /symmetric/],
    ['a private key', { keys: [{ ...ec, d: 'AA' }] }, /private/],
    [
      'a modulus of more than 8192 bits',
      { keys: [{ kty: 'RSA', n: 'A'.repeat(1367), e: 'AQAB' }] },
      /no public/,
    ],
    ['a huge exponent', { keys: [{ kty: 'RSA', n: 'AA', e: 'A'.repeat(7) }] }, /no public key/],
  ])('%s is refused (RFC 7517 §5, RFC 7591 §2)', (_, set, problem) => {
    expect(readClientJwks(set)).toEqual({ problem: expect.stringMatching(problem) as string });
  });
});

describe('where keys are', () => {
  test('jwks and jwks_uri exclude each other (RFC 7591 §2)', () => {
    expect(readKeySource({ keys: [ec] }, 'https://client.example/keys')).toEqual({
      problem: 'jwks and jwks_uri cannot be used together',
    });
  });

  test('null counts as absent (clients.md P11)', () => {
    expect(readKeySource(null, null)).toEqual({ jwks: undefined, jwksUri: undefined });
    expect(readKeySource({ keys: [ec] }, null)).toEqual({ jwks: { keys: [ec] }, jwksUri: undefined });
  });

  test.each([
    'http://client.example/keys',
    'https://user@client.example/keys',
    'https://client.example/keys#1',
    'file:///etc/passwd',
    'keys',
    7,
  ])('jwks_uri %s is refused (protocol.md 78)', (uri) => {
    expect(jwksUriProblem(uri)).toBeDefined();
  });
});
