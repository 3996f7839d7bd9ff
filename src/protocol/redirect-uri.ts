/** Redirect URIs: which may be registered, and which registered one a request means. */

declare const checked: unique symbol;

/**
 * A redirect URI that was compared with the registered ones. Only {@link matchRedirectUri} makes one, so that
 * redirecting to an unchecked address is not a mistake one can type.
 */
export interface RedirectTarget {
  readonly uri: string;
  readonly [checked]: true;
}

/** Schemes that run, read or show something instead of opening an app (RFC 8252 §7.1, RFC 9700 §4.1.3). */
const dangerousSchemes = new Set(
  'javascript data vbscript file blob about view-source filesystem ws wss ftp mailto tel sms intent chrome chrome-extension edge resource jar mhtml ms-msdt search-ms'.split(
    ' ',
  ),
);

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Why a redirect URI cannot be registered, or undefined when it can (OAuth 2.1 §2.3, RFC 8252 §7). */
export function redirectUriProblem(uri: string): string | undefined {
  if (uri.length > 2048) return 'it is longer than 2048 characters';
  if (/[^\x21-\x7e]|["<>\\^`{|}]/.test(uri)) return 'it has characters that a URI cannot have';
  if (!URL.canParse(uri)) return 'it is not an absolute URI';
  if (uri.includes('#')) return 'it has a fragment (RFC 6749 §3.1.2)';
  const url = new URL(uri);
  const scheme = url.protocol.slice(0, -1);
  if (/^[^/?]*\/\/[^/?]*@/.test(uri)) return 'it has credentials in it';
  if (scheme === 'https' || scheme === 'http') {
    // Browsers read `https:host` as a path on this server, and `https:///host` as a host.
    if (!/^https?:\/\/[^/?]/i.test(uri)) return 'it has no host';
    return scheme === 'https' || loopbackHosts.has(url.hostname)
      ? undefined
      : 'http is allowed for loopback addresses only (OAuth 2.1 §1.5)';
  }
  if (dangerousSchemes.has(scheme)) return `the scheme '${scheme}' cannot take an authorization response`;
  return /^[^:]+:\/*[^/?]/.test(uri) ? undefined : 'it has nothing behind its scheme';
}

/** Whether the URI is `http` on this very machine (RFC 8252 §7.3). */
export function isLoopbackUri(uri: string): boolean {
  const url = new URL(uri);
  return url.protocol === 'http:' && loopbackHosts.has(url.hostname);
}

/** Whether an app is opened by its own scheme (RFC 8252 §7.1). */
export function isPrivateUseUri(uri: string): boolean {
  return !/^https?:$/.test(new URL(uri).protocol);
}

/**
 * The target that a request means: the requested URI must be one of the registered ones, character for character
 * (OAuth 2.1 §2.3). On loopback the port may differ, since native apps take a free one (RFC 8252 §7.3), and
 * `localhost`, `127.0.0.1` and `[::1]` are one class; everything else is still exact. With no URI requested, the
 * only registered one is meant (OAuth 2.1 §2.3.2).
 */
export function matchRedirectUri(
  registered: readonly string[],
  requested: string | undefined,
): RedirectTarget | undefined {
  if (requested === undefined) {
    return registered.length === 1 && registered[0] !== undefined ? target(registered[0]) : undefined;
  }
  if (registered.includes(requested) && redirectUriProblem(requested) === undefined) return target(requested);
  const wanted = loopbackParts(requested);
  if (wanted === undefined) return undefined;
  return registered.some((uri) => loopbackParts(uri) === wanted) ? target(requested) : undefined;
}

const loopbackPattern = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::(\d{1,5}))?(\/[^#]*)?$/;

/** What must be equal between two loopback URIs: all behind the port. Undefined for any other URI. */
function loopbackParts(uri: string): string | undefined {
  const match = loopbackPattern.exec(uri);
  if (match === null || redirectUriProblem(uri) !== undefined) return undefined;
  return match[2] ?? '/';
}

function target(uri: string): RedirectTarget {
  return { uri } as RedirectTarget;
}

/** The target's URI with response parameters added; its own query stays as registered (RFC 6749 §4.1.2). */
export function withResponseParameters(
  target: RedirectTarget,
  parameters: Readonly<Record<string, string | undefined>>,
): string {
  const added = Object.entries(parameters)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
  const separator = !target.uri.includes('?') ? '?' : /[?&]$/.test(target.uri) ? '' : '&';
  return `${target.uri}${separator}${added}`;
}
