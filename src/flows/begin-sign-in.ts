/** Sends an approved request to the identity provider. */
import type { Config } from '../config.ts';
import { createNonce, hashSecret } from '../crypto/secrets.ts';
import type { IdentityProvider, SignInSecrets } from '../identity/identity-provider.ts';
import { offlineAccess } from '../protocol/scope.ts';
import type { SecretHash } from '../protocol/secret-hash.ts';
import {
  approveRequest,
  type AskedRequest,
  type PendingRequest,
  type StoredSignIn,
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

/**
 * Where the provider sends the browser back to: registered at the provider. Each has an address of its own, so that no
 * provider can pass off the answer of another as its own (mix-up, RFC 9700 §4.4.2.2).
 */
export function callbackUrl(baseUrl: string, provider: Pick<IdentityProvider, 'id' | 'isPrimary'>): string {
  return provider.isPrimary ? `${baseUrl}/callback` : `${baseUrl}/callback/${provider.id}`;
}

/** What a sealed sign-in is bound to: its own row. */
export function signInPlace(upstreamStateHash: SecretHash): string {
  return `authorization_requests.sealed_sign_in:${Buffer.from(upstreamStateHash).toString('hex')}`;
}

/** What is sealed with a request while its browser is at the provider. */
export interface SealedSignIn extends SignInSecrets {
  readonly signInSecret: string;
  readonly redirectUri: string;
  /** Whether the person takes the answer to the client by hand. Rows of earlier versions do not have it. */
  readonly isCopied?: boolean;
}

/** New secrets of a sign-in at a provider: none of them is used for another. */
export function createSignIn({ baseUrl }: Pick<Config, 'baseUrl'>, provider: IdentityProvider): SealedSignIn {
  return {
    state: createNonce(),
    nonce: createNonce(),
    codeVerifier: createNonce(),
    signInSecret: createNonce(),
    redirectUri: callbackUrl(baseUrl, provider),
  };
}

type BeginServices = Pick<Services, 'db' | 'config' | 'sealer'>;

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
  provider: IdentityProvider,
  isCopied = false,
): Promise<SignInRedirect | undefined> {
  const { config, sealer, db } = services;
  const secrets = { ...createSignIn(config, provider), isCopied };
  const redirect = await redirectWith(services, provider, secrets, pending);
  const upstreamStateHash = hashSecret(secrets.state);
  const isApproved = await approveRequest(db, key, {
    identityProvider: provider.id,
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
  services: Pick<BeginServices, 'config' | 'sealer'>,
  request: PendingRequest & { readonly signIn: NonNullable<AskedRequest['signIn']> },
  provider: IdentityProvider,
): Promise<SignInRedirect> {
  return redirectWith(services, provider, openSignIn(services, request.signIn), request);
}

/** What was sealed with a request that was approved. */
export function openSignIn(
  { sealer }: Pick<BeginServices, 'sealer'>,
  { upstreamStateHash, sealedSignIn }: Pick<StoredSignIn, 'upstreamStateHash' | 'sealedSignIn'>,
): SealedSignIn {
  return JSON.parse(sealer.open(sealedSignIn, signInPlace(upstreamStateHash))) as SealedSignIn;
}

/** Those that a provider may know: it would refuse the whole sign-in for one that is ours alone. */
export function upstreamScopes(config: Config, approvedScopes: readonly string[]): readonly string[] {
  const upstream = new Set([...config.scopesSupported, offlineAccess]);
  return approvedScopes.filter((scope) => upstream.has(scope));
}

async function redirectWith(
  { config }: Pick<BeginServices, 'config'>,
  provider: IdentityProvider,
  { signInSecret, ...secrets }: SealedSignIn,
  pending: PendingRequest,
): Promise<SignInRedirect> {
  const url = await provider.signInUrl({
    ...secrets,
    scopes: upstreamScopes(config, pending.scopes),
    choosesAccount: pending.choosesAccount,
  });
  return { location: url.href, state: secrets.state, signInSecret };
}
