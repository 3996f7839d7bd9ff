/** The refusals that the protocol has words for. The class says where a refusal may go. */
import type { EventFacts } from './event-facts.ts';
import type { RedirectTarget } from './redirect-uri.ts';

interface RefusalOptions extends ErrorOptions {
  /** Why, for logs and tests; never shown to the other side. */
  readonly reason: string;
  /** A short public sentence; the same for every cause of the same code. */
  readonly description?: string;
  /** What is refused, where that has a name of its own. */
  readonly event?: 'consent' | 'sign_in' | 'reuse';
  /** Whom it is about, for the audit trail; never shown to the other side. */
  readonly about?: EventFacts;
}

export abstract class Refusal extends Error {
  readonly code: string;
  readonly reason: string;
  readonly description: string | undefined;
  readonly event: 'consent' | 'sign_in' | 'reuse' | 'refusal';
  #about: EventFacts;
  constructor(code: string, options: RefusalOptions) {
    super(`${code}: ${options.reason}`, options);
    this.code = code;
    this.reason = options.reason;
    this.description = options.description;
    this.event = options.event ?? 'refusal';
    this.#about = options.about ?? {};
  }

  get about(): EventFacts {
    return this.#about;
  }

  /** Adds what is known further out; what was known nearer stays. */
  addFacts(facts: EventFacts): void {
    this.#about = { ...facts, ...this.#about };
  }
}

/** Answered as JSON by the token, revocation and registration endpoints (RFC 6749 §5.2, RFC 7591 §3.2.2). */
export class TokenError extends Refusal {
  override readonly name = 'TokenError';
}

/** A 403 page of an authorization that ends with the person's account. */
interface RefusalPage {
  readonly code: string;
  readonly details: Readonly<Record<string, string>>;
  /** Where to begin again with another account. */
  readonly otherAccountUrl: string;
}

/**
 * An error in an authorization request whose redirect URI is trusted: it may be sent to the client
 * (RFC 6749 §4.1.2.1, RFC 9207).
 */
export class AuthorizationError extends Refusal {
  override readonly name = 'AuthorizationError';
  readonly target: RedirectTarget;
  readonly state: string | undefined;
  /**
   * Whether the browser may be sent there at once. For a client that registered itself only after the person has
   * acted; until then the error is a page with a link, or we would be an open redirector (RFC 9700 §4.11.2).
   */
  readonly mayRedirect: boolean;
  /** What the person is shown in other words than the client. */
  readonly page: RefusalPage | undefined;
  /** Whether the person takes the answer to the client by hand. */
  readonly isCopied: boolean;
  constructor(
    code: string,
    options: RefusalOptions & {
      readonly target: RedirectTarget;
      readonly state: string | undefined;
      readonly mayRedirect: boolean;
      readonly page?: RefusalPage;
      readonly isCopied?: boolean;
    },
  ) {
    super(code, options);
    this.target = options.target;
    this.state = options.state;
    this.mayRedirect = options.mayRedirect;
    this.page = options.page;
    this.isCopied = options.isCopied ?? false;
  }
}

/** Answered 401 or 403 with a challenge (RFC 6750 §3, RFC 9728 §5.1). */
export class BearerError extends Refusal {
  override readonly name = 'BearerError';
  readonly status: 401 | 403;
  /** What to ask for; undefined means the default. */
  readonly scopes: readonly string[] | undefined;
  constructor(
    code: 'missing_token' | 'invalid_token' | 'insufficient_scope',
    options: RefusalOptions & { readonly scopes?: readonly string[] },
  ) {
    super(code, options);
    this.scopes = options.scopes;
    this.status = code === 'insufficient_scope' ? 403 : 401;
  }
}

/** The refusal of an access token, the same for every reason (RFC 6750 §3.1). */
export function invalidToken(reason: string, facts?: EventFacts): BearerError {
  return new BearerError('invalid_token', {
    reason,
    ...(facts && { about: facts }),
    description: 'The access token is not valid (any more)',
  });
}

/** Shown to a person on a page; there is no safe place to send them (RFC 6749 §4.1.2.1). */
export class PageError extends Refusal {
  override readonly name = 'PageError';
  readonly status: number;
  /** Facts worth showing: asked and registered redirect URI, for example. */
  readonly details: Readonly<Record<string, string | readonly string[]>>;
  /** Whether it is about the person's own page, `/account`, and not about an app that sent them. */
  readonly isOfAccount: boolean;
  /** The sign-in that is under way already: at which provider, and where. */
  readonly underWay: { readonly url: string; readonly providerName: string } | undefined;
  constructor(
    code: string,
    options: RefusalOptions & {
      readonly status?: number;
      readonly details?: Readonly<Record<string, string | readonly string[]>>;
      readonly isOfAccount?: boolean;
      readonly underWay?: PageError['underWay'];
    },
  ) {
    super(code, options);
    this.status = options.status ?? 400;
    this.details = options.details ?? {};
    this.isOfAccount = options.isOfAccount ?? false;
    this.underWay = options.underWay;
  }
}

/** Something we depend on is away for now: 503 with `Retry-After`, nothing is lost (design: transient is not dead). */
export class TemporarilyUnavailableError extends Error {
  override readonly name = 'TemporarilyUnavailableError';
}

/** Does the work; a refusal of it is about these. */
export async function about<T>(facts: EventFacts, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refusal) error.addFacts(facts);
    throw error;
  }
}
