/** Claims about a person: what is believed, cleaned, or dropped. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProviderRefusedError } from '../../src/identity/identity-provider.ts';
import { readIdentity } from '../../src/identity/read-identity.ts';

const read = (claims: Readonly<Record<string, unknown>>) =>
  readIdentity('https://idp.example', { sub: 'person-1', ...claims });

test.each([
  ['missing', undefined],
  ['empty', ''],
  ['longer than 255', 'x'.repeat(256)],
  ['with a line break', 'a\nb'],
  ['with a null character', 'a\u0000'],
  ['an object', { id: 1 }],
  ['true', true],
  ['a fraction', 1.5],
  ['beyond what JSON carries exactly', 2 ** 53],
])('a subject that is %s names nobody (OpenID Connect Core §2)', (_, sub) => {
  expect(() => read({ sub })).toThrow(ProviderRefusedError);
});

test.each([
  ['255 characters', { sub: 'x'.repeat(255) }, 'x'.repeat(255)],
  ['a number', { sub: undefined, id: 7 }, '7'],
  ['zero', { sub: undefined, id: 0 }, '0'],
])('a subject may be %s', (_, claims, subject) => {
  expect(read(claims).subject).toBe(subject);
});

test.each([
  ['ada@example.com', undefined, 'ada@example.com'],
  ['ada@example.com', true, 'ada@example.com'],
  ['ada@example.com', 'true', 'ada@example.com'],
  ['jürgen@münchen.example', true, 'jürgen@münchen.example'],
  ['ada@example.com', false, undefined],
  ['ada@example.com', 'false', undefined],
  ['ada', true, undefined],
  ['a@b@c', true, undefined],
  ['"Ada" <ada@example.com>', true, undefined],
  ['ada@example.com\r\nX-Admin: yes', true, undefined],
  ['a\u202eda@example.com', true, undefined],
  [`${'a'.repeat(320)}@example.com`, true, undefined],
  [['ada@example.com'], true, undefined],
  [7, true, undefined],
])('the e-mail %j, verified %j, is read as %j', (email, verified, expected) => {
  expect(read({ email, email_verified: verified }).email).toBe(expected);
});

test.each([
  [{ name: '  Ada \t Lovelace\n' }, 'Ada Lovelace'],
  [{ name: 'Ada\u0000\u001b[31m' }, 'Ada [31m'],
  [{ name: 'gnp.exe\u202e' }, 'gnp.exe'],
  [{ name: 'Ada\ud800' }, 'Ada'],
  [{ name: 'x'.repeat(1024) }, 'x'.repeat(1024)],
  [{ name: 'x'.repeat(1025) }, undefined],
  [{ name: '愛'.repeat(400) }, undefined],
  [{ name: ' \n ' }, undefined],
  [{ name: { given: 'Ada' } }, undefined],
  [{ name: null, login: 'ada' }, 'ada'],
  [{ preferred_username: 'ada@corp' }, 'ada@corp'],
  [{ name: '', login: '', preferred_username: 'ada' }, 'ada'],
])('the name of %j is %j', (claims, expected) => {
  expect(read(claims).name).toBe(expected);
});

test('whatever the claims are, an identity has printable text of bounded length, or there is none', () => {
  const value = fc.oneof(fc.string({ unit: 'binary' }), fc.anything());
  fc.assert(
    fc.property(value, value, value, value, (sub, email, verified, name) => {
      for (const text of textsOf({ sub, email, email_verified: verified, name })) {
        expect(text).toMatch(/^[^\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]+$/u);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024);
      }
    }),
    { numRuns: 1000 },
  );
});

/** What is known of the person; nothing when the claims are refused. */
function textsOf(claims: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    const { subject, email, name } = readIdentity('https://idp.example', claims);
    return [subject, email, name].filter((text) => text !== undefined);
  } catch (error) {
    if (error instanceof ProviderRefusedError) return [];
    throw error;
  }
}
