/** Gets a fresh access token from the provider. */
import { refreshTokenGrant } from 'openid-client';
import { connect, type ProviderContext } from './connect.ts';
import { ProviderUnavailableError, type UpstreamTokens } from './identity-provider.ts';
import { refreshError } from './provider-errors.ts';
import type { ProviderMetadata } from './provider-metadata.ts';
import { readTokens } from './token-reply.ts';

/**
 * A provider that sends no new refresh token keeps the old one valid (RFC 6749 §6). An ID token in the answer is not
 * looked at: the person was identified at sign-in.
 * @throws ProviderRefusedError `invalid_grant` when the grant is over
 * @throws ProviderUnavailableError on anything else
 */
export async function refreshTokens(
  context: ProviderContext,
  metadata: ProviderMetadata,
  presentedToken: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<UpstreamTokens> {
  const askedAt = context.clock();
  try {
    const config = await connect(context, metadata, { idToken: false });
    const reply = await refreshTokenGrant(config, presentedToken, parameters);
    const tokens = readTokens(reply, askedAt);
    if (tokens === undefined) throw new ProviderUnavailableError('the tokens are malformed');
    return { ...tokens, refreshToken: tokens.refreshToken ?? presentedToken };
  } catch (error) {
    throw refreshError(error, context.profile.grantOverCodes);
  }
}
