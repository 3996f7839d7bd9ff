/** The identity providers that the configuration names, found by the id that requests and sign-ins are stored with. */
import { createIdentityProvider, type IdentityProviderOptions } from './create-identity-provider.ts';
import type { IdentityProvider, ProviderStatus } from './identity-provider.ts';
import type { ProviderSettings } from './provider-profile.ts';

export interface IdentityProviders {
  readonly all: readonly [IdentityProvider, ...IdentityProvider[]];
  /** Undefined for one that is not configured (any more). */
  find(id: string): IdentityProvider | undefined;
  start(): void;
  stop(): void;
}

export function createIdentityProviders(
  settings: readonly [ProviderSettings, ...ProviderSettings[]],
  options: Omit<IdentityProviderOptions, 'onStatus'> & {
    readonly onStatus?: (provider: string, status: ProviderStatus) => void;
  },
): IdentityProviders {
  const create = (one: ProviderSettings): IdentityProvider =>
    createIdentityProvider(one, {
      ...options,
      others: settings.filter((other) => other !== one),
      onStatus: (status) => options.onStatus?.(one.id, status),
    });
  const [first, ...others] = settings;
  const all = [create(first), ...others.map(create)] as const;
  return {
    all,
    find: (id) => all.find((provider) => provider.id === id),
    start: () => all.forEach((provider) => provider.start()),
    stop: () => all.forEach((provider) => provider.stop()),
  };
}
