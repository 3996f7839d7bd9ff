/** Where a browser is sent to sign in: the authorization request to the provider. */
import { buildAuthorizationUrl, calculatePKCECodeChallenge } from 'openid-client';
import { connect, type ProviderContext } from './connect.ts';
import type { IdentityProvider } from './identity-provider.ts';
import { offlineAccess } from '../protocol/scope.ts';
import type { ProviderMetadata } from './provider-metadata.ts';

/**
 * PKCE always, `nonce` where there is an ID token to carry it (RFC 9700 §2.1.1). The client's `resource` is not
 * passed on: it names us, and the provider does not know us as one. The response mode is left at its default, `query`:
 * a form posted from another site would come without our cookie.
 */
export async function signInUrl(
  context: ProviderContext,
  metadata: ProviderMetadata,
  request: Parameters<IdentityProvider['signInUrl']>[0],
): Promise<URL> {
  const { profile } = context;
  const isOnce = request.isOnce === true;
  const { prompt, ...parameters } = {
    ...(!isOnce && profile.offlineParameters?.(metadata)),
    ...profile.parameters?.(metadata),
  };
  const accountPrompt = profile.accountPrompt ?? (metadata.isOpenId ? 'login' : undefined);
  const prompts = [prompt, request.choosesAccount === true ? accountPrompt : undefined].filter(Boolean);
  const scopes = profile.scopes(request.scopes, metadata);
  const scope = (isOnce ? scopes.filter((name) => name !== offlineAccess) : scopes).join(' ');
  return buildAuthorizationUrl(await connect(context, metadata, { idToken: metadata.isOpenId }), {
    redirect_uri: request.redirectUri,
    ...(scope !== '' && { scope }),
    state: request.state,
    ...(metadata.isOpenId && { nonce: request.nonce }),
    code_challenge: await calculatePKCECodeChallenge(request.codeVerifier),
    code_challenge_method: 'S256',
    ...(prompts.length > 0 && { prompt: prompts.join(' ') }),
    ...parameters,
  });
}
