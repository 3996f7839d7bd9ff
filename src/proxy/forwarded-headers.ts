/** The headers of a request on its way to the MCP server: the client's, without credentials, and who is calling. */
import type { Principal } from '../protocol/principal.ts';
import { hopByHopNames } from './hop-by-hop.ts';

export interface Forwarding {
  readonly principal: Principal;
  /** The client's address, as far as trusted proxies say so. */
  readonly clientAddress: string;
  /** The origin that clients know us by: `https://mcp.example.com`. */
  readonly publicOrigin: string;
  /** The MCP server's `host:port`. */
  readonly targetHost: string;
}

export type Headers = Record<string, string | string[]>;

/** Said by the client to us alone. `expect` was answered by our own HTTP server (RFC 9110 §10.1.1). */
const forUsAlone = new Set([
  'host',
  'authorization',
  'cookie',
  'cookie2',
  'proxy-authorization',
  'dpop',
  'expect',
]);

/** Where a request came from is ours to say (RFC 7239 and what preceded it). */
const origins = /^(forwarded|x-forwarded|x-forwarded-.*|x-real-ip)$/;

/**
 * The headers to send. `rawHeaders` are the client's, as Node lists them: name, value, name, value …
 *
 * Servers that turn header names into variables (CGI, RFC 3875 §4.1.18, and its heirs) see `X_Forwarded.User` and
 * `X-Forwarded-User` as one, so a name is judged with every other character read as a hyphen. Ours come last, and
 * `Connection` cannot remove them.
 */
export function forwardedHeaders(rawHeaders: readonly string[], forwarding: Forwarding): Headers {
  const dropped = hopByHopNames(rawHeaders);
  const headers: Headers = Object.create(null) as Headers;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    const value = rawHeaders[index + 1] ?? '';
    const canonicalName = name.replace(/[^a-z0-9]/g, '-');
    if (dropped.has(name) || forUsAlone.has(canonicalName) || origins.test(canonicalName)) continue;
    const earlier = headers[name];
    headers[name] = earlier === undefined ? value : [earlier, value].flat();
  }
  return Object.assign(headers, identityHeaders(forwarding));
}

function identityHeaders({ principal, clientAddress, publicOrigin, targetHost }: Forwarding): Headers {
  const { host, protocol } = new URL(publicOrigin);
  const headers: Record<string, string | undefined> = {
    host: targetHost,
    'x-forwarded-for': clientAddress,
    'x-forwarded-host': host,
    'x-forwarded-proto': protocol.slice(0, -1),
    'x-forwarded-user': identifier(principal.subject),
    'x-forwarded-email': identifier(principal.email),
    'x-forwarded-name': displayText(principal.name),
    'x-forwarded-client-id': identifier(principal.clientId),
    'x-forwarded-access-token': token(principal.upstreamAccessToken),
    'x-forwarded-jwt-assertion': principal.identityAssertion,
  };
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => Boolean(entry[1])),
  );
}

/** Values are cut after this many characters: header blocks of more than 16 KB are refused by many servers. */
const maxCharacters = 512;
/** Access tokens of Microsoft Entra ID with many groups reach several KB. */
const maxTokenCharacters = 12_288;

const controls = /\p{Cc}|\p{Zl}|\p{Zp}|\p{Cs}/gu;
const replacementCharacter = '\ufffd';

/**
 * Whatever a header cannot carry faithfully is marked, not removed: `al\nice` must not arrive as `alice`, who is
 * someone else. The same holds for outer spaces, which receivers strip (RFC 9110 §5.5), and for what is cut off.
 */
function identifier(value = ''): string {
  const marked = value.replace(controls, replacementCharacter).replace(/^ +| +$/g, replacementCharacter);
  return asUtf8(marked.length > maxCharacters ? cut(marked) + replacementCharacter : marked);
}

function displayText(value = ''): string {
  return asUtf8(cut(value.replace(controls, '').trim()));
}

/** The first characters, without half of a surrogate pair at the end. */
function cut(value: string): string {
  return value.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, '');
}

/** A token that has to be changed is not a token any more (RFC 6749 Appendix A.12): it is left out. */
function token(value = ''): string {
  return value.length <= maxTokenCharacters && /^[\x21-\x7e]+$/.test(value) ? value : '';
}

/** Node and undici write one byte for each character of a header: these characters are the bytes of UTF-8. */
function asUtf8(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1');
}
