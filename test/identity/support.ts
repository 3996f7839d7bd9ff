/** What the tests of this folder share: a provider under test with a clock of its own, and the answer of a browser. */
import type { ProviderSettings } from '../../src/identity/provider-profile.ts';
import { onTestFinished } from 'vitest';
import {
  createIdentityProvider,
  type IdentityProviderOptions,
} from '../../src/identity/create-identity-provider.ts';
import {
  ProviderRefusedError,
  ProviderUnavailableError,
  type IdentityProvider,
  type ProviderStatus,
} from '../../src/identity/identity-provider.ts';
import { misbehavingClient, secrets, startMisbehavingProvider } from '../support/misbehaving-provider.ts';

export function createClock() {
  let now = Date.now();
  return {
    now: () => new Date(now),
    advance: ({ seconds }: { seconds: number }) => {
      now += seconds * 1000;
    },
  };
}

/** Tasks to run later; the test says when. */
export function createSchedule() {
  const tasks: { task: () => void; delayMs: number }[] = [];
  return {
    delays: () => tasks.map(({ delayMs }) => delayMs),
    schedule: (task: () => void, delayMs: number) => {
      const entry = { task, delayMs };
      tasks.push(entry);
      return () => {
        if (tasks.includes(entry)) tasks.splice(tasks.indexOf(entry), 1);
      };
    },
    runNext: () => tasks.shift()?.task(),
  };
}

export async function startProvider() {
  const upstream = await startMisbehavingProvider();
  onTestFinished(upstream.close);
  return upstream;
}

/** The identity provider under test, beside the statuses it reported. */
export function connectTo(
  url: string,
  options: Partial<IdentityProviderOptions> = {},
  settings: Partial<ProviderSettings> = {},
) {
  const statuses: ProviderStatus[] = [];
  const provider = createIdentityProvider(
    { id: 'oauth', url: new URL(url), isPrimary: true, ...misbehavingClient, ...settings },
    { clock: () => new Date(), onStatus: (status) => statuses.push(status), ...options },
  );
  onTestFinished(() => provider.stop());
  return Object.assign(provider, { statuses });
}

/** The address a browser comes back to. */
export function answer(parameters: Readonly<Record<string, string>> = {}): URL {
  const url = new URL(secrets.redirectUri);
  url.search = new URLSearchParams({ code: 'upstream-code', state: secrets.state, ...parameters }).toString();
  return url;
}

export function signIn(provider: IdentityProvider, returned = answer()) {
  return provider.completeSignIn(returned, secrets);
}

export function signInUrl(provider: IdentityProvider, scopes: readonly string[] = ['openid']) {
  return provider.signInUrl({ ...secrets, scopes });
}

/** How a promise ended, in the two ways a provider can disappoint; anything else is a failure of the test. */
export async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'fine';
  } catch (error) {
    if (error instanceof ProviderRefusedError) return `refused: ${error.code}`;
    if (error instanceof ProviderUnavailableError) return 'unavailable';
    throw error;
  }
}

/** Sends requests for some origins to the test's own server, as DNS would. */
export function route(origins: Readonly<Record<string, string>>): typeof fetch {
  return (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const target = origins[url.origin];
    if (target === undefined) throw new Error(`no route to ${url.origin}`);
    return fetch(target + url.pathname + url.search, init);
  };
}
