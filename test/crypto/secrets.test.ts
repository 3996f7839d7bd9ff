/** Random secrets and their hashes. */
import { expect, test } from 'vitest';
import {
  challengeOf,
  createClientId,
  createNonce,
  createSecret,
  hashSecret,
  isSameHash,
} from '../../src/crypto/secrets.ts';

test('a secret has 256 random bits behind a prefix that names it (OAuth 2.1 §7.6: at least 128)', () => {
  for (const kind of ['code', 'rt', 'cs'] as const) {
    expect(createSecret(kind)).toMatch(new RegExp(`^mop_${kind}_[A-Za-z0-9_-]{43}$`));
  }
  expect(createNonce()).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(new Set(Array.from({ length: 1000 }, createNonce)).size).toBe(1000);
});

test('a client id of ours is never a URL (Client ID Metadata Documents §6.7)', () => {
  expect(createClientId()).toMatch(/^[A-Za-z0-9_-]{22}$/);
});

test('hashes are equal only for the same secret, and of any other length never', () => {
  expect(isSameHash(hashSecret('a'), hashSecret('a'))).toBe(true);
  expect(isSameHash(hashSecret('a'), hashSecret('b'))).toBe(false);
  expect(isSameHash(hashSecret('a'), hashSecret('a').subarray(1))).toBe(false);
  expect(isSameHash(hashSecret('a'), new Uint8Array())).toBe(false);
});

test('the challenge of a verifier is that of the example (RFC 7636 Appendix B)', () => {
  const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
  expect(challengeOf(verifier)).toBe('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM');
});
