/** Which connections come from a proxy that the operator trusts. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** The networks that Fastify knows by name in `trustProxy`. */
const namedNetworks: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** Judges the address at the other end of the connection, and no header. `trusted` is what `TRUST_PROXY` holds. */
export function trustedPeers(trusted: readonly string[]): (address: string | undefined) => boolean {
  const networks = new BlockList();
  for (const network of trusted.flatMap((item) => namedNetworks[item] ?? [item])) {
    const [address = '', prefix] = network.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (prefix === undefined) networks.addAddress(address, family);
    else networks.addSubnet(address, Number(prefix), family);
  }
  return (address = '') => {
    // A socket that listens on IPv6 shows IPv4 peers like this (RFC 4291 §2.5.5.2).
    const plain = address.replace(/^::ffff:(?=[\d.]+$)/i, '');
    if (isIPv4(plain)) return networks.check(plain, 'ipv4');
    return isIPv6(plain) && networks.check(plain, 'ipv6');
  };
}
