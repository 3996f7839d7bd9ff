/** Which network an address is of: one source of registrations. */
import { assert, ipV4, ipV6, property } from 'fast-check';
import { expect, test } from 'vitest';
import { networkOf } from '../../src/http/client-address.ts';

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1'],
  ['2001:0DB8:0001::1', '2001:db8:1'],
  ['2001:db8::1', '2001:db8:0'],
  ['2001::', '2001:0:0'],
  ['::1', '0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0'],
  ['unknown', 'unknown'],
])('%s is of the network %s: an IPv6 /48 is one site (RFC 6177)', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test('every address has a network, and IPv4 addresses are told apart', () => {
  assert(
    property(ipV4(), ipV6(), (v4, v6) => {
      expect(networkOf(v4)).toBe(v4);
      expect(networkOf(v6)).not.toBe('');
    }),
  );
});
