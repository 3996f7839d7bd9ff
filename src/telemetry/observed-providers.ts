/** The identity providers as before, and what they are asked is timed. */
import {
  type IdentityProvider,
  ProviderRefusedError,
  ProviderUnavailableError,
} from '../identity/identity-provider.ts';
import type { IdentityProviders } from '../identity/identity-providers.ts';
import type { Telemetry } from './telemetry.ts';

export function observedProviders(
  providers: IdentityProviders,
  { observe }: Pick<Telemetry, 'observe'>,
): IdentityProviders {
  const [first, ...others] = providers.all;
  const all = [observed(first, observe), ...others.map((one) => observed(one, observe))] as const;
  return { ...providers, all, find: (id) => all.find((provider) => provider.id === id) };
}

function observed(provider: IdentityProvider, observe: Telemetry['observe']): IdentityProvider {
  const ask = <T>(operation: string, work: () => Promise<T>): Promise<T> =>
    observe('providers', { provider: provider.id, operation }, outcomeOf, work);
  const { checkToken } = provider;
  return {
    ...provider,
    completeSignIn: (...asked) => ask('sign_in', () => provider.completeSignIn(...asked)),
    refresh: (...asked) => ask('refresh', () => provider.refresh(...asked)),
    ...(checkToken !== undefined && {
      checkToken: (...asked) => ask('check_token', () => checkToken(...asked)),
    }),
    revoke: (...asked) => ask('revoke', () => provider.revoke(...asked)),
  };
}

/** `refused` is the provider's last word; `unavailable` is tried again. */
function outcomeOf(error: unknown): string {
  if (error instanceof ProviderRefusedError) return 'refused';
  return error instanceof ProviderUnavailableError ? 'unavailable' : 'failed';
}
