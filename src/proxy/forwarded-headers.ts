/** The headers of a request on its way to the MCP server: the client's, without credentials, and who is calling. */
import type { Principal } from '../protocol/principal.ts';
import { hopByHopNames } from './hop-by-hop.ts';
import { asVariable, identityHeaders } from './identity-headers.ts';

export interface Forwarding {
  readonly principal: Principal;
  /** The client's address, as far as trusted proxies say so. */
  readonly clientAddress: string;
  readonly place: ForwardingPlace;
  /** What is said instead of what the client says by the same names, in lower case. */
  readonly instead?: Readonly<Record<string, string>> | undefined;
}

/** The same for all requests. */
export interface ForwardingPlace {
  /** The origin that clients know us by: `https://mcp.example.com`. */
  readonly publicOrigin: string;
  /** The MCP server's `host:port`. */
  readonly targetHost: string;
}

/** Said by the client to us alone. `expect` was answered by our own HTTP server (RFC 9110 §10.1.1); lengths are ours to say. */
const forUsAlone = new Set([
  'host',
  'authorization',
  'cookie',
  'cookie2',
  'proxy-authorization',
  'dpop',
  'expect',
  'content-length',
]);

/**
 * Where a request came from, and what it was for, is ours to say (RFC 7239 and what preceded it). Some servers take the
 * path of `X-Original-URL` or `X-Rewrite-URL` for the one that was asked for.
 */
const origins = /^(forwarded|x-forwarded|x-forwarded-.*|x-real-ip|x-original-.*|x-rewrite-url)$/;

/**
 * The header lines to send, each with its line end; one character for each byte. `rawHeaders` are the client's, as Node
 * lists them: name, value, name, value …
 *
 * `Host` comes first (RFC 9110 §7.2). Names are judged as {@link asVariable} reads them. Ours come last, and `Connection` cannot remove them.
 */
export function forwardedHeaders(rawHeaders: readonly string[], forwarding: Forwarding): string {
  const { principal, clientAddress, place, instead } = forwarding;
  const dropped = hopByHopNames(rawHeaders);
  let lines = '';
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = passingName(rawHeaders[index] ?? '');
    if (name === undefined || dropped.has(name) || (instead !== undefined && Object.hasOwn(instead, name)))
      continue;
    lines += `${name}: ${rawHeaders[index + 1] ?? ''}\r\n`;
  }
  for (const name in instead) lines += line(name, instead[name] ?? '');
  const { hostLine, originLines } = placeLines(place);
  return `${hostLine}${lines}${originLines}${line('x-forwarded-for', clientAddress)}${identityLines(principal)}`;
}

/** Judged names, by how they were written. Clients make them up, so only so many are remembered. */
const judged = new Map<string, string | undefined>();
const maxJudged = 1000;
const maxJudgedLength = 64;

/** In lower case; undefined for one that does not pass. */
function passingName(written: string): string | undefined {
  const known = judged.get(written);
  if (known !== undefined || judged.has(written)) return known;
  const name = written.toLowerCase();
  const canonicalName = asVariable(name);
  const verdict = forUsAlone.has(canonicalName) || origins.test(canonicalName) ? undefined : name;
  if (judged.size < maxJudged && written.length <= maxJudgedLength) judged.set(written, verdict);
  return verdict;
}

interface PlaceLines {
  readonly hostLine: string;
  readonly originLines: string;
}

const linesOfPlaces = new WeakMap<ForwardingPlace, PlaceLines>();

function placeLines(place: ForwardingPlace): PlaceLines {
  const known = linesOfPlaces.get(place);
  if (known !== undefined) return known;
  const { host, protocol } = new URL(place.publicOrigin);
  const lines = {
    hostLine: line('host', place.targetHost),
    originLines: line('x-forwarded-host', host) + line('x-forwarded-proto', protocol.slice(0, -1)),
  };
  linesOfPlaces.set(place, lines);
  return lines;
}

/** A caller is the same object from call to call, for as long as nothing about them changes. */
const linesOfCallers = new WeakMap<Principal, string>();

function identityLines(principal: Principal): string {
  const known = linesOfCallers.get(principal);
  if (known !== undefined) return known;
  const lines = Object.entries(identityHeaders(principal))
    .map(([name, value]) => line(name, value))
    .join('');
  linesOfCallers.set(principal, lines);
  return lines;
}

/** The last line of defence: what could end a line, or would be cut to a byte that could, is never written. */
function line(name: string, value: string): string {
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) throw new TypeError(`${name} cannot be sent`);
  return `${name}: ${value}\r\n`;
}
