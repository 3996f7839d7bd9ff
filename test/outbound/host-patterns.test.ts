/** Lists of hosts as operators write them (clients.md P25). */
import { expect, test } from 'vitest';
import { isHostPattern, matchesHost } from '../../src/outbound/host-patterns.ts';

test.each([
  ['claude.ai', 'claude.ai'],
  ['Claude.AI', 'claude.ai'],
  ['claude.ai', 'claude.ai.'],
  ['*.example.com', 'a.example.com'],
  ['*.example.com', 'a.b.example.com'],
])('%s is %s', (pattern, host) => {
  expect(matchesHost(['else.example', pattern], host)).toBe(true);
});

test.each([
  ['claude.ai', 'evil-claude.ai'],
  ['claude.ai', 'claude.ai.evil.example'],
  ['claude.ai', 'www.claude.ai'],
  ['*.example.com', 'example.com'],
  ['*.example.com', 'evilexample.com'],
  ['*.example.com', 'a.example.com.evil.example'],
])('%s is not %s', (pattern, host) => {
  expect(matchesHost([pattern], host)).toBe(false);
});

test.each(['claude.ai', '*.example.com', 'localhost', '192.0.2.1', 'xn--bcher-kva.example'])(
  '%s can be listed',
  (host) => {
    expect(isHostPattern(host)).toBe(true);
  },
);

test.each([
  '*',
  '*.',
  '',
  'a.*.b',
  '*a.example',
  'https://claude.ai',
  'claude.ai/x',
  'claude.ai:443',
  '-a.example',
  'a..b',
])('"%s" cannot', (host) => {
  expect(isHostPattern(host)).toBe(false);
});
