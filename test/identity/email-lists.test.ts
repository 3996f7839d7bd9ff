/** Addresses and domains that may sign in: what an entry matches, and what only looks like it (protocol.md 122). */
import { expect, test } from 'vitest';
import { isListed, readListedDomain, readListedEmail } from '../../src/identity/email-lists.ts';

const known = (value: string | undefined): string[] => (value === undefined ? [] : [value]);
const emails = (...values: string[]) => ({
  emails: values.flatMap((value) => known(readListedEmail(value))),
  domains: [],
});
const domains = (...values: string[]) => ({
  emails: [],
  domains: values.flatMap((value) => known(readListedDomain(value))),
});

test.each([
  ['ada@example.com', 'ada@example.com'],
  ['Ada@Example.COM', 'aDA@eXAMPLE.com'],
  ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
  ['ada@xn--bcher-kva.example', 'ada@bücher.example'],
  ['ada@BÜCHER.example', 'ada@bücher.example'],
  ['jürgen@example.com', 'jürgen@example.com'],
])(
  'the address %s admits %s: case of ASCII and the two forms of a domain are one (RFC 5890 §2.3.2.1)',
  (listed, email) => {
    expect(isListed(emails(listed), email)).toBe(true);
  },
);

test.each([
  ['plus addressing', 'ada@example.com', 'ada+x@example.com'],
  ['plus addressing, the other way', 'ada+x@example.com', 'ada@example.com'],
  ['dots', 'ada.l@example.com', 'adal@example.com'],
  ['a subdomain', 'ada@example.com', 'ada@mail.example.com'],
  ['a longer domain', 'ada@example.com', 'ada@example.com.evil.example'],
  ['a dot at the end', 'ada@example.com', 'ada@example.com.'],
  ['a Cyrillic а', 'ada@example.com', 'аda@example.com'],
  ['a Cyrillic е in the domain', 'ada@example.com', 'ada@еxample.com'],
  ['the Kelvin sign, whose lower case is k', 'kim@example.com', '\u212aim@example.com'],
  ['the Kelvin sign in the domain', 'ada@kiwi.example', 'ada@\u212aiwi.example'],
  ['full-width letters in the domain', 'ada@example.com', 'ada@ｅxample.com'],
  ['a full-width full stop', 'ada@example.com', 'ada@example．com'],
  ['an invisible character', 'ada@example.com', 'ada@exam\u200bple.com'],
  ['a soft hyphen in the local part', 'ada@example.com', 'a\u00adda@example.com'],
  ['another normalization', 'jürgen@example.com', 'ju\u0308rgen@example.com'],
  ['no domain', 'ada@example.com', 'ada'],
  ['nothing', 'ada@example.com', ''],
])('%s is someone else', (_, listed, email) => {
  expect(isListed(emails(listed), email)).toBe(false);
});

test.each([
  ['example.com', 'ada@example.com', true],
  ['EXAMPLE.com', 'Ada@Example.com', true],
  ['example.com', 'ada@sub.example.com', false],
  ['example.com', 'ada@notexample.com', false],
  ['example.com', 'ada@example.com.evil.example', false],
  ['example.com', 'example.com@evil.example', false],
  ['*.example.com', 'ada@sub.example.com', true],
  ['*.example.com', 'ada@a.b.example.com', true],
  ['*.example.com', 'ada@example.com', false],
  ['*.example.com', 'ada@notexample.com', false],
  ['*.example.com', 'ada@.example.com', false],
  ['*.bücher.example', 'ada@team.xn--bcher-kva.example', true],
  ['bücher.example', 'ada@bücher.example', true],
  ['bücher.example', 'ada@bucher.example', false],
])('the domain %s and the address %s: %s', (listed, email, isMatch) => {
  expect(isListed(domains(listed), email)).toBe(isMatch);
});

test('several entries: one is enough, of either list', () => {
  const lists = { ...domains('example.org', 'example.com'), emails: emails('eve@evil.example').emails };
  expect(
    ['ada@example.com', 'eve@evil.example', 'ada@evil.example'].map((email) => isListed(lists, email)),
  ).toEqual([true, true, false]);
});

test.each([
  '',
  '*',
  '*.',
  '*.com',
  'com',
  '@example.com',
  'ada@example.com',
  'ex ample.com',
  'example.com.',
  '*.*.example.com',
  '.example.com',
])('%j is no domain to list', (value) => {
  expect(readListedDomain(value)).toBeUndefined();
});

test.each([
  '',
  'ada',
  '@example.com',
  'ada@',
  'ada@com',
  '*@example.com',
  'ada@*.example.com',
  'a@b@example.com',
  'Ada <ada@example.com>',
])('%j is no address to list', (value) => {
  expect(readListedEmail(value)).toBeUndefined();
});
