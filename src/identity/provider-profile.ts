/** What differs from provider to provider, as data and small functions; the machinery is the same for all. */
import type { IssuerRule } from './discover.ts';
import type { Claims } from './read-identity.ts';
import type { ProviderMetadata } from './provider-metadata.ts';

/** `oauth` is the one of `OAUTH_*`, whichever it is. Stored with each sign-in: never renamed. */
export const providerIds = ['google', 'microsoft', 'github', 'oauth'] as const;
export type ProviderId = (typeof providerIds)[number];

export interface ProviderSettings {
  readonly id: ProviderId;
  /** An issuer, a base URL or an authorization endpoint. */
  readonly url: URL;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Its people go by their bare subject, and it answers at `/callback` (docs/decisions). */
  readonly isPrimary: boolean;
  /** Google: the Workspace domains whose people may sign in; undefined: every account. */
  readonly hostedDomains?: readonly string[] | undefined;
  /** Microsoft: the tenants, by id, whose people may sign in; undefined: all that the URL admits. */
  readonly allowedTenants?: readonly string[] | undefined;
  /** The groups, as in `Identity`, whose people may sign in; undefined: nobody needs one. */
  readonly allowedGroups?: readonly string[] | undefined;
  /** Whether the person's groups are needed: they may cost a scope, and calls of an API. */
  readonly wantsGroups?: boolean | undefined;
}

/** A call of the provider's own API with an access token of the person. */
export type CallApi = (
  url: string,
  request?: { readonly method?: 'POST'; readonly json?: unknown },
) => Promise<{ readonly status: number; readonly json: unknown }>;

/** What a profile may look at and ask, once the person has signed in. */
export interface SignedIn {
  /** Of a verified ID token, completed by userinfo; or what `fetchClaims` found. */
  readonly claims: Claims;
  /** The published key that the ID token was signed with. */
  readonly signingKey: Readonly<Record<string, unknown>> | undefined;
  /** Calls an API with the token that was issued, or with one for the scope that is named. */
  readonly callApi: (scope?: string) => Promise<CallApi>;
}

export interface ProviderProfile {
  readonly displayName: string;
  /** Whether anyone can get an account that it lets in. Default: not as far as we know. */
  readonly isPublic?: boolean;
  /** Where discovery starts, or the metadata of a provider that publishes none. */
  readonly metadata:
    | {
        readonly discoverFrom: URL;
        readonly acceptsIssuer?: IssuerRule;
        /** What it is if it surely publishes nothing; default endpoint names otherwise. */
        readonly otherwise?: ProviderMetadata;
      }
    | ProviderMetadata;
  /** The scopes to ask for, when the client asks for `clientScopes`. */
  scopes(clientScopes: readonly string[], metadata: ProviderMetadata): readonly string[];
  /**
   * Whether a client's scope is one of this provider, so that no other one is asked for it. Absent where any scope may
   * be.
   */
  knowsScope?(scope: string): boolean;
  /** Parameters of the authorization request that only this provider needs. */
  parameters?(metadata: ProviderMetadata): Readonly<Record<string, string>>;
  /** Those that it needs to give a refresh token as well. */
  offlineParameters?(metadata: ProviderMetadata): Readonly<Record<string, string>>;
  /** The `prompt` that lets the person choose an account; by default `login`, where that means something. */
  readonly accountPrompt?: string;
  /** Parameters of the token request for a code that only this provider needs. */
  tokenParameters?(clientScopes: readonly string[]): Readonly<Record<string, string>>;
  /** Token endpoint errors, besides `invalid_grant`, that mean that a refresh token is over. */
  readonly grantOverCodes?: readonly string[];
  /** Where any access token of this provider is good, so that 401 there means that it is over. */
  readonly tokenCheckUrl?: string;
  /** Where one access token is deleted, with our credentials, by a provider that has no endpoint of RFC 7009. */
  tokenApi?(clientId: string): string;
  /** Who the person is, for a provider with neither ID tokens nor a userinfo endpoint. */
  fetchClaims?(callApi: CallApi): Promise<Claims>;
  /**
   * Reads the claims by this provider's own rules. Who may sign in is decided elsewhere.
   * @throws ProviderRefusedError when they do not say who the person is
   */
  refineClaims?(signedIn: SignedIn): Promise<Claims>;
  /** Whose account it is, where lists can name that. */
  organizationOf?(claims: Claims): string | undefined;
}

/** The profile, if the settings mean this provider. */
export type ProviderMatcher = (settings: ProviderSettings) => ProviderProfile | undefined;

/**
 * Scopes of the person's identity, then the client's; `offline_access` only where a profile adds it itself, since
 * providers that do not know it refuse the request.
 */
export function withIdentityScopes(
  identityScopes: readonly string[],
  clientScopes: readonly string[],
): readonly string[] {
  return [...new Set([...identityScopes, ...clientScopes.filter((scope) => scope !== 'offline_access')])];
}

/** The scopes of the person's identity, which mean the same everywhere (OpenID Connect Core §5.4, §11). */
export const openIdScopes: ReadonlySet<string> = new Set([
  'openid',
  'profile',
  'email',
  'address',
  'phone',
  'offline_access',
]);
