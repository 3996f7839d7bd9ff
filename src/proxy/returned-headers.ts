/** The headers of a response on its way back to the client. */
import { isEventStream } from './event-stream.ts';
import { hopByHopNames } from './hop-by-hop.ts';

/** Headers that our own plugins have set. */
type OwnHeaders = Readonly<Record<string, number | string | string[] | undefined>>;

export interface Returning {
  readonly ours: OwnHeaders;
  readonly publicLocation: (location: string) => string | undefined;
}

/**
 * What would speak for our origin or for our authorization server: cookies, challenges (RFC 9110 §11.6.1), CORS,
 * and origin-wide policies. The MCP server has no say in them, nor a reason to tell the world its software.
 */
const notTheirs =
  /^(set-cookie2?|www-authenticate|access-control-.*|clear-site-data|strict-transport-security|alt-svc|server|x-powered-by)$/;

/**
 * The headers to answer with: name, value, name, value … `received` are the MCP server's in the same form, names in lower
 * case. Everything that is not named here passes as it came; of ours, what it does not say itself.
 */
export function returnedHeaders(received: readonly string[], { ours, publicLocation }: Returning): string[] {
  const dropped = hopByHopNames(received);
  const headers: string[] = [];
  let cacheControl = '';
  let vary = '';
  let isStream = false;
  for (let index = 0; index + 1 < received.length; index += 2) {
    const name = received[index] ?? '';
    const value = received[index + 1] ?? '';
    if (dropped.has(name) || !mayPass(name)) continue;
    if (name === 'cache-control') cacheControl = joined(cacheControl, value);
    else if (name === 'vary') vary = joined(vary, value);
    else if (name === 'location') {
      const location = publicLocation(value);
      if (location !== undefined) headers.push(name, location);
    } else {
      if (name === 'content-type') isStream = isEventStream(value);
      headers.push(name, value);
    }
  }
  addOurs(headers, ours);
  // An answer is for one person: no cache between us may keep it (RFC 9111 §3.5, §5.2.2.5).
  headers.push('cache-control', withNoStore(cacheControl));
  headers.push('vary', withAuthorization(vary, [ours['vary'] ?? []].flat().join(', ')));
  // nginx and its kin would collect events before passing them on.
  if (isStream) setHeader(headers, 'x-accel-buffering', 'no');
  return headers;
}

/** Judged names. The MCP server makes them up, so only so many are remembered. */
const judged = new Map<string, boolean>();
const maxJudged = 500;

function mayPass(name: string): boolean {
  const known = judged.get(name);
  if (known !== undefined) return known;
  const verdict = !notTheirs.test(name);
  if (judged.size < maxJudged) judged.set(name, verdict);
  return verdict;
}

/** Their word counts where both say something. */
function addOurs(headers: string[], ours: OwnHeaders): void {
  for (const name in ours) {
    const value = ours[name];
    if (name === 'vary' || value === undefined || hasHeader(headers, name)) continue;
    for (const one of Array.isArray(value) ? value : [String(value)]) headers.push(name, one);
  }
}

function hasHeader(headers: readonly string[], name: string): boolean {
  for (let index = 0; index < headers.length; index += 2) if (headers[index] === name) return true;
  return false;
}

function setHeader(headers: string[], name: string, value: string): void {
  for (let index = headers.length - 2; index >= 0; index -= 2) {
    if (headers[index] === name) headers.splice(index, 2);
  }
  headers.push(name, value);
}

function joined(earlier: string, later: string): string {
  return earlier === '' ? later : `${earlier}, ${later}`;
}

/** Directives that still mean something beside `no-store`; `no-transform` keeps compressors away from streams. */
const kept = /^(no-cache|no-transform|private)$/i;

function withNoStore(cacheControl: string): string {
  if (cacheControl === '') return 'no-store';
  const directives = cacheControl.split(',').map((directive) => directive.trim());
  return ['no-store', ...directives.filter((directive) => kept.test(directive))].join(', ');
}

function withAuthorization(theirs: string, ours: string): string {
  if (theirs === '' && ours === '') return 'Authorization';
  if (theirs === '' && ours === 'Origin') return 'Origin, Authorization';
  const names = [theirs, ours].flatMap((value) => value.split(',')).map((name) => name.trim());
  if (names.includes('*')) return '*';
  const distinct = new Map(names.filter((name) => name !== '').map((name) => [name.toLowerCase(), name]));
  return [...distinct.set('authorization', 'Authorization').values()].join(', ');
}
