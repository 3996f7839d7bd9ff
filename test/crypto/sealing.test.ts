/** Values at rest: they open with the right key, in the right place, unchanged; and never otherwise. */
import { randomBytes } from 'node:crypto';
import { assert, integer, nat, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { openFor, SealError, sealedKeyId, Sealer, sealFor } from '../../src/crypto/sealing.ts';

const [oldKey, newKey] = [randomBytes(32), randomBytes(32)];
const sealer = new Sealer([newKey]);

test('opening inverts sealing, for any text in any place (design: secrets at rest)', () => {
  assert(
    property(string({ unit: 'grapheme' }), string(), (text, place) => {
      expect(sealer.open(sealer.seal(text, place), place)).toBe(text);
      expect(openFor('secret', sealFor('secret', text, place), place)).toBe(text);
    }),
  );
});

test('a value that was moved to another row does not open (design: bound to their row)', () => {
  const sealed = sealer.seal('token', 'upstream_sessions.sealed_access_token:1');
  expect(() => sealer.open(sealed, 'upstream_sessions.sealed_access_token:2')).toThrow(SealError);
  expect(() => sealer.open(sealed, 'upstream_sessions.sealed_refresh_token:1')).toThrow(SealError);
});

test('a value with any bit changed, cut or longer does not open (NIST SP 800-38D §7.2)', () => {
  const sealed = sealer.seal('a secret', 'place');
  assert(
    property(nat(sealed.length - 1), integer({ min: 1, max: 255 }), (index, change) => {
      const changed = Uint8Array.from(sealed);
      changed[index] = (changed[index] ?? 0) ^ change;
      expect(() => sealer.open(changed, 'place')).toThrow(SealError);
    }),
  );
  for (let length = 0; length < sealed.length; length += 1) {
    expect(() => sealer.open(sealed.subarray(0, length), 'place')).toThrow(SealError);
  }
  expect(() => sealer.open(Buffer.concat([sealed, Uint8Array.of(0)]), 'place')).toThrow(SealError);
});

test('the same text is sealed differently each time, and nothing of it shows (NIST SP 800-38D §8)', () => {
  const text = 'a secret that would be recognised';
  const [first, second] = [sealer.seal(text, 'place'), sealer.seal(text, 'place')];
  expect(first).not.toEqual(second);
  expect(Buffer.from(first).includes('recognised')).toBe(false);
});

test('the first key seals, every key opens: keys rotate without a moment in which nothing opens', () => {
  const before = new Sealer([oldKey]).seal('old', 'place');
  const rotating = new Sealer([newKey, oldKey]);
  expect(rotating.open(before, 'place')).toBe('old');
  const after = rotating.seal('new', 'place');
  expect(sealer.open(after, 'place')).toBe('new');
  expect(() => new Sealer([oldKey]).open(after, 'place')).toThrow(SealError);
});

test('the order of keys decides which one seals', () => {
  const rotated = new Sealer([oldKey, newKey]);
  expect(sealedKeyId(rotated.seal('x', 'place'))).toBe(rotated.keyIds[0]);
  expect(new Sealer([newKey, oldKey]).keyIds).toEqual(rotated.keyIds.toReversed());
});

test('a key id says which key is missing, and nothing about the key', () => {
  const sealed = new Sealer([oldKey]).seal('x', 'place');
  const keyId = sealedKeyId(sealed);
  expect(() => sealer.open(sealed, 'place')).toThrow(keyId);
  expect(oldKey.toString('hex')).not.toContain(keyId);
});

test('what is sealed for the holder of one secret stays closed to any other (design: grace of refresh tokens)', () => {
  const sealed = sealFor('mop_rt_presented', 'successor', 'place');
  expect(() => openFor('mop_rt_other', sealed, 'place')).toThrow(SealError);
  expect(() => openFor('mop_rt_presented', sealed, 'other place')).toThrow(SealError);
  expect(() => sealer.open(sealed, 'place')).toThrow(SealError);
});

test('without a key there is no sealer', () => {
  expect(() => new Sealer([])).toThrow('encryption key');
});
