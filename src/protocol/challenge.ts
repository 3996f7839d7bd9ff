/** The `WWW-Authenticate` challenge of a protected resource (RFC 6750 §3, RFC 9728 §5.1). */
import type { BearerError } from './errors.ts';

/**
 * `resource_metadata` is absolute on every challenge, and `scope` says what to ask for. A request without a token
 * gets no `error` (RFC 6750 §3.1: "the resource server SHOULD NOT include an error code").
 */
export function bearerChallenge(
  error: BearerError,
  facts: { readonly resourceMetadataUrl: string; readonly scopes: readonly string[] },
): string {
  const parameters = [
    ...(error.code === 'missing_token' ? [] : [['error', error.code] as const]),
    ...(error.description === undefined ? [] : [['error_description', error.description] as const]),
    ['resource_metadata', facts.resourceMetadataUrl] as const,
    ...(facts.scopes.length > 0 ? [['scope', facts.scopes.join(' ')] as const] : []),
  ];
  return `Bearer ${parameters.map(([name, value]) => `${name}="${quotable(value)}"`).join(', ')}`;
}

/** Only characters that a quoted-string may carry unescaped (RFC 9110 §5.6.4). */
function quotable(value: string): string {
  return value.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '');
}

/**
 * The token of an `Authorization: Bearer` header. The scheme is case-insensitive (RFC 9110 §11.1).
 * `missing`: no credentials for this scheme; `malformed`: the scheme without one token behind it.
 */
export function readBearerToken(
  authorization: string | undefined,
): { readonly token: string } | 'missing' | 'malformed' {
  if (authorization === undefined || !/^bearer(?: |$)/i.test(authorization)) return 'missing';
  const match = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization);
  return match?.[1] === undefined ? 'malformed' : { token: match[1] };
}
