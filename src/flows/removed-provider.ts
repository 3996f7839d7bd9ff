/** Whose identity provider is not configured any more is out, until it comes back: nothing of theirs is revoked. */
import type { Services } from './services.ts';

/** `providerId`: undefined for a machine, which signs in nowhere. */
export function isOfRemovedProvider(
  { identityProviders }: Pick<Services, 'identityProviders'>,
  providerId: string | undefined,
): boolean {
  return providerId !== undefined && identityProviders.find(providerId) === undefined;
}
