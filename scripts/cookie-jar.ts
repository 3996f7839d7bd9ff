/** Keeps cookies as a browser does (RFC 6265bis §5): by host, for all its ports, with path, age and `SameSite`. */

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly isSecure: boolean;
  readonly sameSite: 'strict' | 'lax' | 'none';
  readonly expiresAtMs: number;
}

/** A request that a browser is about to send. */
export interface CookieRequest {
  readonly url: URL;
  readonly method: string;
  /** Whether a page of another site caused it. */
  readonly isCrossSite: boolean;
}

export class CookieJar {
  readonly #hosts = new Map<string, Map<string, Cookie>>();
  readonly #now: () => number;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The `Cookie` header of a request; undefined when there is nothing to send. */
  header({ url, method, isCrossSite }: CookieRequest): string | undefined {
    const sent = [...(this.#hosts.get(url.hostname)?.values() ?? [])].filter(
      ({ path, isSecure, sameSite, expiresAtMs }) =>
        expiresAtMs > this.#now() &&
        isUnder(url.pathname, path) &&
        (!isSecure || isTrustworthy(url)) &&
        (!isCrossSite || sameSite === 'none' || (sameSite === 'lax' && method === 'GET')),
    );
    if (sent.length === 0) return undefined;
    // Longer paths first (§5.8.3); sort keeps the order of the others.
    sent.sort((a, b) => b.path.length - a.path.length);
    return sent.map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  /** Takes the `Set-Cookie` headers of an answer from `url`. */
  store(url: URL, setCookie: readonly string[]): void {
    const cookies = this.#hosts.get(url.hostname) ?? new Map<string, Cookie>();
    this.#hosts.set(url.hostname, cookies);
    for (const header of setCookie) {
      const cookie = readCookie(header, url, this.#now());
      if (cookie.isSecure && !isTrustworthy(url)) continue;
      const key = `${cookie.name};${cookie.path}`;
      if (cookie.expiresAtMs > this.#now()) cookies.set(key, cookie);
      else cookies.delete(key);
    }
  }
}

function readCookie(header: string, url: URL, now: number): Cookie {
  const [pair = '', ...rest] = header.split(';').map((part) => part.trim());
  const attributes = new Map(
    rest.map((part) => {
      const [key = ''] = part.split('=', 1);
      return [key.toLowerCase(), part.slice(key.length + 1)];
    }),
  );
  const [name = ''] = pair.split('=', 1);
  const maxAge = attributes.get('max-age');
  const expires = attributes.get('expires');
  const path = attributes.get('path');
  const sameSite = attributes.get('samesite')?.toLowerCase();
  return {
    name,
    value: pair.slice(name.length + 1),
    path: path?.startsWith('/') === true ? path : defaultPath(url.pathname),
    isSecure: attributes.has('secure'),
    sameSite: sameSite === 'strict' || sameSite === 'none' ? sameSite : 'lax',
    expiresAtMs:
      maxAge !== undefined
        ? now + Number(maxAge) * 1000
        : expires !== undefined
          ? Date.parse(expires)
          : Infinity,
  };
}

/** RFC 6265bis §5.1.4 */
function defaultPath(pathname: string): string {
  return pathname.slice(0, Math.max(1, pathname.lastIndexOf('/')));
}

/** RFC 6265bis §5.1.4 */
function isUnder(pathname: string, path: string): boolean {
  return pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
}

/** Browsers keep and send `Secure` cookies on loopback too. */
function isTrustworthy({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname);
}
