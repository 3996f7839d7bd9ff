/** Which URL of the MCP server a request is for, and back: the only place where the two path spaces meet. */
import type { ProxiedResource, ProxyTarget, Resource } from '../protocol/resource.ts';

/**
 * The target that `MCP_SERVER_URL` names for the resource at `path`.
 *
 * A URL with a path is the endpoint itself, so `http://host/` and `http://host` differ although they parse alike:
 * the second names no path, and requests keep theirs.
 */
export function readTarget(mcpServerUrl: string, path: string): ProxyTarget {
  const { origin, pathname } = new URL(mcpServerUrl);
  const isOriginAlone = /^[^/\\]+[/\\]{2}[^/\\]*$/.test(mcpServerUrl.trim());
  if (isOriginAlone) return { origin, basePath: path, endpointPath: undefined };
  return { origin, basePath: pathname.replace(/\/+$/, ''), endpointPath: pathname };
}

export type UpstreamPath = { readonly path: string } | { readonly refusal: string };

/**
 * The path to ask the MCP server for, from the request target as it came over the wire. The query is not part of
 * it: it is passed on byte for byte.
 *
 * With and without its trailing slash the resource is the same endpoint, so that nobody needs a redirect from one
 * to the other. What could mean a path outside the target to any server behind us is refused, however often it
 * was encoded: dot segments (RFC 3986 §5.2.4), also with `;` parameters, backslashes, empty segments, control
 * characters, and percent signs that encode nothing.
 */
export function upstreamPath(resource: ProxiedResource, requestTarget: string): UpstreamPath {
  // The endpoint itself, as nearly every request asks for it.
  if (requestTarget === resource.path)
    return { path: resource.target.endpointPath ?? resource.target.basePath };
  const inside = pathInside(resource, requestTarget);
  if ('refusal' in inside) return inside;
  const { rest } = inside;
  const { basePath, endpointPath } = resource.target;
  if (endpointPath !== undefined && (rest === '' || rest === '/')) return { path: endpointPath };
  return { path: basePath + rest };
}

/** What of a request target's path comes after the resource's own: nothing, or something that begins with a slash. */
export function pathInside(
  resource: Resource,
  requestTarget: string,
): { readonly rest: string } | { readonly refusal: string } {
  const [path = ''] = requestTarget.split('?', 1);
  if (path !== resource.path && !path.startsWith(`${resource.path}/`)) {
    return { refusal: `The request target must begin with ${resource.path}.` };
  }
  const rest = path.slice(resource.path.length);
  if (/[^!-~]|#|%(?![0-9a-f]{2})/i.test(rest) || !decodings(rest).every(staysInside)) {
    return {
      refusal: 'The path must not contain dot segments, empty segments, backslashes or bad encodings.',
    };
  }
  return { rest };
}

/** More rounds of percent-encoding than this are no way to write a path. */
const maxEncodings = 3;

/** How the path reads before and after each round of percent-decoding; what cannot be decoded reads as NUL. */
function decodings(path: string): string[] {
  const readings = [path];
  for (let reading = path; /%[0-9a-f]{2}/i.test(reading); readings.push(reading)) {
    reading = readings.length > maxEncodings ? '\0' : percentDecoded(reading);
  }
  return readings;
}

function percentDecoded(text: string): string {
  try {
    return text.replace(/(?:%[0-9a-f]{2})+/gi, decodeURIComponent);
  } catch {
    return '\0';
  }
}

function staysInside(path: string): boolean {
  if (/[\\\p{Cc}]|\/\//u.test(path)) return false;
  return path.split('/').every((segment) => !/^\.(;|$)|^\.\.|\.\.$/.test(segment));
}

/**
 * A `Location` of the MCP server as clients must see it: its own addresses become public ones, other hosts pass,
 * and an address on its host that we do not serve is left out, since nobody could follow it.
 */
export function publicLocation(
  location: string,
  from: { readonly resource: ProxiedResource; readonly publicOrigin: string; readonly upstreamPath: string },
): string | undefined {
  const { path, target } = from.resource;
  const base = target.origin + from.upstreamPath;
  if (!URL.canParse(location, base)) return undefined;
  const url = new URL(location, base);
  if (url.origin !== target.origin) return location;
  if (url.pathname === target.endpointPath) return from.publicOrigin + path + url.search + url.hash;
  if (url.pathname !== target.basePath && !url.pathname.startsWith(`${target.basePath}/`)) return undefined;
  return from.publicOrigin + path + url.pathname.slice(target.basePath.length) + url.search + url.hash;
}
