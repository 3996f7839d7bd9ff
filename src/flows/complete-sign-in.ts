/** Takes the identity provider's answer, and gives the client its authorization code. */
import { hashSecret } from '../crypto/secrets.ts';
import {
  type Identity,
  type IdentityProvider,
  ProviderRefusedError,
  type UpstreamTokens,
} from '../identity/identity-provider.ts';
import { userIdOf } from '../identity/user-id.ts';
import type { EventFacts } from '../protocol/event-facts.ts';
import { AuthorizationError } from '../protocol/errors.ts';
import { mayRememberConsent } from '../protocol/recognize-client.ts';
import { matchRedirectUri, withResponseParameters } from '../protocol/redirect-uri.ts';
import type { PersonKey } from '../repositories/account-sessions.ts';
import {
  hasReturned,
  releaseReturn,
  type ReturningSignIn,
  takeReturn,
} from '../repositories/authorization-requests.ts';
import { type Client, findClient } from '../repositories/clients.ts';
import { rememberConsent } from '../repositories/consents.ts';
import { hasLiveSignIn } from '../repositories/ended-sign-ins.ts';
import { problemOf } from './admission.ts';
import { openSignIn, upstreamScopes } from './begin-sign-in.ts';
import { later, lifetimes } from './lifetimes.ts';
import type { Services } from './services.ts';
import { answered, expired, notAdmitted, toClientError, whoIs, wrongBrowser } from './sign-in-refusals.ts';
import { storeGrant } from './store-grant.ts';

type SignInServices = Pick<
  Services,
  'db' | 'clock' | 'config' | 'events' | 'sealer' | 'identityProviders' | 'log'
>;

/**
 * Only the browser that approved may bring the answer, and only once; nothing is asked of the provider before that is
 * certain (MCP security best practices: `state` bound to the browser that consented). It counts only at the address
 * that its provider was given (RFC 9700 §4.4.2.2). Returns where to send the browser.
 *
 * @throws PageError when the browser, the state or the time is wrong
 * @throws AuthorizationError when the provider refused, with the fitting error for the client; when the lists do, with
 *   a page for the person
 * @throws ProviderUnavailableError when the provider is away; the answer can be brought again
 */
export async function completeSignIn(
  services: SignInServices,
  input: {
    readonly returnedUrl: URL;
    readonly state: string;
    readonly signInSecret: string | undefined;
    readonly browserId: string;
  },
): Promise<{ readonly location: string; readonly providerId: string; readonly isCopied: boolean }> {
  const upstreamStateHash = hashSecret(input.state);
  if (input.signInSecret === undefined) throw wrongBrowser();
  const key = { upstreamStateHash, signInHash: hashSecret(input.signInSecret), now: services.clock() };
  const returning = await takeReturn(services.db, key);
  if (returning === undefined) throw (await hasReturned(services.db, key)) ? answered() : expired();
  const client = await findClient(services.db, returning.clientId);
  const target = matchRedirectUri(client?.redirectUris ?? [], returning.redirectUri);
  const provider = services.identityProviders.find(returning.identityProvider);
  if (client === undefined || target === undefined || provider === undefined) throw expired();
  const { isCopied = false, ...secrets } = openSignIn(services, { ...returning, upstreamStateHash });
  if (addressOf(input.returnedUrl) !== secrets.redirectUri) throw expired();
  const facts: EventFacts = {
    clientId: client.clientId,
    clientName: client.clientName,
    provider: provider.id,
    resource: returning.resource,
    scopes: returning.scopes,
  };
  try {
    const { identity, tokens, providerSession } = await provider.completeSignIn(input.returnedUrl, {
      ...secrets,
      scopes: upstreamScopes(services.config, returning.scopes),
    });
    await refuseIdOfClient(services, userIdOf(provider, identity.subject));
    const problem = problemOf(services, { ...identity, identityProvider: provider.id });
    if (problem !== undefined) {
      void giveBack(services, provider, identity, tokens);
      throw notAdmitted(services, { problem, identity, provider, target, request: returning });
    }
    // Before there is a connection: whoever ends that one has then ended what was remembered, too.
    await remember(services, client, returning, {
      browserId: input.browserId,
      person: { identityProvider: provider.id, issuer: identity.issuer, subject: identity.subject },
    });
    const signedIn = { identity, tokens, providerSession };
    const { code, grantId } = await storeGrant(services, returning, provider, signedIn);
    services.events.record({
      type: 'sign_in',
      outcome: 'success',
      ...facts,
      grantId,
      ...whoIs(provider, identity),
    });
    return {
      location: withResponseParameters(target, {
        code,
        state: returning.state,
        iss: services.config.baseUrl,
      }),
      providerId: provider.id,
      isCopied,
    };
  } catch (error) {
    if (error instanceof AuthorizationError) error.addFacts(facts);
    if (error instanceof AuthorizationError) throw error;
    if (error instanceof ProviderRefusedError)
      throw toClientError(error, { target, state: returning.state, isCopied, about: facts });
    // Nothing was given out: the person may bring the answer again. If this fails as well, they start again.
    await releaseReturn(services.db, upstreamStateHash).catch(() => undefined);
    throw error;
  }
}

export const addressOf = (url: URL): string => url.origin + url.pathname;

/**
 * Where a machine calls, its client id stands in the place of a person's id. Providers exist that let people choose
 * theirs: it must not be the id of a client here, or they could pose as that machine (RFC 9700 §4.15).
 */
async function refuseIdOfClient({ db }: SignInServices, userId: string): Promise<void> {
  if ((await findClient(db, userId)) === undefined) return;
  throw new ProviderRefusedError('access_denied', 'the person’s id is the id of a client here');
}

async function remember(
  services: SignInServices,
  client: Client,
  returning: ReturningSignIn,
  { browserId, person }: { readonly browserId: string; readonly person: PersonKey },
): Promise<void> {
  if (!mayRememberConsent(client, returning.redirectUri)) return;
  const now = services.clock();
  const expiresAt = later(now, lifetimes.rememberedConsentMs);
  const browserHash = hashSecret(browserId);
  await rememberConsent(services.db, { ...returning, browserHash, person, now, expiresAt });
}

/**
 * Ends the tokens of a sign-in that was refused; the person does not wait for it, and it is not tried again. Nothing that a
 * connection of theirs still needs ends with it.
 */
async function giveBack(
  { db, clock, log }: SignInServices,
  provider: IdentityProvider,
  { issuer, subject }: Identity,
  tokens: UpstreamTokens,
): Promise<void> {
  try {
    const isLastOfPerson = !(await hasLiveSignIn(db, { issuer, subject, now: clock() }));
    await provider.revoke(tokens, { issuer, isLastOfPerson });
  } catch (error) {
    log.warn({ err: error, provider: provider.id }, 'the tokens of a refused sign-in were not revoked');
  }
}
