/** Takes the identity provider's answer to a sign-in at `/account`, and opens the person's own page for this browser. */
import { createNonce, hashSecret } from '../crypto/secrets.ts';
import {
  type CompletedSignIn,
  type IdentityProvider,
  ProviderRefusedError,
} from '../identity/identity-provider.ts';
import { PageError } from '../protocol/errors.ts';
import { insertAccountSession } from '../repositories/account-sessions.ts';
import { releaseAccountReturn, takeAccountReturn } from '../repositories/account-sign-ins.ts';
import { problemOf } from './admission.ts';
import { accountSignInPlace } from './begin-account-sign-in.ts';
import type { SealedSignIn } from './begin-sign-in.ts';
import { addressOf } from './complete-sign-in.ts';
import { later, lifetimes } from './lifetimes.ts';
import type { Services } from './services.ts';
import { whoIs } from './sign-in-refusals.ts';

type SignInServices = Pick<
  Services,
  'db' | 'clock' | 'config' | 'events' | 'sealer' | 'identityProviders' | 'log'
>;

/**
 * Only the browser that was sent may bring the answer, once, and only at the address of its provider (RFC 9700 §4.4.2.2,
 * §4.7). Returns the secret of the session; what the provider gave is not kept.
 *
 * @throws PageError when the browser, the state or the time is wrong, the provider refused, or the lists do
 * @throws ProviderUnavailableError when the provider is away; the answer can be brought again
 */
export async function completeAccountSignIn(
  services: SignInServices,
  input: { readonly returnedUrl: URL; readonly state: string; readonly signInSecret: string },
): Promise<{ readonly sessionSecret: string; readonly providerId: string }> {
  const { db, clock, sealer, identityProviders } = services;
  const upstreamStateHash = hashSecret(input.state);
  const returning = await takeAccountReturn(db, {
    upstreamStateHash,
    signInHash: hashSecret(input.signInSecret),
    now: clock(),
  });
  if (returning === undefined) throw over('unknown, used or expired state, or another browser’s');
  const provider = identityProviders.find(returning.identityProvider);
  if (provider === undefined) throw over('the identity provider is not configured any more');
  const secrets = JSON.parse(
    sealer.open(returning.sealedSignIn, accountSignInPlace(upstreamStateHash)),
  ) as SealedSignIn;
  if (addressOf(input.returnedUrl) !== secrets.redirectUri) throw over('the answer came to another address');
  try {
    const signedIn = await provider.completeSignIn(input.returnedUrl, { ...secrets, scopes: [] });
    void giveBack(services, provider, signedIn);
    const problem = problemOf(services, { ...signedIn.identity, identityProvider: provider.id });
    if (problem !== undefined) throw notAdmitted(problem, signedIn, provider);
    const sessionSecret = await openSession(services, provider, signedIn);
    const person = { provider: provider.id, ...whoIs(provider, signedIn.identity) };
    services.events.record({ type: 'sign_in', outcome: 'success', ...person });
    return { sessionSecret, providerId: provider.id };
  } catch (error) {
    if (error instanceof PageError) throw error;
    if (error instanceof ProviderRefusedError) throw refused(error, provider);
    await releaseAccountReturn(db, upstreamStateHash).catch(() => undefined);
    throw error;
  }
}

async function openSession(
  { db, clock }: SignInServices,
  provider: IdentityProvider,
  { identity, providerSession }: CompletedSignIn,
): Promise<string> {
  const sessionSecret = createNonce();
  const now = clock();
  await insertAccountSession(db, {
    sessionHash: hashSecret(sessionSecret),
    identityProvider: provider.id,
    issuer: identity.issuer,
    subject: identity.subject,
    providerSession,
    email: identity.email,
    name: identity.name,
    createdAt: now,
    expiresAt: later(now, lifetimes.accountSessionMs),
  });
  return sessionSecret;
}

/**
 * Ends the one token where that is possible (GitHub, whose tokens do not expire). Elsewhere it would end what the person's
 * connections rest on, too: their token is short-lived, and forgotten here.
 */
async function giveBack(
  { log }: SignInServices,
  provider: IdentityProvider,
  { identity: { issuer }, tokens }: CompletedSignIn,
): Promise<void> {
  try {
    await provider.revoke(tokens, { issuer, isLastOfPerson: false });
  } catch (error) {
    log.warn({ err: error, provider: provider.id }, 'the token of a sign-in at /account was not revoked');
  }
}

function notAdmitted(reason: string, { identity }: CompletedSignIn, provider: IdentityProvider): PageError {
  return new PageError('not_admitted', {
    status: 403,
    reason,
    description: 'This account may not sign in here',
    event: 'sign_in',
    about: { provider: provider.id, ...whoIs(provider, identity) },
    details: {
      account: `${identity.email ?? identity.name ?? identity.subject} (${provider.displayName})`,
    },
    isOfAccount: true,
  });
}

function refused(error: ProviderRefusedError, provider: IdentityProvider): PageError {
  return new PageError('account_refused', {
    status: 403,
    reason: `${error.code}: ${error.message}`,
    description: 'The sign-in was cancelled, or failed at the identity provider',
    cause: error,
    event: 'sign_in',
    about: { provider: provider.id },
    isOfAccount: true,
  });
}

function over(reason: string): PageError {
  return new PageError('account_over', {
    status: 403,
    reason,
    description: 'This sign-in has expired or was already completed',
    isOfAccount: true,
  });
}
