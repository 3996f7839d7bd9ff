/** Protected resources: what an access token is for (RFC 8707, RFC 9728). */

export interface Resource {
  /** Where the proxy serves it: `/mcp`. No trailing slash. */
  readonly path: string;
  /** The resource identifier, and the `aud` of its tokens: `https://host/mcp`. */
  readonly identifier: string;
  /** Shown to people, and in the metadata as `resource_name`. */
  readonly name: string;
  /** The MCP server's own URL, as the operator wrote it. In forward-auth mode it may be unknown. */
  readonly serverUrl: string | undefined;
}

/** A resource whose requests are passed on by us. */
export interface ProxiedResource extends Resource {
  readonly target: ProxyTarget;
}

/** @throws an error where the configuration should have been refused */
export function serverUrlOf({ path, serverUrl }: Resource): string {
  if (serverUrl === undefined) throw new Error(`The MCP server at ${path} has no URL`);
  return serverUrl;
}

/** Where requests for a resource are sent. */
export interface ProxyTarget {
  /** `http://host:3000` */
  readonly origin: string;
  /** What replaces the resource's path: `/api/mcp`, `/mcp`, or `` for the root. No trailing slash. */
  readonly basePath: string;
  /** The endpoint itself, to the slash: `/api/mcp`, `/api/mcp/`, `/`. Undefined when paths are kept as they are. */
  readonly endpointPath: string | undefined;
}

/**
 * The resource that a `resource` parameter means, if it is one of ours (RFC 8707 §2). Scheme and host may be in
 * upper case, the default port may be written out, a trailing slash may be there or not, and the bare origin means
 * the first resource on it (MCP authorization, "canonical server URI").
 */
export function findResource(resources: readonly Resource[], requested: string): Resource | undefined {
  if (!URL.canParse(requested) || requested.includes('#')) return undefined;
  const url = new URL(requested);
  if (url.username !== '' || url.password !== '' || url.search !== '') return undefined;
  const canonical = url.href.replace(/\/$/, '');
  return (
    resources.find((resource) => resource.identifier === canonical) ??
    resources.find((resource) => new URL(resource.identifier).origin === canonical)
  );
}

/**
 * The one resource that the `resource` parameters of a request mean; none given means the first (clients of
 * 2025-03-26 send none). Undefined: one of them is not ours, or they are not the same, since a token here has one
 * audience (`invalid_target`, RFC 8707 §2).
 */
export function readResources(
  resources: readonly [Resource, ...Resource[]],
  requested: readonly string[],
): Resource | undefined {
  const found = new Set(requested.map((uri) => findResource(resources, uri)));
  if (found.size === 0) return resources[0];
  return found.size === 1 ? [...found][0] : undefined;
}
