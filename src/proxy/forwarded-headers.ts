/** The headers of a request on its way to the MCP server: the client's, without credentials, and who is calling. */
import type { Principal } from '../protocol/principal.ts';
import { hopByHopNames } from './hop-by-hop.ts';
import { asVariable, identityHeaders } from './identity-headers.ts';

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

/**
 * Where a request came from, and what it was for, is ours to say (RFC 7239 and what preceded it). Some servers take the
 * path of `X-Original-URL` or `X-Rewrite-URL` for the one that was asked for.
 */
const origins = /^(forwarded|x-forwarded|x-forwarded-.*|x-real-ip|x-original-.*|x-rewrite-url)$/;

/**
 * The headers to send. `rawHeaders` are the client's, as Node lists them: name, value, name, value …
 *
 * Names are judged as {@link asVariable} reads them. Ours come last, and `Connection` cannot remove them.
 */
export function forwardedHeaders(rawHeaders: readonly string[], forwarding: Forwarding): Headers {
  const dropped = hopByHopNames(rawHeaders);
  const headers: Headers = Object.create(null) as Headers;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    const value = rawHeaders[index + 1] ?? '';
    const canonicalName = asVariable(name);
    if (dropped.has(name) || forUsAlone.has(canonicalName) || origins.test(canonicalName)) continue;
    const earlier = headers[name];
    headers[name] = earlier === undefined ? value : [earlier, value].flat();
  }
  return Object.assign(headers, ourHeaders(forwarding));
}

function ourHeaders({ principal, clientAddress, publicOrigin, targetHost }: Forwarding): Headers {
  const { host, protocol } = new URL(publicOrigin);
  return {
    host: targetHost,
    'x-forwarded-for': clientAddress,
    'x-forwarded-host': host,
    'x-forwarded-proto': protocol.slice(0, -1),
    ...identityHeaders(principal),
  };
}
