/** Makes an access token and the refresh token beside it. */
import { signAccessToken } from '../crypto/access-token.ts';
import { createId, createSecret, hashSecret } from '../crypto/secrets.ts';
import { formatScope } from '../protocol/scope.ts';
import type { SecretHash } from '../protocol/secret-hash.ts';
import { later } from './lifetimes.ts';
import type { Services } from './services.ts';

type IssueServices = Pick<Services, 'clock' | 'config' | 'keyRing'>;

/** What is stored of a pair before its access token is signed. */
export interface DraftTokens {
  readonly jti: string;
  readonly refreshToken: string;
  readonly refreshTokenHash: SecretHash;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly refreshExpiresAt: Date;
}

/** A token response (RFC 6749 §5.1), with its expiry as an instant. */
export interface IssuedTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly scope: string;
  readonly expiresAt: Date;
}

/** Lifetimes are whole seconds, as in the JWT: what is stored and what is signed are the same. */
export function draftTokens({ clock, config }: IssueServices): DraftTokens {
  const now = clock();
  const issuedAt = new Date(Math.floor(now.getTime() / 1000) * 1000);
  const refreshToken = createSecret('rt');
  return {
    jti: createId(),
    refreshToken,
    refreshTokenHash: hashSecret(refreshToken),
    issuedAt,
    expiresAt: later(issuedAt, config.accessTokenTtlSeconds * 1000),
    refreshExpiresAt: later(now, config.refreshTokenTtlSeconds * 1000),
  };
}

export async function signTokens(
  { config, keyRing }: IssueServices,
  draft: DraftTokens,
  grant: {
    readonly clientId: string;
    readonly subject: string;
    readonly email: string | undefined;
    readonly name: string | undefined;
    readonly resource: string;
    readonly scopes: readonly string[];
  },
): Promise<IssuedTokens> {
  const scope = formatScope(grant.scopes);
  const accessToken = await signAccessToken(await keyRing.signingKey(), {
    jti: draft.jti,
    issuer: config.baseUrl,
    audience: grant.resource,
    subject: grant.subject,
    clientId: grant.clientId,
    scope,
    email: grant.email,
    name: grant.name,
    issuedAt: draft.issuedAt,
    expiresAt: draft.expiresAt,
  });
  return { accessToken, refreshToken: draft.refreshToken, scope, expiresAt: draft.expiresAt };
}
