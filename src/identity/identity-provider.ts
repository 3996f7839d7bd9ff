/** What the server needs from an identity provider, whichever it is. */
import type { ClientCheck } from './check-client.ts';
import type { ProviderId } from './provider-profile.ts';

/** The person, as the provider describes them. */
export interface Identity {
  /** The provider's issuer identifier; with `subject` it names the person (OpenID Connect Core §2). */
  readonly issuer: string;
  readonly subject: string;
  /** Present only when the provider does not say that it is unverified. */
  readonly email?: string | undefined;
  /** Whether the provider says that the address is theirs: without that it opens no door. */
  readonly isEmailVerified: boolean;
  readonly name?: string | undefined;
  /** Whose account it is: the hosted domain at Google, the id of the tenant at Microsoft. Both in lower case. */
  readonly organization?: string | undefined;
  /** Present when they were asked for: `org` and `org/team` at GitHub, ids at Microsoft, elsewhere as they are sent. */
  readonly groups?: readonly string[] | undefined;
}

/** The provider's tokens for the person. */
export interface UpstreamTokens {
  readonly accessToken: string;
  readonly refreshToken?: string | undefined;
  /** Undefined when the provider gives no `expires_in`: the token is taken to live until refused. */
  readonly expiresAt?: Date | undefined;
  /** What the provider says it granted; undefined when it says nothing. */
  readonly scope?: string | undefined;
}

export interface CompletedSignIn {
  readonly identity: Identity;
  readonly tokens: UpstreamTokens;
  /** The provider's own name for the session (`sid`), if it will say when that ends. */
  readonly providerSession?: string | undefined;
}

/** A session at the provider that is over: that one, or all of the person (OpenID Connect Back-Channel Logout 1.0 §2.7). */
export interface EndedSession {
  readonly issuer: string;
  readonly subject: string | undefined;
  readonly providerSession: string | undefined;
  /** The token that says so is good once, and until then. */
  readonly tokenId: string;
  readonly expiresAt: Date;
}

/** The secrets of one sign-in, kept between the redirect to the provider and its answer. */
export interface SignInSecrets {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

export interface IdentityProvider {
  /** Stable name in the database: `google`, `oauth` … */
  readonly id: ProviderId;
  readonly isPrimary: boolean;
  /** Shown to people: `Google`, or the provider's host name. */
  readonly displayName: string;
  /** Whether anyone can get an account that it lets in: then only lists keep strangers out. */
  readonly isPublic: boolean;
  /** Whether the provider can be used now, without asking it. */
  status(): ProviderStatus;
  /** Starts discovery in the background and keeps retrying until it succeeds or `stop` is called. */
  start(): void;
  stop(): void;
  /**
   * Where to send the browser. `scopes` are those of the client that the provider should grant;
   * the identity scopes that the provider needs are added. With `choosesAccount` the person is not signed in with the
   * account that they are using there, but asked which. With `isOnce` nothing is wanted from the provider after the
   * sign-in: no refresh token is asked for.
   * @throws ProviderUnavailableError
   */
  signInUrl(
    request: SignInSecrets & {
      readonly redirectUri: string;
      readonly scopes: readonly string[];
      readonly choosesAccount?: boolean;
      readonly isOnce?: boolean;
    },
  ): Promise<URL>;
  /**
   * Whether it takes our id and secret; nobody signs in.
   * @throws Error when there is no OAuth answer
   */
  checkClient(redirectUri: string): Promise<ClientCheck>;
  /**
   * Redeems the provider's answer and says who the person is.
   * @throws ProviderRefusedError when the answer is an error or fails a check
   * @throws ProviderUnavailableError when the provider cannot be reached or fails; safe to try again
   */
  completeSignIn(
    callbackUrl: URL,
    expected: SignInSecrets & { readonly redirectUri: string; readonly scopes: readonly string[] },
  ): Promise<CompletedSignIn>;
  /**
   * Gets a fresh access token. A provider that returns no new refresh token keeps the old one valid:
   * `refreshToken` is then the one given. `issuer` is that of the sign-in: a token of another host, where the provider
   * was before it was configured anew, is not shown to this one.
   * @throws ProviderRefusedError when the provider says that the grant is over (`invalid_grant`)
   * @throws ProviderUnavailableError on anything else
   */
  refresh(refreshToken: string, issuer: string): Promise<UpstreamTokens>;
  /**
   * Asks whether an access token still counts. Undefined for a provider that has no sure way to tell: with the token of
   * one API, another API refuses for reasons of its own.
   * @throws ProviderRefusedError when it is over (`invalid_grant`)
   * @throws ProviderUnavailableError on anything else
   */
  readonly checkToken?: (accessToken: string, issuer: string) => Promise<void>;
  /**
   * Ends the tokens of a sign-in, where the provider has a way to and nothing that is still needed ends with them.
   * @throws ProviderUnavailableError when it is worth trying again
   */
  revoke(
    tokens: Pick<UpstreamTokens, 'accessToken' | 'refreshToken'>,
    signIn: { readonly issuer: string; readonly isLastOfPerson: boolean },
  ): Promise<void>;
  /**
   * Reads a logout token, if it claims to be from this provider; undefined if not.
   * @throws ProviderRefusedError when it is not good
   * @throws ProviderUnavailableError when that cannot be told
   */
  readLogoutToken(token: string): Promise<EndedSession | undefined>;
}

export type ProviderStatus =
  | { readonly state: 'ready'; /** For operators: what is unusual about it. */ readonly note?: string }
  | { readonly state: 'unavailable'; readonly reason: string };

/** The provider said no, or its answer failed a check. Final. */
export class ProviderRefusedError extends Error {
  override readonly name = 'ProviderRefusedError';
  /** The OAuth error code to pass on: `access_denied`, `login_required`, `server_error` … */
  readonly code: string;
  constructor(code: string, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.code = code;
  }
}

/** The provider is away, slow, or broken for now: nothing is lost, try again. */
export class ProviderUnavailableError extends Error {
  override readonly name = 'ProviderUnavailableError';
}
