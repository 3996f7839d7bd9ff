/** No two people are ever called the same (OpenID Connect Core §8: a subject is unique within its issuer only). */
import { array, assert, constantFrom, property, string, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import { providerIds } from '../../src/identity/provider-profile.ts';
import { userIdOf } from '../../src/identity/user-id.ts';

test.each([
  ['google', true, '110169484474386276334', '110169484474386276334'],
  ['github', false, '583231', 'github:583231'],
  ['oauth', true, 'github|583231', 'github|583231'],
  ['oauth', true, 'github:583231', 'oauth:github:583231'],
  ['oauth', false, 'oauth:1', 'oauth:oauth:1'],
] as const)('%s (primary: %s) %s is %s', (id, isPrimary, subject, userId) => {
  expect(userIdOf({ id, isPrimary }, subject)).toBe(userId);
});

test('whichever provider is primary, two people never share an id', () => {
  const provider = constantFrom(...providerIds);
  const subject = tuple(array(constantFrom(...providerIds.map((id) => `${id}:`), 'x', ':')), string()).map(
    ([parts, end]) => parts.join('') + end,
  );
  assert(
    property(provider, provider, subject, provider, subject, (primary, one, oneSubject, two, twoSubject) => {
      const first = userIdOf({ id: one, isPrimary: one === primary }, oneSubject);
      const second = userIdOf({ id: two, isPrimary: two === primary }, twoSubject);
      expect(first === second).toBe(one === two && oneSubject === twoSubject);
    }),
  );
});
