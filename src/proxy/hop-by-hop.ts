/** Header fields for one connection only, which an intermediary does not pass on (RFC 9110 §7.6.1). */

const always: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Lower-case names: the known ones, and those that `Connection` lists. `rawHeaders` is name, value, name, value … */
export function hopByHopNames(rawHeaders: readonly string[]): ReadonlySet<string> {
  let names: Set<string> | undefined;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    const listed = rawHeaders[index + 1] ?? '';
    if (listed === 'keep-alive' || listed === 'close') continue;
    names ??= new Set(always);
    for (const option of listed.split(',')) names.add(option.trim().toLowerCase());
  }
  return names ?? always;
}
