/** Sends an approved request to the identity provider. */
import { createNonce, hashSecret } from '../crypto/secrets.ts';
import type { SignInSecrets } from '../identity/identity-provider.ts';
import { offlineAccess } from '../protocol/scope.ts';
import type { SecretHash } from '../protocol/secret-hash.ts';
import {
  approveRequest,
  type AskedRequest,
  type PendingRequest,
} from '../repositories/authorization-requests.ts';
import { later, lifetimes } from './lifetimes.ts';
import type { Services } from './services.ts';

/** Where the browser goes, and the secret that proves on return that it is the same browser. */
export interface SignInRedirect {
  readonly location: string;
  /** Names the sign-in's cookie: two tabs do not overwrite each other's. */
  readonly state: string;
  readonly signInSecret: string;
}

/** Where the provider sends the browser back to: registered at the provider. */
export function callbackUrl(baseUrl: string): string {
  return `${baseUrl}/callback`;
}

/** What a sealed sign-in is bound to: its own row. */
export function signInPlace(upstreamStateHash: SecretHash): string {
  return `authorization_requests.sealed_sign_in:${Buffer.from(upstreamStateHash).toString('hex')}`;
}

interface RedirectSecrets extends SignInSecrets {
  readonly signInSecret: string;
}

type BeginServices = Pick<Services, 'db' | 'config' | 'sealer' | 'identityProvider'>;

/**
 * Approves the request, once, and stores the sign-in's secrets with it. The upstream `state`, nonce and verifier exist
 * only from here on, after the approval (MCP security best practices, confused deputy). Undefined: the request was
 * decided meanwhile, or has expired.
 *
 * @throws ProviderUnavailableError before anything is used up
 */
export async function beginSignIn(
  services: BeginServices,
  key: { readonly requestIdHash: SecretHash; readonly consentHash: SecretHash; readonly now: Date },
  pending: PendingRequest,
): Promise<SignInRedirect | undefined> {
  const { identityProvider, sealer, db } = services;
  const secrets = {
    state: createNonce(),
    nonce: createNonce(),
    codeVerifier: createNonce(),
    signInSecret: createNonce(),
  };
  const redirect = await redirectWith(services, secrets, pending);
  const upstreamStateHash = hashSecret(secrets.state);
  const isApproved = await approveRequest(db, key, {
    identityProvider: identityProvider.id,
    upstreamStateHash,
    signInHash: hashSecret(secrets.signInSecret),
    sealedSignIn: sealer.seal(JSON.stringify(secrets), signInPlace(upstreamStateHash)),
    expiresAt: later(key.now, lifetimes.signInMs),
  });
  return isApproved ? redirect : undefined;
}

/**
 * The same redirect again, for a browser that approves twice: it follows the answer to its last click, and a double
 * click must not end in an error.
 *
 * @throws ProviderUnavailableError
 */
export async function repeatSignIn(
  services: BeginServices,
  request: PendingRequest & { readonly signIn: NonNullable<AskedRequest['signIn']> },
): Promise<SignInRedirect> {
  const { upstreamStateHash, sealedSignIn } = request.signIn;
  const sealed = services.sealer.open(sealedSignIn, signInPlace(upstreamStateHash));
  return redirectWith(services, JSON.parse(sealed) as RedirectSecrets, request);
}

async function redirectWith(
  { identityProvider, config }: BeginServices,
  { signInSecret, ...secrets }: RedirectSecrets,
  pending: PendingRequest,
): Promise<SignInRedirect> {
  // The provider knows no others, and would refuse the whole sign-in for one.
  const upstreamScopes = new Set([...config.scopesSupported, offlineAccess]);
  const url = await identityProvider.signInUrl({
    ...secrets,
    redirectUri: callbackUrl(config.baseUrl),
    scopes: pending.scopes.filter((scope) => upstreamScopes.has(scope)),
  });
  return { location: url.href, state: secrets.state, signInSecret };
}
