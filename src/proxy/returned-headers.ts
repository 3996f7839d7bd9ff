/** The headers of a response on its way back to the client. */
import { isEventStream } from './event-stream.ts';
import { hopByHopNames } from './hop-by-hop.ts';

/** As Node and undici give them: lower-case names, a list where a name came more than once. */
type ReceivedHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface Returning {
  /** What our own plugins have put into `Vary`. */
  readonly vary: string;
  readonly publicLocation: (location: string) => string | undefined;
}

/**
 * What would speak for our origin or for our authorization server: cookies, challenges (RFC 9110 §11.6.1), CORS,
 * and origin-wide policies. The MCP server has no say in them, nor a reason to tell the world its software.
 */
const notTheirs =
  /^(set-cookie2?|www-authenticate|access-control-.*|clear-site-data|strict-transport-security|alt-svc|server|x-powered-by)$/;

/** The headers to answer with. Everything that is not named here passes as it came. */
export function returnedHeaders(
  received: ReceivedHeaders,
  returning: Returning,
): Record<string, string | string[]> {
  const dropped = hopByHopNames(['connection', text(received['connection'])]);
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(received)) {
    if (value !== undefined && !dropped.has(name) && !notTheirs.test(name)) headers[name] = value;
  }
  const location =
    received['location'] === undefined ? undefined : returning.publicLocation(text(received['location']));
  delete headers['location'];
  if (location !== undefined) headers['location'] = location;
  // An answer is for one person: no cache between us may keep it (RFC 9111 §3.5, §5.2.2.5).
  headers['cache-control'] = withNoStore(text(received['cache-control']));
  headers['vary'] = withAuthorization(text(received['vary']), returning.vary);
  // nginx and its kin would collect events before passing them on.
  if (isEventStream(text(received['content-type']))) headers['x-accel-buffering'] = 'no';
  return headers;
}

function text(value: string | string[] | undefined): string {
  return value === undefined ? '' : [value].flat().join(', ');
}

/** Directives that still mean something beside `no-store`; `no-transform` keeps compressors away from streams. */
const kept = /^(no-cache|no-transform|private)$/i;

function withNoStore(cacheControl: string): string {
  const directives = cacheControl.split(',').map((directive) => directive.trim());
  return ['no-store', ...directives.filter((directive) => kept.test(directive))].join(', ');
}

function withAuthorization(...values: readonly string[]): string {
  const names = values.flatMap((value) => value.split(',')).map((name) => name.trim());
  if (names.includes('*')) return '*';
  const distinct = new Map(names.filter((name) => name !== '').map((name) => [name.toLowerCase(), name]));
  return [...distinct.set('authorization', 'Authorization').values()].join(', ');
}
