/** Sends a person to the identity provider to look at their connections: a sign-in that authorizes no client. */
import { hashSecret } from '../crypto/secrets.ts';
import { PageError } from '../protocol/errors.ts';
import type { SecretHash } from '../protocol/secret-hash.ts';
import { insertAccountSignIn } from '../repositories/account-sign-ins.ts';
import { createSignIn, type SignInRedirect } from './begin-sign-in.ts';
import { later, lifetimes } from './lifetimes.ts';
import { makeRoomForSignIns } from './make-room.ts';
import type { Services } from './services.ts';

/** What such a sign-in is sealed for: not what one of a client is, so that neither opens as the other. */
export function accountSignInPlace(upstreamStateHash: SecretHash): string {
  return `account_sign_ins.sealed_sign_in:${Buffer.from(upstreamStateHash).toString('hex')}`;
}

/**
 * The same machinery as for a client's request: `state` bound to this browser, PKCE, nonce. The provider is asked who the
 * person is, and for nothing that would outlive the answer. Who names no provider means the first one.
 *
 * @throws PageError when there is no such provider
 * @throws ProviderUnavailableError
 */
export async function beginAccountSignIn(
  {
    identityProviders,
    config,
    db,
    sealer,
    clock,
  }: Pick<Services, 'identityProviders' | 'config' | 'db' | 'sealer' | 'clock'>,
  input: { readonly providerId: string | undefined; readonly choosesAccount: boolean },
): Promise<SignInRedirect> {
  const { all, find } = identityProviders;
  const provider = input.providerId === undefined ? all[0] : find(input.providerId);
  if (provider === undefined) {
    throw new PageError('account_form', {
      reason: 'no such identity provider',
      description: 'There is no identity provider of that name',
      isOfAccount: true,
    });
  }
  const secrets = createSignIn(config, provider);
  const { signInSecret, state, nonce, codeVerifier, redirectUri } = secrets;
  const { choosesAccount } = input;
  const url = await provider.signInUrl({
    state,
    nonce,
    codeVerifier,
    redirectUri,
    scopes: [],
    choosesAccount,
    isOnce: true,
  });
  const upstreamStateHash = hashSecret(state);
  const now = clock();
  await insertAccountSignIn(db, {
    identityProvider: provider.id,
    upstreamStateHash,
    signInHash: hashSecret(signInSecret),
    sealedSignIn: sealer.seal(JSON.stringify(secrets), accountSignInPlace(upstreamStateHash)),
    createdAt: now,
    expiresAt: later(now, lifetimes.signInMs),
  });
  await makeRoomForSignIns({ db });
  return { location: url.href, state, signInSecret };
}
