/** Brings the answers of token endpoints into the one form of RFC 6749 §5, where providers have habits of their own. */
import { ProviderUnavailableError, type UpstreamTokens } from './identity-provider.ts';

/**
 * - A form becomes JSON, and an error sent with 200 becomes a 400: both are GitHub's.
 * - Members that are null are absent, and so is an `expires_in` that is no number of seconds.
 * - The ID token is left out unless it is wanted: what is not used need not be checked, and must not make a refresh
 *   fail whose new refresh token would be lost.
 * @throws ProviderUnavailableError when the answer is neither: a page of a gateway in between
 */
export async function normalizeTokenReply(response: Response, keepsIdToken: boolean): Promise<Response> {
  const isForm =
    response.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded') === true;
  const reply = readReply(await response.text(), isForm);
  if (reply === undefined) {
    throw new ProviderUnavailableError(
      `the token endpoint answered ${response.status} without an OAuth answer`,
    );
  }
  const { expires_in: expiresIn, id_token: idToken, ...rest } = withoutNulls(reply);
  const seconds = Number(expiresIn ?? Number.NaN);
  const isError = typeof rest.error === 'string' && rest.access_token === undefined;
  return Response.json(
    {
      ...rest,
      ...(Number.isFinite(seconds) && seconds > 0 && { expires_in: seconds }),
      ...(keepsIdToken && idToken !== undefined && { id_token: idToken }),
    },
    { status: isError && response.ok ? 400 : response.status },
  );
}

function readReply(text: string, isForm: boolean): Record<string, unknown> | undefined {
  if (isForm) return Object.fromEntries(new URLSearchParams(text));
  try {
    const reply: unknown = JSON.parse(text);
    return typeof reply === 'object' && reply !== null && !Array.isArray(reply)
      ? (reply as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function withoutNulls(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null));
}

/** RFC 6749 appendix A.12 and A.17: tokens are visible ASCII. Anything else would break the header it travels in. */
const tokenSyntax = /^[\x20-\x7e]+$/;
/** RFC 6749 §3.3 */
const scopeSyntax = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/;
/** Longer than any real token; keeps the instant within what a database can hold. */
const maxExpiresInSeconds = 10 * 365 * 86_400;

interface TokenReply {
  readonly access_token: string;
  readonly refresh_token?: string | undefined;
  readonly expires_in?: number | undefined;
  readonly scope?: string | undefined;
}

/** Undefined when the tokens are not what tokens can be. `now` is when they were asked for. */
export function readTokens(reply: TokenReply, now: Date): UpstreamTokens | undefined {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn, scope } = reply;
  if (!tokenSyntax.test(accessToken)) return undefined;
  if (refreshToken !== undefined && !tokenSyntax.test(refreshToken)) return undefined;
  return {
    accessToken,
    refreshToken,
    expiresAt:
      expiresIn === undefined
        ? undefined
        : new Date(now.getTime() + Math.min(expiresIn, maxExpiresInSeconds) * 1000),
    scope: scope !== undefined && scopeSyntax.test(scope) ? scope : undefined,
  };
}
