/** Makes access tokens, and the refresh tokens beside them. */
import { signAccessToken } from '../crypto/access-token.ts';
import { createId, createSecret, hashSecret } from '../crypto/secrets.ts';
import { formatScope } from '../protocol/scope.ts';
import type { SecretHash } from '../protocol/secret-hash.ts';
import { later } from './lifetimes.ts';
import type { Services } from './services.ts';

type IssueServices = Pick<Services, 'clock' | 'config' | 'keyRing'>;

/** What is stored of an access token before it is signed. */
export interface DraftToken {
  readonly jti: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/** What is stored of a pair before its access token is signed. */
export interface DraftTokens extends DraftToken {
  readonly refreshToken: string;
  readonly refreshTokenHash: SecretHash;
  readonly refreshExpiresAt: Date;
}

/** A token response (RFC 6749 §5.1), with its expiry as an instant. */
export interface IssuedToken {
  readonly accessToken: string;
  readonly scope: string;
  readonly expiresAt: Date;
}

export interface IssuedTokens extends IssuedToken {
  readonly refreshToken: string;
}

/** Whom and what a token is for. */
interface GrantFacts {
  readonly clientId: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly resource: string;
  readonly scopes: readonly string[];
}

/** Lifetimes are whole seconds, as in the JWT: what is stored and what is signed are the same. */
export function draftToken({ clock }: Pick<IssueServices, 'clock'>, ttlSeconds: number): DraftToken {
  const issuedAt = new Date(Math.floor(clock().getTime() / 1000) * 1000);
  return { jti: createId(), issuedAt, expiresAt: later(issuedAt, ttlSeconds * 1000) };
}

/** A pair, whose refresh token lives no longer than its connection may (OAuth 2.1 §4.3.3). */
export function draftTokens(services: IssueServices, signedInAt: Date): DraftTokens {
  const refreshToken = createSecret('rt');
  const unusedUntil = later(services.clock(), services.config.refreshTokenTtlSeconds * 1000);
  return {
    ...draftToken(services, services.config.accessTokenTtlSeconds),
    refreshToken,
    refreshTokenHash: hashSecret(refreshToken),
    refreshExpiresAt: earlier(unusedUntil, endOfConnection(services, signedInAt)),
  };
}

/** When people have to sign in again, however often their client has refreshed. Undefined: never. */
export function endOfConnection(
  { config }: Pick<IssueServices, 'config'>,
  signedInAt: Date,
): Date | undefined {
  return config.connectionTtlSeconds === undefined
    ? undefined
    : later(signedInAt, config.connectionTtlSeconds * 1000);
}

function earlier(a: Date, b: Date | undefined): Date {
  return b === undefined || a < b ? a : b;
}

export async function signTokens(
  services: IssueServices,
  draft: DraftTokens,
  grant: GrantFacts,
): Promise<IssuedTokens> {
  const { accessToken, scope, expiresAt } = await signToken(services, draft, grant);
  return { accessToken, refreshToken: draft.refreshToken, scope, expiresAt };
}

export async function signToken(
  { config, keyRing }: Pick<IssueServices, 'config' | 'keyRing'>,
  draft: DraftToken,
  grant: GrantFacts,
): Promise<IssuedToken> {
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
  return { accessToken, scope, expiresAt: draft.expiresAt };
}
