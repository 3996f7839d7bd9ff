/** Tells a provider's refusals from its failures: a refusal is final, a failure passes and must lose nothing. */
import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client';
import { ProviderRefusedError, ProviderUnavailableError } from './identity-provider.ts';

/**
 * Errors of an authorization response that mean the same to the client (RFC 6749 §4.1.2.1, OpenID Connect Core
 * §3.1.2.6). Those about our own request (`unauthorized_client`, `invalid_request`) would mislead it.
 */
const passedOn = new Set([
  'access_denied',
  'account_selection_required',
  'consent_required',
  'interaction_required',
  'invalid_scope',
  'login_required',
  'server_error',
  'temporarily_unavailable',
]);

/** What `error` means for a sign-in. */
export function signInError(error: unknown): ProviderRefusedError | ProviderUnavailableError {
  const known = knownError(error);
  if (known !== undefined) return known;
  const cause = withoutSecrets(error);
  if (error instanceof AuthorizationResponseError) {
    const code = passedOn.has(error.error) ? error.error : 'server_error';
    return new ProviderRefusedError(code, said(error.error, error.error_description), { cause });
  }
  if (error instanceof ResponseBodyError) {
    return new ProviderRefusedError('server_error', said(error.error, error.error_description), { cause });
  }
  return new ProviderRefusedError('server_error', reasonOf(error), { cause });
}

/**
 * OAuth errors of a refresh after which only a new sign-in helps. `invalid_client` is not among them: the operator's
 * mistake must not end everybody's grants.
 */
const needsSignIn = new Set(['invalid_grant', 'interaction_required', 'login_required', 'consent_required']);

/** What `error` means for a refresh. `grantOverCodes` are the provider's own words for `invalid_grant`. */
export function refreshError(
  error: unknown,
  grantOverCodes: readonly string[] = [],
): ProviderRefusedError | ProviderUnavailableError {
  const known = knownError(error);
  if (known !== undefined) return known;
  const cause = withoutSecrets(error);
  if (!(error instanceof ResponseBodyError)) return new ProviderUnavailableError(reasonOf(error), { cause });
  const reason = said(error.error, error.error_description);
  return needsSignIn.has(error.error) || grantOverCodes.includes(error.error)
    ? new ProviderRefusedError('invalid_grant', reason, { cause })
    : new ProviderUnavailableError(reason, { cause });
}

/** Codes of openid-client for what a gateway in between sends, or for keys that are about to appear. */
const transientCodes = new Set([
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_KEY_SELECTION_FAILED',
]);

/** One of our own errors, thrown below openid-client; or a failure that it names. */
function knownError(error: unknown): ProviderRefusedError | ProviderUnavailableError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ProviderRefusedError || cause instanceof ProviderUnavailableError) return cause;
  }
  if (error instanceof ClientError && transientCodes.has(error.code ?? '')) {
    return new ProviderUnavailableError(reasonOf(error), { cause: withoutSecrets(error) });
  }
  return undefined;
}

/** `description` is whatever JSON the provider put there. */
function said(code: string, description: unknown): string {
  return `the provider said ${clean(code)}${typeof description === 'string' ? ` (${clean(description)})` : ''}`;
}

/** The innermost words of the library; they hold no values. */
function reasonOf(error: unknown): string {
  const { message, cause } = error instanceof Error ? error : new Error('unknown failure');
  return clean(cause instanceof Error ? cause.message : message);
}

/** Upstream text for logs: one line, not long. */
function clean(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ').slice(0, 200);
}

/** openid-client hangs whole answers, tokens included, on its errors; this keeps their words and their stack only. */
function withoutSecrets(error: unknown): Error {
  const { message, stack, cause } = error instanceof Error ? error : new Error('unknown failure');
  const copy = new Error(message, cause instanceof Error ? { cause: withoutSecrets(cause) } : {});
  if (stack !== undefined) copy.stack = stack;
  return copy;
}
