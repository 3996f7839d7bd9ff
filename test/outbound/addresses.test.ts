/** Which addresses a stranger's URL may lead to (RFC 6890 and its updates; protocol.md 78). */
import { assert, constantFrom, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAddressPolicy } from '../../src/outbound/addresses.ts';

const isAllowed = createAddressPolicy([]);

/** Networks of the IPv4 registry: first address, last address. */
const special: readonly (readonly [string, string])[] = [
  ['0.0.0.0', '0.255.255.255'],
  ['10.0.0.0', '10.255.255.255'],
  ['100.64.0.0', '100.127.255.255'],
  ['127.0.0.0', '127.255.255.255'],
  ['169.254.0.0', '169.254.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.0.0.0', '192.0.0.255'],
  ['192.0.2.0', '192.0.2.255'],
  ['192.88.99.0', '192.88.99.255'],
  ['192.168.0.0', '192.168.255.255'],
  ['198.18.0.0', '198.19.255.255'],
  ['198.51.100.0', '198.51.100.255'],
  ['203.0.113.0', '203.0.113.255'],
  ['224.0.0.0', '239.255.255.255'],
  ['240.0.0.0', '255.255.255.255'],
];

const toNumber = (address: string) => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const toAddress = (number: number) => [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
const inHex = (number: number) => `${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`;

const anySpecial = constantFrom(...special).chain(([first, last]) =>
  integer({ min: toNumber(first), max: toNumber(last) }),
);
const anyIPv4 = integer({ min: 0, max: 0xffffffff });

/** Each form of IPv6 that carries an IPv4 address. */
const embedded: readonly (readonly [string, (number: number) => string])[] = [
  ['mapped', (n) => `::ffff:${toAddress(n)}`],
  ['mapped, in hex', (n) => `::ffff:${inHex(n)}`],
  ['mapped, written out', (n) => `0:0:0:0:0:ffff:${inHex(n)}`],
  ['compatible', (n) => `::${inHex(n)}`],
  ['translated (RFC 2765)', (n) => `::ffff:0:${inHex(n)}`],
  ['NAT64, well-known prefix', (n) => `64:ff9b::${inHex(n)}`],
  ['NAT64, local prefix', (n) => `64:ff9b:1::${inHex(n)}`],
  ['6to4', (n) => `2002:${inHex(n)}::1`],
  ['Teredo server', (n) => `2001:0:${inHex(n)}::1`],
  ['Teredo client', (n) => `2001:0:4136:e378:8000:63bf:${inHex(~n >>> 0)}`],
];

describe('IPv4', () => {
  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '126.255.255.255',
    '172.32.0.0',
    '223.255.255.255',
  ])('%s is public', (address) => {
    expect(isAllowed(address)).toBe(true);
  });

  test('every address of every special range is refused, its edges too (RFC 6890 §2.2.2)', () => {
    for (const edge of special.flat()) expect([edge, isAllowed(edge)]).toEqual([edge, false]);
    assert(
      property(anySpecial, (number) => {
        expect(isAllowed(toAddress(number))).toBe(false);
      }),
    );
  });

  test.each(['169.254.169.254', '100.100.100.200', '192.0.0.192', '168.63.129.16'])(
    '%s, where clouds keep their credentials, is refused',
    (address) => {
      expect(isAllowed(address)).toBe(false);
    },
  );
});

describe('IPv6', () => {
  test.each(embedded)('a special IPv4 address is refused in its form: %s (RFC 6890 §2.2.3)', (_, form) => {
    assert(
      property(anySpecial, (number) => {
        expect(isAllowed(form(number))).toBe(false);
      }),
    );
  });

  test.each(embedded.filter(([name]) => !name.startsWith('NAT64, well')))(
    'any IPv4 address is refused in its form: %s',
    (_, form) => {
      assert(
        property(anyIPv4, (number) => {
          expect(isAllowed(form(number))).toBe(false);
        }),
      );
    },
  );

  test('a well-known NAT64 address is judged by the address it stands for (RFC 6052 §2.1)', () => {
    assert(
      property(anyIPv4, (n) => {
        expect(isAllowed(`64:ff9b::${inHex(n)}`)).toBe(isAllowed(toAddress(n)));
      }),
    );
  });

  test.each(['2606:4700:4700::1111', '2a00:1450:4001:81b::200e', '2001:4860:4860::8888'])(
    '%s is public',
    (address) => {
      expect(isAllowed(address)).toBe(true);
    },
  );

  test.each(
    ':: ::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 fc00::1 fdff::1 fd00:ec2::254 ff02::1 100::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 3fff::1 5f00::1 4000::1 8000::1 64:ff9b:1::1 2620:4f:8000::1'.split(
      ' ',
    ),
  )('%s is refused (RFC 6890 §2.2.3)', (address) => {
    expect(isAllowed(address)).toBe(false);
  });
});

test.each([
  '',
  'localhost',
  '0x7f000001',
  '017700000001',
  '127.1',
  '8.8.8.8 ',
  '[::1]',
  '8.8.8.8/32',
  '::1%',
  '1.1.1.1%x',
])('text that is no address is refused: "%s"', (text) => {
  expect(isAllowed(text)).toBe(false);
});

describe('networks that the operator permits (clients.md P25)', () => {
  test('are allowed though they are not public, and nothing beside them is', () => {
    const policy = createAddressPolicy(['10.20.0.0/16', 'fd12:3456::/32', '192.168.1.1']);
    expect(
      ['10.20.0.1', '10.20.255.255', 'fd12:3456::1', '192.168.1.1', '8.8.8.8'].map(policy),
    ).not.toContain(false);
    expect(
      ['10.21.0.0', '10.19.255.255', 'fd12:3457::1', '192.168.1.2', '127.0.0.1', '::1'].map(policy),
    ).not.toContain(true);
  });

  test('text that is no network is a mistake, not a hole', () => {
    expect(() => createAddressPolicy(['everything'])).toThrow('not a network');
  });
});
