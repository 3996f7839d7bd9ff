/** Lists of hosts as operators write them. Pure. */

/** A host name, or `*.` and one: `claude.ai`, `*.example.com`. */
export function isHostPattern(value: string): boolean {
  const host = value.replace(/^\*\./, '');
  return (
    host.length <= 253 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(host)
  );
}

/** Whether a URL's host name is one of these. `*.example.com` is every name below example.com, but not itself. */
export function matchesHost(patterns: readonly string[], hostname: string): boolean {
  // A name with a dot at its end is the same name to DNS.
  const host = hostname.toLowerCase().replace(/\.$/, '');
  return patterns.some((pattern) => {
    const wanted = pattern.toLowerCase();
    return wanted.startsWith('*.') ? host.endsWith(wanted.slice(1)) : host === wanted;
  });
}
