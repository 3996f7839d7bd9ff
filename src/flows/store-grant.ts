/** What a completed sign-in leaves behind: a grant, the provider's tokens, and a code for the client. */
import { createId, createSecret, hashSecret } from '../crypto/secrets.ts';
import type { CompletedSignIn, IdentityProvider } from '../identity/identity-provider.ts';
import { userIdOf } from '../identity/user-id.ts';
import type { ReturningSignIn } from '../repositories/authorization-requests.ts';
import { insertGrant } from '../repositories/grants.ts';
import { placeOf } from '../repositories/sealed-values.ts';
import { later, lifetimes } from './lifetimes.ts';
import type { Services } from './services.ts';

/** All of it in one statement; the code alone opens it, once. */
export async function storeGrant(
  services: Pick<Services, 'db' | 'clock' | 'sealer'>,
  returning: ReturningSignIn,
  provider: IdentityProvider,
  { identity, tokens, providerSession }: CompletedSignIn,
): Promise<{ readonly code: string; readonly grantId: string }> {
  const { sealer, db, clock } = services;
  const now = clock();
  const code = createSecret('code');
  const sessionId = createId();
  const grantId = createId();
  const codeExpiresAt = later(now, lifetimes.authorizationCodeMs);
  await insertGrant(db, {
    grantId,
    clientId: returning.clientId,
    userId: userIdOf(provider, identity.subject),
    issuer: identity.issuer,
    subject: identity.subject,
    email: identity.email,
    isEmailVerified: identity.isEmailVerified,
    name: identity.name,
    organization: identity.organization,
    groups: identity.groups,
    resource: returning.resource,
    scopes: returning.scopes,
    createdAt: now,
    expiresAt: codeExpiresAt,
    upstream: {
      sessionId,
      identityProvider: provider.id,
      providerSession,
      sealedAccessToken: sealer.seal(
        tokens.accessToken,
        placeOf('upstream_sessions.sealed_access_token', sessionId),
      ),
      accessTokenExpiresAt: tokens.expiresAt,
      sealedRefreshToken:
        tokens.refreshToken === undefined
          ? undefined
          : sealer.seal(tokens.refreshToken, placeOf('upstream_sessions.sealed_refresh_token', sessionId)),
      grantedScope: tokens.scope,
    },
    code: {
      codeHash: hashSecret(code),
      redirectUri: returning.redirectUri,
      codeChallenge: returning.codeChallenge,
      expiresAt: codeExpiresAt,
    },
  });
  return { code, grantId };
}
