/** Where a provider's metadata may be, whatever URL the operator gave. Pure. */

/** An issuer identifier to try, without a trailing slash, and where its document would be. */
export interface Candidate {
  readonly issuer: string;
  readonly documents: readonly string[];
}

const wellKnown = /\/\.well-known\/(openid-configuration|oauth-authorization-server)(?=\/|$)/;

/** The URL without query, fragment, trailing slashes, and without the well-known part some people paste. */
export function plainAddress(url: URL): string {
  return url.origin + url.pathname.replace(wellKnown, '').replace(/\/+$/, '');
}

/**
 * The given URL first, then each parent path up to the root: an authorization endpoint lies somewhere below its
 * issuer. For each, the three places: OpenID Connect Discovery §4.1, RFC 8414 §3.1, and RFC 8414 §5 for its
 * OpenID name.
 */
export function candidates(url: URL): readonly Candidate[] {
  const { origin } = url;
  const segments = plainAddress(url).slice(origin.length).split('/').filter(Boolean);
  return segments
    .map((_, index) => `/${segments.slice(0, segments.length - index).join('/')}`)
    .concat('')
    .map((path) => ({
      issuer: origin + path,
      documents: [
        ...new Set([
          `${origin}${path}/.well-known/openid-configuration`,
          `${origin}/.well-known/oauth-authorization-server${path}`,
          `${origin}/.well-known/openid-configuration${path}`,
        ]),
      ],
    }));
}

/** Byte for byte, but one trailing slash (RFC 8414 §3.3, OpenID Connect Discovery §4.3). */
export function isSameIssuer(one: string, other: string): boolean {
  return one.replace(/\/$/, '') === other.replace(/\/$/, '');
}

/** Whether the operator's URL is this authorization endpoint, or a base under which it lies. */
export function isNamedBy(authorizationEndpoint: string, given: URL): boolean {
  if (!URL.canParse(authorizationEndpoint)) return false;
  const named = plainAddress(new URL(authorizationEndpoint));
  return named === plainAddress(given) || named.startsWith(`${plainAddress(given)}/`);
}

const authorizationEndpointName = /\/(authorize|authorization|auth)$/;

/** Default names beside the given authorization endpoint, or under the given base URL (MCP 2025-03-26, fallback). */
export function defaultEndpoints(url: URL): {
  readonly base: string;
  readonly authorization: string;
  readonly token: string;
  readonly userinfo: string;
} {
  const given = plainAddress(url);
  const base = given.replace(authorizationEndpointName, '');
  return {
    base,
    authorization: `${base === given ? `${base}/authorize` : given}${url.search}`,
    token: `${base}/token`,
    userinfo: `${base}/userinfo`,
  };
}
