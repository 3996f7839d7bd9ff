/** Asks DNS for every address of a name. */
import { Resolver } from 'node:dns/promises';

/** Every address of a host name. Rejects when there is none, or `signal` aborts. */
export type ResolveHost = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>;

/**
 * Asks the name servers themselves: those of the machine, unless others are given. `dns.lookup` would block one of the
 * few threads that the whole process shares for as long as a stranger's name server likes to be slow, and would read
 * /etc/hosts, which is not meant for strangers.
 */
export function createResolveHost(servers?: readonly string[]): ResolveHost {
  return async (hostname, signal) => {
    const resolver = new Resolver({ timeout: 1500, tries: 2 });
    if (servers !== undefined) resolver.setServers(servers);
    const cancel = () => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
      const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
      if (addresses.length === 0) throw new Error('the name has no address');
      return addresses;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };
}
