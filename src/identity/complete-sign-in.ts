/** Redeems the provider's answer to a sign-in, and says who the person is. */
import { authorizationCodeGrant } from 'openid-client';
import { connect, type ProviderContext } from './connect.ts';
import { fetchClaims } from './fetch-claims.ts';
import {
  ProviderRefusedError,
  type Identity,
  type SignInSecrets,
  type UpstreamTokens,
} from './identity-provider.ts';
import { signInError } from './provider-errors.ts';
import type { ProviderMetadata } from './provider-metadata.ts';
import { readIdentity } from './read-identity.ts';
import { readTokens } from './token-reply.ts';

/**
 * In order: `iss` (RFC 9207 §2.4) and `state`, before anything else is believed; the error, if it is one; the code,
 * with the PKCE verifier; the ID token with its signature, `iss`, `aud`, `azp`, `exp` and `nonce` (OpenID Connect
 * Core §3.1.3.7), which an OpenID provider must send; userinfo.
 * @throws ProviderRefusedError @throws ProviderUnavailableError
 */
export async function completeSignIn(
  context: ProviderContext,
  metadata: ProviderMetadata,
  callbackUrl: URL,
  expected: SignInSecrets & { readonly redirectUri: string },
): Promise<{ readonly identity: Identity; readonly tokens: UpstreamTokens }> {
  const config = connect(context, metadata, { idToken: metadata.isOpenId });
  const askedAt = context.clock();
  try {
    const reply = await context.signingKeys.lend(config, () =>
      authorizationCodeGrant(config, answerAt(expected.redirectUri, callbackUrl, metadata), {
        expectedState: expected.state,
        pkceCodeVerifier: expected.codeVerifier,
        // Also makes openid-client insist on an ID token.
        ...(metadata.isOpenId && { expectedNonce: expected.nonce }),
      }),
    );
    const tokens = readTokens(reply, askedAt);
    if (tokens === undefined) throw new ProviderRefusedError('server_error', 'the tokens are malformed');
    const claims = await context.signingKeys.lend(config, () =>
      fetchClaims(context, metadata, config, tokens.accessToken, reply.claims()),
    );
    return { identity: readIdentity(metadata.server.issuer, claims), tokens };
  } catch (error) {
    throw signInError(error);
  }
}

/**
 * The answer's parameters at the redirect URI that was sent, whatever address a proxy in front made of it. An `iss`
 * from a provider whose issuer identifier was never published is left out: there is nothing to compare it with.
 */
function answerAt(redirectUri: string, callbackUrl: URL, metadata: ProviderMetadata): URL {
  const url = new URL(redirectUri);
  url.search = callbackUrl.search;
  if (metadata.source === 'guessed') url.searchParams.delete('iss');
  return url;
}
