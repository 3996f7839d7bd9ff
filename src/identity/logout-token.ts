/** Logout tokens: the provider says that someone's session there is over (OpenID Connect Back-Channel Logout 1.0 §2.4). */
import { createRemoteJWKSet, customFetch, decodeJwt, errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import type { ProviderContext } from './connect.ts';
import { type EndedSession, ProviderRefusedError, ProviderUnavailableError } from './identity-provider.ts';
import type { ProviderMetadata } from './provider-metadata.ts';

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';

/** How far the provider's clock may be from ours. */
const skewSeconds = 60;
/** How long a token without `exp` is good: some providers leave it out. With it they are advised to two minutes (§4). */
const defaultLifetimeSeconds = 120;
const maxTokenCharacters = 8192;

const sessionId = z.string().min(1).max(255);

/** The `sid` of an ID token; undefined when it is none that a logout token could name. */
export function readSessionId(sid: unknown): string | undefined {
  return sessionId.safeParse(sid).data;
}

const seconds = z.number().finite().nonnegative().max(4_102_444_800);

const schema = z.object({
  iat: seconds,
  exp: seconds.optional(),
  jti: z.string().min(1).max(256),
  events: z.object({ [logoutEvent]: z.record(z.string(), z.unknown()) }),
  // An ID token has one: it must never pass for a logout token (§2.6).
  nonce: z.undefined().optional(),
  sub: z.string().min(1).max(255).optional(),
  sid: sessionId.optional(),
});

/** Whom a token claims to be from; nothing of it is proven. Undefined when it is no JWT. */
export function readIssuer(token: string): string | undefined {
  if (token.length > maxTokenCharacters) return undefined;
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

export interface LogoutTokens {
  /**
   * Validates a token as §2.6 says, but for its first use: signature, `iss`, `aud`, times, `events`, no `nonce`, and `sub`
   * or `sid`.
   * @throws ProviderRefusedError when it is not good
   * @throws ProviderUnavailableError when the keys cannot be had
   */
  read(token: string, metadata: ProviderMetadata): Promise<EndedSession>;
}

export function createLogoutTokens({ settings, fetch, clock }: ProviderContext): LogoutTokens {
  let keys: { readonly uri: string; readonly find: JWTVerifyGetKey } | undefined;

  /** Kept for ten minutes; a key id that is not known makes jose look again, once in 30 seconds. */
  const keysAt = (uri: string): JWTVerifyGetKey => {
    if (keys?.uri !== uri) {
      const find = createRemoteJWKSet(new URL(uri), {
        [customFetch]: async (url) => fetch(url, { headers: { accept: 'application/json' } }),
      });
      keys = { uri, find };
    }
    return keys.find;
  };

  return {
    read: async (token, { server }) => {
      if (server.jwks_uri === undefined) throw refused('the provider has no keys');
      const now = clock();
      let payload: unknown;
      try {
        const verified = await jwtVerify(token, keysAt(server.jwks_uri), {
          issuer: server.issuer,
          audience: settings.clientId,
          algorithms: [...(server.id_token_signing_alg_values_supported ?? [])],
          clockTolerance: skewSeconds,
          currentDate: now,
        });
        if (!isLogoutType(verified.protectedHeader.typ)) throw refused('another type of token');
        payload = verified.payload;
      } catch (error) {
        throw toProviderError(error);
      }
      const claims = schema.safeParse(payload).data;
      if (claims === undefined) throw refused('its claims are not those of a logout token');
      const { iat, exp = iat + defaultLifetimeSeconds, jti, sub, sid } = claims;
      const nowSeconds = now.getTime() / 1000;
      if (iat > nowSeconds + skewSeconds) throw refused('it is from the future');
      if (exp + skewSeconds <= nowSeconds) throw refused('it is too old');
      if (sub === undefined && sid === undefined) throw refused('it names neither a person nor a session');
      return {
        issuer: server.issuer,
        subject: sub,
        providerSession: sid,
        tokenId: jti,
        expiresAt: new Date((exp + skewSeconds) * 1000),
      };
    },
  };
}

/** `logout+jwt` is recommended, not required (§2.4); one that names another type is another. */
function isLogoutType(type: string | undefined): boolean {
  return type === undefined || /^(application\/)?(logout\+)?jwt$/i.test(type);
}

function refused(reason: string, cause?: unknown): ProviderRefusedError {
  return new ProviderRefusedError('invalid_request', reason, { cause });
}

function toProviderError(error: unknown): ProviderRefusedError | ProviderUnavailableError {
  if (error instanceof ProviderRefusedError || error instanceof ProviderUnavailableError) return error;
  const isAboutKeys =
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    !(error instanceof errors.JOSEError) ||
    error.code === 'ERR_JOSE_GENERIC';
  return isAboutKeys
    ? new ProviderUnavailableError('the keys of the provider cannot be read', { cause: error })
    : refused('it is not valid', error);
}
