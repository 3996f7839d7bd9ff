/** Scopes: a space-separated list on the wire, a list of distinct tokens inside (RFC 6749 §3.3). */

/** Asks for a refresh token (OpenID Connect Core §11). Every code grant has one here, so it is accepted and kept. */
export const offlineAccess = 'offline_access';

/** Reads a `scope` parameter. Undefined when a character is not allowed (RFC 6749 §3.3). */
export function parseScope(scope: string): readonly string[] | undefined {
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(scope)) return undefined;
  return [...new Set(scope.split(' ').filter((token) => token !== ''))];
}

export function formatScope(scopes: readonly string[]): string {
  return scopes.join(' ');
}

/**
 * The scopes that a request gets: those asked for that this server supports, in the order asked. Unknown ones are
 * left out rather than refused, and the answer says what was granted (RFC 6749 §3.3). Asking for nothing, or for
 * nothing that is supported, means the default: all supported ones, but none of the `local` ones.
 */
export function grantableScopes(
  requested: readonly string[] | undefined,
  supported: readonly string[],
  allowed: readonly string[] | undefined,
  local: readonly string[] = [],
): readonly string[] {
  const isAllowed = (scope: string): boolean => allowed === undefined || allowed.includes(scope);
  const available = supported.filter(isAllowed);
  const askable = new Set([...available, ...local.filter(isAllowed), offlineAccess]);
  const wanted = (requested ?? []).filter((scope) => askable.has(scope));
  return wanted.some((scope) => scope !== offlineAccess) ? wanted : [...available, ...wanted];
}

export function includesAll(scopes: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((scope) => scopes.includes(scope));
}
