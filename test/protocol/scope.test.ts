/** Scopes (RFC 6749 §3.3). */
import { assert, constantFrom, option, property, string, uniqueArray } from 'fast-check';
import { expect, test } from 'vitest';
import { formatScope, grantableScopes, includesAll, parseScope } from '../../src/protocol/scope.ts';

const supported = ['openid', 'profile', 'email'];

test.each([
  ['openid email', ['openid', 'email']],
  ['  openid   email ', ['openid', 'email']],
  ['email openid email', ['email', 'openid']],
  ['', []],
  ['Files.Read.All https://graph.example/.default', ['Files.Read.All', 'https://graph.example/.default']],
])('%j is read as its distinct tokens (RFC 6749 §3.3)', (scope, expected) => {
  expect(parseScope(scope)).toEqual(expected);
});

test.each(['open\tid', 'openid\nemail', 'a"b', 'a\\b', 'ä', 'a\0', 'a\x7f'])(
  '%j has characters that a scope cannot have (RFC 6749 §3.3)',
  (scope) => {
    expect(parseScope(scope)).toBeUndefined();
  },
);

const token = string({ unit: constantFrom(...'abcXYZ019.:/_-!#~'.split('')), minLength: 1 });
const tokens = uniqueArray(token);

test('a printed list of scopes is read back as itself (RFC 6749 §3.3)', () => {
  assert(
    property(tokens, (scopes) => {
      expect(parseScope(formatScope(scopes))).toEqual(scopes);
    }),
  );
});

test.each([
  [undefined, supported],
  [[], supported],
  [['email'], ['email']],
  [
    ['profile', 'admin', 'email'],
    ['profile', 'email'],
  ],
  [['admin'], supported],
  [['offline_access'], [...supported, 'offline_access']],
  [
    ['email', 'offline_access'],
    ['email', 'offline_access'],
  ],
])(
  'asked for %j, grants %j: unknown ones are left out, none means the default (RFC 6749 §3.3)',
  (requested, granted) => {
    expect(grantableScopes(requested, supported, undefined)).toEqual(granted);
  },
);

test('a client gets no scope beyond those its operator allowed (RFC 6749 §3.3)', () => {
  expect(grantableScopes(undefined, supported, ['email', 'admin'])).toEqual(['email']);
  expect(grantableScopes(['openid', 'email'], supported, ['email'])).toEqual(['email']);
  expect(grantableScopes(['openid'], supported, [])).toEqual([]);
});

test('whatever is asked for, only what is supported is granted, each once (RFC 6749 §3.3)', () => {
  const scope = constantFrom(...supported, 'admin', 'offline_access', 'toString');
  assert(
    property(uniqueArray(scope), option(uniqueArray(scope), { nil: undefined }), (asked, allowed) => {
      const granted = grantableScopes(asked, supported, allowed);
      const available = supported.filter((scope) => allowed?.includes(scope) ?? true);
      expect(includesAll([...available, 'offline_access'], granted)).toBe(true);
      expect(new Set(granted).size).toBe(granted.length);
    }),
  );
});
