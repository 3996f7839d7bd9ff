/** Header fields for one connection only, which an intermediary does not pass on (RFC 9110 §7.6.1). */

const always = [
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Lower-case names: the known ones, and those that `Connection` lists. `rawHeaders` is name, value, name, value … */
export function hopByHopNames(rawHeaders: readonly string[]): ReadonlySet<string> {
  const names = new Set(always);
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== 'connection') continue;
    for (const name of rawHeaders[index + 1]?.split(',') ?? []) names.add(name.trim().toLowerCase());
  }
  return names;
}
