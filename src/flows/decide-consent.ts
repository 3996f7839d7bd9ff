/** Takes the person's decision on the consent page. */
import { hashSecret } from '../crypto/secrets.ts';
import { AuthorizationError, PageError } from '../protocol/errors.ts';
import { matchRedirectUri } from '../protocol/redirect-uri.ts';
import { denyRequest, findUndecidedRequest } from '../repositories/authorization-requests.ts';
import { findClient } from '../repositories/clients.ts';
import { beginSignIn, type SignInRedirect } from './begin-sign-in.ts';
import type { Services } from './services.ts';

/**
 * The decision counts once, and only from the browser that was asked. The redirect URI is checked again, since the
 * client may have changed meanwhile (RFC 9700 §4.1).
 *
 * @throws PageError when there is nothing (any more) to decide for this browser
 * @throws AuthorizationError `access_denied` when the person says no; nothing of the request is kept
 * @throws ProviderUnavailableError before the decision is used up
 */
export async function decideConsent(
  services: Pick<Services, 'db' | 'clock' | 'config' | 'sealer' | 'identityProvider'>,
  input: {
    readonly requestId: string;
    readonly consentSecret: string | undefined;
    readonly decision: 'approve' | 'deny';
  },
): Promise<SignInRedirect> {
  const key = {
    requestIdHash: hashSecret(input.requestId),
    consentHash: hashSecret(input.consentSecret ?? ''),
    now: services.clock(),
  };
  const pending =
    input.consentSecret === undefined ? undefined : await findUndecidedRequest(services.db, key);
  const client = pending === undefined ? undefined : await findClient(services.db, pending.clientId);
  const target = pending && matchRedirectUri(client?.redirectUris ?? [], pending.redirectUri);
  if (pending === undefined || target === undefined) throw nothingToDecide();
  if (input.decision === 'deny') {
    if (!(await denyRequest(services.db, key))) throw nothingToDecide();
    throw new AuthorizationError('access_denied', {
      reason: 'the person said no',
      description: 'The person did not approve the request',
      target,
      state: pending.state,
      mayRedirect: true,
    });
  }
  const signIn = await beginSignIn(services, key, pending);
  if (signIn === undefined) throw nothingToDecide();
  return signIn;
}

function nothingToDecide(): PageError {
  return new PageError('expired_request', {
    status: 403,
    reason: 'unknown, expired or decided request, or another browser',
    description:
      'There is nothing to decide: the request has expired, was answered, or came from another browser',
  });
}
