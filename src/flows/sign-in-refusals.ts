/** What becomes of a sign-in that comes to nothing: an answer to the client, or a page for the person. */
import type { Identity, IdentityProvider, ProviderRefusedError } from '../identity/identity-provider.ts';
import { userIdOf } from '../identity/user-id.ts';
import { AuthorizationError, PageError } from '../protocol/errors.ts';
import type { EventFacts } from '../protocol/event-facts.ts';
import type { RedirectTarget } from '../protocol/redirect-uri.ts';
import type { ReturningSignIn } from '../repositories/authorization-requests.ts';
import { otherAccountUrl } from './other-account-url.ts';
import type { Services } from './services.ts';

/** Whom a sign-in is about, for the audit trail. */
export function whoIs(provider: IdentityProvider, { subject, email }: Identity): EventFacts {
  return { subject: userIdOf(provider, subject), email };
}

/** The provider's words stay in the log: the client gets the code, and a sentence of ours. */
export function toClientError(
  error: ProviderRefusedError,
  answer: {
    readonly target: RedirectTarget;
    readonly state: string | undefined;
    readonly isCopied: boolean;
    readonly about: EventFacts;
  },
): AuthorizationError {
  const isDenied = error.code === 'access_denied';
  return new AuthorizationError(error.code, {
    reason: error.message,
    description: isDenied
      ? 'The sign-in was cancelled or refused'
      : 'The sign-in at the identity provider failed',
    cause: error,
    ...answer,
    mayRedirect: true,
    event: 'sign_in',
  });
}

/**
 * The person has to learn what happened and whom to ask, which the client cannot tell them. So they see it here, and
 * take `access_denied` to the client with a click; or they send the client's own request again, for another account.
 * Nothing was stored.
 */
export function notAdmitted(
  { config }: Pick<Services, 'config'>,
  refused: {
    readonly problem: string;
    readonly identity: Identity;
    readonly provider: IdentityProvider;
    readonly target: RedirectTarget;
    readonly request: ReturningSignIn;
  },
): AuthorizationError {
  const { identity, provider, request } = refused;
  return new AuthorizationError('access_denied', {
    reason: refused.problem,
    description: 'This account may not sign in here',
    target: refused.target,
    state: request.state,
    mayRedirect: false,
    event: 'sign_in',
    about: whoIs(provider, identity),
    page: {
      code: 'not_admitted',
      details: {
        account: `${identity.email ?? identity.name ?? identity.subject} (${provider.displayName})`,
      },
      otherAccountUrl: otherAccountUrl(config.baseUrl, request),
    },
  });
}

export function wrongBrowser(): PageError {
  return new PageError('wrong_browser', {
    status: 403,
    reason: 'no sign-in cookie for this state',
    description: 'This sign-in was started in another browser',
  });
}

/** The page with the answer was loaded again. There is no second answer, and the first is not shown again. */
export function answered(): PageError {
  return new PageError('already_answered', {
    status: 403,
    reason: 'the answer of the provider was brought before, by this browser',
    description: 'This sign-in was already completed',
  });
}

export function expired(): PageError {
  return new PageError('expired_request', {
    status: 403,
    reason: 'unknown, used or expired state, or another browser’s',
    description: 'This sign-in has expired or was already completed',
  });
}
