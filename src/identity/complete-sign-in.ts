/** Redeems the provider's answer to a sign-in, and says who the person is. */
import { decodeProtectedHeader } from 'jose';
import { authorizationCodeGrant, getJwksCache, type Configuration } from 'openid-client';
import { connect, type ProviderContext } from './connect.ts';
import { callApiWith } from './call-api.ts';
import { fetchClaims } from './fetch-claims.ts';
import {
  ProviderRefusedError,
  type CompletedSignIn,
  type SignInSecrets,
  type UpstreamTokens,
} from './identity-provider.ts';
import { readSessionId } from './logout-token.ts';
import { signInError } from './provider-errors.ts';
import type { ProviderMetadata } from './provider-metadata.ts';
import { readIdentity } from './read-identity.ts';
import { refreshTokens } from './refresh-tokens.ts';
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
  expected: SignInSecrets & { readonly redirectUri: string; readonly scopes: readonly string[] },
): Promise<CompletedSignIn> {
  const { profile, settings, signingKeys } = context;
  const askedAt = context.clock();
  try {
    const config = await connect(context, metadata, { idToken: metadata.isOpenId });
    const reply = await signingKeys.lend(config, () =>
      authorizationCodeGrant(
        config,
        answerAt(expected.redirectUri, callbackUrl, metadata),
        {
          expectedState: expected.state,
          pkceCodeVerifier: expected.codeVerifier,
          // Also makes openid-client insist on an ID token.
          ...(metadata.isOpenId && { expectedNonce: expected.nonce }),
        },
        profile.tokenParameters?.(expected.scopes),
      ),
    );
    const tokens = readTokens(reply, askedAt);
    if (tokens === undefined) throw new ProviderRefusedError('server_error', 'the tokens are malformed');
    const idToken = reply.claims();
    const claims = await signingKeys.lend(config, () =>
      fetchClaims(context, metadata, config, tokens.accessToken, idToken),
    );
    const tokensOf = tokensForOtherScopes(context, metadata, tokens);
    const refined = await profile.refineClaims?.({
      claims,
      signingKey: signingKeyOf(config, reply.id_token),
      callApi: async (scope) =>
        callApiWith(context.fetch, scope === undefined ? tokens.accessToken : await tokensOf.get(scope)),
    });
    // Behind an address for many tenants, each has an issuer of its own.
    const issuer = idToken?.iss ?? metadata.server.issuer;
    const { groups, ...identity } = readIdentity(issuer, refined ?? claims);
    return {
      identity: {
        ...identity,
        organization: profile.organizationOf?.(refined ?? claims),
        ...(settings.wantsGroups === true && { groups: groups ?? [] }),
      },
      tokens: tokensOf.latest(),
      providerSession: readSessionId(idToken?.sid),
    };
  } catch (error) {
    throw signInError(error);
  }
}

/** Gets access tokens for other scopes, and keeps the refresh token that may come with them (RFC 6749 §6). */
function tokensForOtherScopes(context: ProviderContext, metadata: ProviderMetadata, issued: UpstreamTokens) {
  let { refreshToken } = issued;
  return {
    latest: (): UpstreamTokens => ({ ...issued, refreshToken }),
    get: async (scope: string): Promise<string> => {
      if (refreshToken === undefined) return issued.accessToken;
      const other = await refreshTokens(context, metadata, refreshToken, { scope }).catch(
        (error: unknown) => {
          // `invalid_grant` is for a refresh; a client that waits for its code would not know what to make of it.
          throw error instanceof ProviderRefusedError
            ? new ProviderRefusedError('server_error', error.message, { cause: error })
            : error;
        },
      );
      refreshToken = other.refreshToken;
      return other.accessToken;
    },
  };
}

/** The key that an ID token was verified with, as it was published: it may say more than how to verify. */
function signingKeyOf(
  config: Configuration,
  idToken: string | undefined,
): Readonly<Record<string, unknown>> | undefined {
  if (idToken === undefined) return undefined;
  const { kid } = decodeProtectedHeader(idToken);
  return getJwksCache(config)?.jwks.keys.find((key) => kid !== undefined && key.kid === kid);
}

function isOfTemplate(template: string, issuer: string | null): boolean {
  const [before = '', after] = template.split('{tenantid}');
  if (issuer === null || after === undefined) return false;
  return (
    /^[0-9a-f-]{36}$/i.test(issuer.slice(before.length, -after.length || undefined)) &&
    issuer.startsWith(before) &&
    issuer.endsWith(after)
  );
}

/**
 * The answer's parameters at the redirect URI that was sent, whatever address a proxy in front made of it. An `iss`
 * from a provider whose issuer identifier was never published is left out: there is nothing to compare it with.
 */
function answerAt(redirectUri: string, callbackUrl: URL, metadata: ProviderMetadata): URL {
  const url = new URL(redirectUri);
  url.search = callbackUrl.search;
  if (metadata.source === 'guessed') url.searchParams.delete('iss');
  // Whose template it is, is compared here; which tenant it is, in the ID token.
  const { issuer } = metadata.server;
  if (isOfTemplate(issuer, url.searchParams.get('iss'))) url.searchParams.set('iss', issuer);
  return url;
}
