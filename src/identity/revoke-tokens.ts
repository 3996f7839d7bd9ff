/** Ends a sign-in's tokens at the provider (RFC 7009). */
import { ResponseBodyError, customFetch, tokenRevocation } from 'openid-client';
import { connect, fetchHealthy, type ProviderContext } from './connect.ts';
import { ProviderUnavailableError, type UpstreamTokens } from './identity-provider.ts';
import { refreshError } from './provider-errors.ts';
import type { ProviderMetadata } from './provider-metadata.ts';

/**
 * The refresh token where there is one: its access tokens go with it (RFC 7009 §2.1). Many providers end everything that
 * the person gave this client, other sign-ins too: so it is asked for the last one only, except where the provider ends
 * one token and no more. A provider without an endpoint for it cannot be told.
 * @throws ProviderUnavailableError when it is worth trying again
 */
export async function revokeTokens(
  context: ProviderContext,
  metadata: ProviderMetadata,
  tokens: Pick<UpstreamTokens, 'accessToken' | 'refreshToken'>,
  { isLastOfPerson }: { readonly isLastOfPerson: boolean },
): Promise<void> {
  const endsOneToken = metadata.isOpenId ? undefined : context.profile.tokenApi?.(context.settings.clientId);
  if (endsOneToken !== undefined) return deleteToken(context, endsOneToken, tokens.accessToken);
  if (!isLastOfPerson || metadata.server.revocation_endpoint === undefined) return;
  const [token, hint] =
    tokens.refreshToken === undefined
      ? [tokens.accessToken, 'access_token']
      : [tokens.refreshToken, 'refresh_token'];
  try {
    const config = await connect(context, metadata, { idToken: false });
    config[customFetch] = async (url, { method, headers, body }) =>
      fetchHealthy(context.fetch, url, { method, headers, body: body ?? null });
    await tokenRevocation(config, token, { token_type_hint: hint });
  } catch (error) {
    // Already over, or of a kind that the provider does not revoke: asking again would change nothing.
    if (error instanceof ResponseBodyError && error.status === 400 && error.error !== 'invalid_client')
      return;
    const problem = refreshError(error);
    throw problem instanceof ProviderUnavailableError
      ? problem
      : new ProviderUnavailableError(problem.message, { cause: problem });
  }
}

/** GitHub's own way: https://docs.github.com/rest/apps/oauth-applications#delete-an-app-token */
async function deleteToken(
  { settings, fetch }: ProviderContext,
  url: string,
  accessToken: string,
): Promise<void> {
  const credentials = Buffer.from(`${settings.clientId}:${settings.clientSecret}`).toString('base64');
  const { status } = await fetchHealthy(fetch, url, {
    method: 'DELETE',
    headers: {
      accept: 'application/vnd.github+json',
      'content-type': 'application/json',
      authorization: `Basic ${credentials}`,
    },
    body: JSON.stringify({ access_token: accessToken }),
  });
  // 404 and 422: it is no token of this app any more.
  if (status !== 204 && status !== 404 && status !== 422) {
    throw new ProviderUnavailableError(`${new URL(url).host} answered ${status}`);
  }
}
