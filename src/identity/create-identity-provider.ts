/** Makes the identity provider that the configuration names. A new provider is one more file and one line here. */
import { createBoundedFetch, isLoopback } from './bounded-fetch.ts';
import { checkClient } from './check-client.ts';
import { checkToken } from './check-token.ts';
import { completeSignIn } from './complete-sign-in.ts';
import type { ProviderContext } from './connect.ts';
import { discover } from './discover.ts';
import { generic } from './generic.ts';
import { github } from './github.ts';
import { google } from './google.ts';
import { type IdentityProvider, ProviderRefusedError, type ProviderStatus } from './identity-provider.ts';
import { keepMetadata, knownMetadata, scheduleUnreferenced, type Schedule } from './keep-metadata.ts';
import { createLogoutTokens, readIssuer } from './logout-token.ts';
import { microsoft } from './microsoft.ts';
import {
  openIdScopes,
  type ProviderMatcher,
  type ProviderProfile,
  type ProviderSettings,
} from './provider-profile.ts';
import { refreshTokens } from './refresh-tokens.ts';
import { revokeTokens } from './revoke-tokens.ts';
import { signInUrl } from './sign-in-url.ts';
import { createSigningKeys } from './signing-keys.ts';

/** The first that matches is the provider; `generic` matches all. */
const registry: readonly ProviderMatcher[] = [google, microsoft, github, generic];

const defaultTimeoutMs = 10_000;
/** Metadata, keys, tokens and claims are a few kilobytes; a mebibyte is a mistake or an attack. */
const maxAnswerBytes = 1024 * 1024;

export interface IdentityProviderOptions {
  readonly clock: () => Date;
  /** Called when the provider becomes usable or stops being so, and when the reason changes. */
  readonly onStatus?: (status: ProviderStatus) => void;
  readonly fetch?: typeof fetch;
  /** For one request, its answer included. Default: 10 s */
  readonly timeoutMs?: number;
  readonly schedule?: Schedule;
  /** The other providers that people can choose: what only they understand is not asked here. */
  readonly others?: readonly ProviderSettings[];
}

export function createIdentityProvider(
  settings: ProviderSettings,
  options: IdentityProviderOptions,
): IdentityProvider {
  const profile = profileOf(settings);
  const otherProfiles = (options.others ?? []).map(profileOf);
  const boundedFetch = createBoundedFetch({
    fetch: options.fetch ?? fetch,
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
    maxBytes: maxAnswerBytes,
    allowsLoopback: isLoopback(settings.url),
  });
  const { metadata: where } = profile;
  const kept =
    'discoverFrom' in where
      ? keepMetadata({
          find: () => discover(where.discoverFrom, boundedFetch, where.acceptsIssuer, where.otherwise),
          schedule: options.schedule ?? scheduleUnreferenced,
          onStatus: options.onStatus ?? (() => {}),
        })
      : knownMetadata(where);
  const context: ProviderContext = {
    settings,
    profile,
    fetch: boundedFetch,
    signingKeys: createSigningKeys(options.clock),
    clock: options.clock,
  };
  const logoutTokens = createLogoutTokens(context);
  const { tokenCheckUrl } = profile;

  return {
    id: settings.id,
    isPrimary: settings.isPrimary,
    displayName: profile.displayName,
    isPublic: profile.isPublic === true && settings.allowedGroups === undefined,
    status: kept.status,
    start: kept.start,
    stop: kept.stop,
    signInUrl: async (request) =>
      signInUrl(context, await kept.current(), {
        ...request,
        scopes: request.scopes.filter((scope) => !isForeign(scope, otherProfiles)),
      }),
    checkClient: async (redirectUri) => checkClient(context, await kept.current(), redirectUri),
    completeSignIn: async (callbackUrl, expected) =>
      completeSignIn(context, await kept.current(), callbackUrl, expected),
    refresh: async (presentedToken, issuer) => {
      const metadata = await kept.current();
      if (!isOfHost(issuer, metadata.server.issuer)) {
        throw new ProviderRefusedError('invalid_grant', 'the sign-in was made at another provider');
      }
      return refreshTokens(context, metadata, presentedToken);
    },
    ...(tokenCheckUrl !== undefined && {
      checkToken: async (accessToken, issuer) => {
        const { server, isOpenId } = await kept.current();
        if (!isOpenId && isOfHost(issuer, server.issuer))
          await checkToken(boundedFetch, tokenCheckUrl, accessToken);
      },
    }),
    revoke: async (tokens, signIn) => {
      const metadata = await kept.current();
      if (!isOfHost(signIn.issuer, metadata.server.issuer)) return;
      await revokeTokens(context, metadata, tokens, signIn);
    },
    readLogoutToken: async (token) => {
      const metadata = await kept.current();
      if (!metadata.isOpenId || readIssuer(token) !== metadata.server.issuer) return undefined;
      return logoutTokens.read(token, metadata);
    },
  };
}

/**
 * A preset asks for no scope but those it knows. The generic provider knows none in particular: it is asked for all that
 * no preset beside it knows.
 */
function isForeign(scope: string, otherProfiles: readonly ProviderProfile[]): boolean {
  return !openIdScopes.has(scope) && otherProfiles.some((other) => other.knowsScope?.(scope) === true);
}

function isOfHost(issuer: string, other: string): boolean {
  if (!URL.canParse(issuer) || !URL.canParse(other)) return issuer === other;
  return new URL(issuer).host === new URL(other).host;
}

function profileOf(settings: ProviderSettings): ProviderProfile {
  for (const matches of registry) {
    const profile = matches(settings);
    if (profile !== undefined) return profile;
  }
  throw new Error('no provider in the registry matches');
}
