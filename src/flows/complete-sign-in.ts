/** Takes the identity provider's answer, and gives the client its authorization code. */
import { createId, createSecret, hashSecret } from '../crypto/secrets.ts';
import {
  type CompletedSignIn,
  type Identity,
  type IdentityProvider,
  ProviderRefusedError,
  type UpstreamTokens,
} from '../identity/identity-provider.ts';
import { userIdOf } from '../identity/user-id.ts';
import type { EventFacts } from '../protocol/event-facts.ts';
import { AuthorizationError, PageError } from '../protocol/errors.ts';
import { mayRememberConsent } from '../protocol/recognize-client.ts';
import { matchRedirectUri, type RedirectTarget, withResponseParameters } from '../protocol/redirect-uri.ts';
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
import { insertGrant } from '../repositories/grants.ts';
import { placeOf } from '../repositories/sealed-values.ts';
import { problemOf } from './admission.ts';
import { openSignIn, upstreamScopes } from './begin-sign-in.ts';
import { later, lifetimes } from './lifetimes.ts';
import { otherAccountUrl } from './other-account-url.ts';
import type { Services } from './services.ts';

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

async function storeGrant(
  services: SignInServices,
  returning: ReturningSignIn,
  provider: IdentityProvider,
  { identity, tokens, providerSession }: CompletedSignIn,
): Promise<{ readonly code: string; readonly grantId: string }> {
  const { sealer, db, clock } = services;
  const now = clock();
  const code = createSecret('code');
  const sessionId = createId();
  const grantId = createId();
  const codeExpiresAt = later(now, lifetimes.authorizationCodeMs);
  await insertGrant(db, {
    grantId,
    clientId: returning.clientId,
    userId: userIdOf(provider, identity.subject),
    issuer: identity.issuer,
    subject: identity.subject,
    email: identity.email,
    isEmailVerified: identity.isEmailVerified,
    name: identity.name,
    organization: identity.organization,
    groups: identity.groups,
    resource: returning.resource,
    scopes: returning.scopes,
    createdAt: now,
    expiresAt: codeExpiresAt,
    upstream: {
      sessionId,
      identityProvider: provider.id,
      providerSession,
      sealedAccessToken: sealer.seal(
        tokens.accessToken,
        placeOf('upstream_sessions.sealed_access_token', sessionId),
      ),
      accessTokenExpiresAt: tokens.expiresAt,
      sealedRefreshToken:
        tokens.refreshToken === undefined
          ? undefined
          : sealer.seal(tokens.refreshToken, placeOf('upstream_sessions.sealed_refresh_token', sessionId)),
      grantedScope: tokens.scope,
    },
    code: {
      codeHash: hashSecret(code),
      redirectUri: returning.redirectUri,
      codeChallenge: returning.codeChallenge,
      expiresAt: codeExpiresAt,
    },
  });
  return { code, grantId };
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

/** Whom a sign-in is about, for the audit trail. */
export function whoIs(provider: IdentityProvider, { subject, email }: Identity): EventFacts {
  return { subject: userIdOf(provider, subject), email };
}

/** The provider's words stay in the log: the client gets the code, and a sentence of ours. */
function toClientError(
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
function notAdmitted(
  { config }: SignInServices,
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

function wrongBrowser(): PageError {
  return new PageError('wrong_browser', {
    status: 403,
    reason: 'no sign-in cookie for this state',
    description: 'This sign-in was started in another browser',
  });
}

/** The page with the answer was loaded again. There is no second answer, and the first is not shown again. */
function answered(): PageError {
  return new PageError('already_answered', {
    status: 403,
    reason: 'the answer of the provider was brought before, by this browser',
    description: 'This sign-in was already completed',
  });
}

function expired(): PageError {
  return new PageError('expired_request', {
    status: 403,
    reason: 'unknown, used or expired state, or another browser’s',
    description: 'This sign-in has expired or was already completed',
  });
}
