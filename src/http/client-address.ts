/** Where a request comes from, for sharing out what is scarce. */
import { isIPv6 } from 'node:net';

/** The network behind an address: an IPv4 address itself, of an IPv6 address the /48, which one site has (RFC 6177). */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  const plain = mapped ?? address.replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::');
  const groups = head === '' ? [] : head.split(':');
  return [...groups, ...(tail === undefined ? [] : ['0', '0', '0'])].slice(0, 3).join(':');
}
