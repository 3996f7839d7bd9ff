/**
 * Which addresses a stranger's URL may lead to: public ones, and those of networks that the operator permits. Pure.
 *
 * IPv4: everything but the special-purpose registry (RFC 6890 and its updates). IPv6: only global unicast (2000::/3)
 * without its special parts, so that whatever is assigned later is refused until it is known. Of the forms that carry
 * an IPv4 address, only the well-known NAT64 prefix is judged by that address, because DNS64 makes one of each public
 * name (RFC 6147); mapped, compatible, translated, 6to4, Teredo and local NAT64 forms are refused altogether.
 */
import { BlockList, isIP } from 'node:net';

const specialIPv4: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8], // "this network"
  ['10.0.0.0', 8], // private use
  ['100.64.0.0', 10], // shared by carriers, and cloud metadata of some (RFC 6598)
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // not in the registry: Azure's platform services, answered inside its networks only
  ['169.254.0.0', 16], // link-local, and cloud metadata
  ['172.16.0.0', 12], // private use
  ['192.0.0.0', 24], // IETF protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.31.196.0', 24], // AS112
  ['192.52.193.0', 24], // AMT
  ['192.88.99.0', 24], // 6to4 relays, deprecated
  ['192.168.0.0', 16], // private use
  ['192.175.48.0', 24], // AS112
  ['198.18.0.0', 15], // benchmarking
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and broadcast
];

/** Special parts of 2000::/3. */
const specialIPv6: readonly (readonly [network: string, prefix: number])[] = [
  ['2001::', 23], // IETF protocol assignments: Teredo, benchmarking, ORCHID …
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4
  ['2620:4f:8000::', 48], // AS112
  ['3fff::', 20], // documentation (RFC 9637)
];

const nat64 = '64:ff9b::';

const special = new BlockList();
for (const [network, prefix] of specialIPv4) {
  special.addSubnet(network, prefix, 'ipv4');
  special.addSubnet(`${nat64}${network}`, 96 + prefix, 'ipv6');
}
for (const [network, prefix] of specialIPv6) special.addSubnet(network, prefix, 'ipv6');

const unicast = new BlockList();
unicast.addSubnet('0.0.0.0', 0, 'ipv4');
unicast.addSubnet('2000::', 3, 'ipv6');
unicast.addSubnet(nat64, 96, 'ipv6');

const mapped = new BlockList();
mapped.addSubnet('::ffff:0:0', 96, 'ipv6');

/** Whether `address` is one that anybody on the internet may be reached at. Text that is no address is not. */
function isPublicAddress(address: string): boolean {
  const family = familyOf(address);
  if (family === undefined) return false;
  // BlockList compares a mapped address with the rules for IPv4.
  if (family === 'ipv6' && mapped.check(address, 'ipv6')) return false;
  return unicast.check(address, family) && !special.check(address, family);
}

/** Without a zone (`fe80::1%eth0`): no public address has one. */
function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  if (address.includes('%')) return undefined;
  const version = isIP(address);
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : undefined;
}

/** Judges addresses; `permittedNetworks` are in CIDR notation, and are permitted though they are not public. */
export function createAddressPolicy(permittedNetworks: readonly string[]): (address: string) => boolean {
  const permitted = new BlockList();
  for (const network of permittedNetworks) {
    const [base = '', prefix] = network.split('/');
    const family = familyOf(base);
    if (family === undefined) throw new TypeError(`not a network: ${network}`);
    permitted.addSubnet(base, prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix), family);
  }
  return (address) => {
    const family = familyOf(address);
    return family !== undefined && (isPublicAddress(address) || permitted.check(address, family));
  };
}
