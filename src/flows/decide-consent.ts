/** Takes the person's decision on the consent page. */
import { hashSecret } from '../crypto/secrets.ts';
import { AuthorizationError, PageError } from '../protocol/errors.ts';
import { isLoopbackUri, matchRedirectUri } from '../protocol/redirect-uri.ts';
import { denyRequest, findAskedRequest } from '../repositories/authorization-requests.ts';
import { findClient } from '../repositories/clients.ts';
import { beginSignIn, repeatSignIn, type SignInRedirect } from './begin-sign-in.ts';
import { findWayOn } from './find-way-on.ts';
import { later, lifetimes } from './lifetimes.ts';
import type { Services } from './services.ts';

/**
 * The first decision counts, and only from the browser that was asked; saying the same again, as a double click does,
 * gets the same answer. The redirect URI is checked again, since the client may have changed meanwhile (RFC 9700 §4.1).
 * Who names no provider means the first one. That the answer is copied can be said of loopback addresses only.
 *
 * @throws PageError when there is nothing (any more) to decide for this browser; it knows the way on, if this is the
 *   browser that approved, and its sign-in is under way
 * @throws AuthorizationError `access_denied` when the person says no; the request is gone a minute later
 * @throws ProviderUnavailableError before the decision is used up
 */
export async function decideConsent(
  services: Pick<Services, 'db' | 'clock' | 'config' | 'events' | 'sealer' | 'identityProviders'>,
  input: {
    readonly requestId: string;
    readonly consentSecret: string | undefined;
    readonly decision: 'approve' | 'deny';
    /** The provider that the person chose. */
    readonly providerId: string | undefined;
    /** Whether the client is on another machine, and the person takes the answer there by hand. */
    readonly isCopied: boolean;
    /** What the browser has kept of the sign-in with this state. */
    readonly signInSecretOf: (state: string) => string | undefined;
  },
): Promise<SignInRedirect> {
  const { all, find } = services.identityProviders;
  const chosen = input.providerId === undefined ? all[0] : find(input.providerId);
  const key = {
    requestIdHash: hashSecret(input.requestId),
    consentHash: hashSecret(input.consentSecret ?? ''),
    now: services.clock(),
  };
  const asked = input.consentSecret === undefined ? undefined : await findAskedRequest(services.db, key);
  const client = asked === undefined ? undefined : await findClient(services.db, asked.clientId);
  const target = asked && matchRedirectUri(client?.redirectUris ?? [], asked.redirectUri);
  if (asked === undefined || client === undefined || target === undefined) {
    throw nothingToDecide(
      input.decision === 'approve' ? await findWayOn(services, { ...key, ...input }) : undefined,
    );
  }
  const isCopied = input.isCopied && isLoopbackUri(target.uri);
  const facts = {
    clientId: client.clientId,
    clientName: client.clientName,
    resource: asked.resource,
    scopes: asked.scopes,
  };
  if (input.decision === 'deny') {
    if (!(await denyRequest(services.db, key, later(key.now, lifetimes.denialMs)))) throw nothingToDecide();
    throw new AuthorizationError('access_denied', {
      reason: 'the person said no',
      description: 'The person did not approve the request',
      target,
      state: asked.state,
      mayRedirect: true,
      isCopied,
      event: 'consent',
      about: facts,
    });
  }
  if (chosen === undefined) throw nothingToDecide();
  const begun = asked.isDecided ? undefined : await beginSignIn(services, key, asked, chosen, isCopied);
  if (begun !== undefined) {
    const rest = { ...facts, provider: chosen.id };
    services.events.record({ type: 'consent', outcome: 'success', how: 'asked', ...rest });
    services.events.record({ type: 'sign_in_begun', ...rest });
    return begun;
  }
  const meanwhile = await findAskedRequest(services.db, key);
  const provider = meanwhile?.signIn && find(meanwhile.signIn.identityProvider);
  if (meanwhile?.signIn === undefined || provider === undefined) throw nothingToDecide();
  return repeatSignIn(services, { ...meanwhile, signIn: meanwhile.signIn }, provider);
}

function nothingToDecide(underWay?: PageError['underWay']): PageError {
  return new PageError(underWay === undefined ? 'expired_request' : 'already_approved', {
    status: 403,
    underWay,
    reason: 'unknown, expired or decided request, or another browser',
    description:
      'There is nothing to decide: the request has expired, was answered, or came from another browser',
  });
}
