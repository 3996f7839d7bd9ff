/** Finds the sign-in that a browser has begun, for one that sends its approval once more. */
import { hashSecret, isSameHash } from '../crypto/secrets.ts';
import type { PageError } from '../protocol/errors.ts';
import type { SecretHash } from '../protocol/secret-hash.ts';
import { findSignInUnderWay } from '../repositories/authorization-requests.ts';
import { openSignIn, repeatSignIn } from './begin-sign-in.ts';
import type { Services } from './services.ts';

/**
 * An approval counts once (MCP security best practices), but who presses again while the provider loads has done
 * nothing wrong. The browser that holds the sign-in's cookie is told the address that it was sent to. Nothing is made
 * for it, and nothing is used up. Undefined: there is no sign-in under way, or it is not this browser's.
 *
 * @throws ProviderUnavailableError
 */
export async function findWayOn(
  services: Pick<Services, 'db' | 'config' | 'sealer' | 'identityProviders'>,
  input: {
    readonly requestIdHash: SecretHash;
    readonly now: Date;
    readonly signInSecretOf: (state: string) => string | undefined;
  },
): Promise<PageError['underWay']> {
  const request = await findSignInUnderWay(services.db, input);
  const provider = request?.signIn && services.identityProviders.find(request.signIn.identityProvider);
  if (request?.signIn === undefined || provider === undefined) return undefined;
  const { state, signInSecret } = openSignIn(services, request.signIn);
  const presented = input.signInSecretOf(state);
  if (presented === undefined || !isSameHash(hashSecret(presented), hashSecret(signInSecret)))
    return undefined;
  const { location } = await repeatSignIn(services, { ...request, signIn: request.signIn }, provider);
  return { url: location, providerName: provider.displayName };
}
