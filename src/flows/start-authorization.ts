/** Reads an authorization request and decides what the person sees first: the consent page, or the provider. */
import { createNonce, hashSecret } from '../crypto/secrets.ts';
import type { IdentityProvider } from '../identity/identity-provider.ts';
import type { IdentityProviders } from '../identity/identity-providers.ts';
import { readRedirectPart, readRequestPart, readState } from '../protocol/authorization-request.ts';
import { isDocumentClientId } from '../protocol/client-document.ts';
import { mayConnect } from '../protocol/client-policy.ts';
import { about, AuthorizationError, PageError } from '../protocol/errors.ts';
import type { RawParameters } from '../protocol/parameters.ts';
import { mayRememberConsent } from '../protocol/recognize-client.ts';
import { matchRedirectUri, type RedirectTarget } from '../protocol/redirect-uri.ts';
import { type Resource, readResources } from '../protocol/resource.ts';
import { localScopes } from '../protocol/scope-policy.ts';
import { grantableScopes, parseScope } from '../protocol/scope.ts';
import { insertAuthorizationRequest, type PendingRequest } from '../repositories/authorization-requests.ts';
import { type Client, findClient } from '../repositories/clients.ts';
import { hasConsent } from '../repositories/consents.ts';
import { beginSignIn, type SignInRedirect } from './begin-sign-in.ts';
import { later, lifetimes } from './lifetimes.ts';
import { makeRoomForSignIns } from './make-room.ts';
import { otherAccountUrl } from './other-account-url.ts';
import type { Services } from './services.ts';

export type AuthorizationStep =
  | {
      readonly step: 'consent';
      readonly requestId: string;
      /** Proves that the decision comes from the browser that was asked. */
      readonly consentSecret: string;
      readonly client: Client;
      readonly target: RedirectTarget;
      readonly resource: Resource;
      readonly scopes: readonly string[];
      /** Whether the person chooses an account at the provider, whichever they are using there. */
      readonly choosesAccount: boolean;
      /** The same request, for a person who is not the one who last signed in with this browser. */
      readonly otherAccountUrl: string;
    }
  | ({ readonly step: 'sign_in' } & SignInRedirect);

type AuthorizeServices = Pick<
  Services,
  'db' | 'clock' | 'config' | 'events' | 'resources' | 'sealer' | 'identityProviders' | 'documentClients'
>;

/**
 * Order: client and redirect URI, whose mistakes are shown to the person (RFC 6749 §4.1.2.1); then the rest, whose
 * mistakes belong to the client. The person is asked unless this browser has approved the same before, for a client
 * whose redirect URI proves where the answer goes (OAuth 2.1 §7.3.1), and unless there is a provider to choose. A client
 * that the policy does not let in (any more) stops here; what it was granted before lives on.
 *
 * @throws PageError, AuthorizationError
 * @throws ProviderUnavailableError when consent is remembered and the only provider is away
 */
export async function startAuthorization(
  services: AuthorizeServices,
  input: {
    readonly parameters: RawParameters;
    readonly browserId: string | undefined;
    /** The one that this browser last signed in with. */
    readonly lastProviderId: string | undefined;
  },
): Promise<AuthorizationStep> {
  services.events.record({ type: 'authorize_opened' });
  const { client, target } = await findRedirectTarget(services, input.parameters);
  const clientFacts = { clientId: client.clientId, clientName: client.clientName };
  const request = await about(clientFacts, async () =>
    readPendingRequest(services, client, target, input.parameters),
  );
  const { pending, resource } = request;
  const now = services.clock();
  const requestId = createNonce();
  const consentSecret = createNonce();
  const key = { requestIdHash: hashSecret(requestId), consentHash: hashSecret(consentSecret), now };
  const isStored = await insertAuthorizationRequest(services.db, {
    ...pending,
    ...key,
    createdAt: now,
    expiresAt: later(now, lifetimes.consentMs),
  });
  if (!isStored) throw unknownClient('the client was removed meanwhile');
  await makeRoomForSignIns(services);
  const provider = providerWithoutAsking(services.identityProviders, input.lastProviderId);
  const isRemembered =
    !request.forcesConsent && (await isApprovedBefore(services, client, pending, input.browserId));
  const signIn =
    isRemembered && provider !== undefined ? await beginSignIn(services, key, pending, provider) : undefined;
  const facts = { ...clientFacts, resource: resource.identifier, scopes: pending.scopes };
  if (signIn === undefined) services.events.record({ type: 'consent_shown', ...facts });
  else {
    const rest = { ...facts, provider: provider?.id };
    services.events.record({ type: 'consent', outcome: 'success', how: 'remembered', ...rest });
    services.events.record({ type: 'sign_in_begun', ...rest });
  }
  if (signIn !== undefined) return { step: 'sign_in', ...signIn };
  return {
    step: 'consent',
    requestId,
    consentSecret,
    client,
    target,
    resource,
    scopes: pending.scopes,
    choosesAccount: pending.choosesAccount,
    otherAccountUrl: otherAccountUrl(services.config.baseUrl, pending),
  };
}

/** The only provider, or the one that was chosen last time if it is there. */
function providerWithoutAsking(
  { all, find }: IdentityProviders,
  lastProviderId: string | undefined,
): IdentityProvider | undefined {
  if (all.length === 1) return all[0];
  const last = lastProviderId === undefined ? undefined : find(lastProviderId);
  return last?.status().state === 'ready' ? last : undefined;
}

async function isApprovedBefore(
  services: AuthorizeServices,
  client: Client,
  pending: PendingRequest,
  browserId: string | undefined,
): Promise<boolean> {
  if (browserId === undefined || !mayRememberConsent(client, pending.redirectUri)) return false;
  return hasConsent(services.db, { ...pending, browserHash: hashSecret(browserId), now: services.clock() });
}

async function findRedirectTarget(
  services: AuthorizeServices,
  parameters: RawParameters,
): Promise<{ readonly client: Client; readonly target: RedirectTarget }> {
  const part = readRedirectPart(parameters);
  if (part === undefined) {
    throw new PageError('invalid_request', {
      reason: 'client_id or redirect_uri is missing, repeated or too long',
      description: 'client_id is required, client_id and redirect_uri at most once',
    });
  }
  const client = isDocumentClientId(part.clientId)
    ? await services.documentClients.find(part.clientId, services.events)
    : await findClient(services.db, part.clientId);
  if (client === undefined) throw unknownClient('unknown client_id');
  if (!client.grantTypes.includes('authorization_code')) {
    throw new PageError('unauthorized_client', {
      reason: 'the client is a machine, or introspects',
      description: 'The client may not send people here',
    });
  }
  const target = matchRedirectUri(client.redirectUris, part.redirectUri);
  if (target === undefined) {
    throw new PageError('invalid_redirect_uri', {
      reason: 'redirect_uri does not match',
      description: 'The redirect_uri is not one that this client registered',
      details: {
        ...(part.redirectUri !== undefined && { redirect_uri: part.redirectUri }),
        registered_redirect_uris: client.redirectUris,
      },
    });
  }
  if (!mayConnect(services.config.clientRegistration, client, target.uri)) {
    throw new PageError('client_not_allowed', {
      status: 403,
      reason: `CLIENT_REGISTRATION=${services.config.clientRegistration} does not let this client in`,
      description: 'This client may not connect here',
    });
  }
  return { client, target };
}

function unknownClient(reason: string): PageError {
  return new PageError('invalid_client', { reason, description: 'The client_id is not registered' });
}

function readPendingRequest(
  services: AuthorizeServices,
  client: Client,
  target: RedirectTarget,
  parameters: RawParameters,
): { readonly pending: PendingRequest; readonly resource: Resource; readonly forcesConsent: boolean } {
  const refuse = (code: string, reason: string): AuthorizationError =>
    new AuthorizationError(code, {
      reason,
      description: reason,
      target,
      state: readState(parameters),
      mayRedirect: client.source === 'operator',
    });
  const request = readRequestPart(parameters);
  if ('code' in request) throw refuse(request.code, request.reason);
  const resource = readResources(services.resources, request.resources);
  if (resource === undefined) throw refuse('invalid_target', 'resource is not one that this server protects');
  const requestedScopes = request.scope === undefined ? undefined : parseScope(request.scope);
  if (request.scope !== undefined && requestedScopes === undefined) {
    throw refuse('invalid_scope', 'scope has characters that a scope cannot have');
  }
  const { config } = services;
  const allowedScopes = client.source === 'operator' ? client.scopes : undefined;
  const pending = {
    clientId: client.clientId,
    redirectUri: target.uri,
    state: request.state,
    codeChallenge: request.codeChallenge,
    resource: resource.identifier,
    choosesAccount: request.choosesAccount,
    scopes: grantableScopes(requestedScopes, config.scopesSupported, allowedScopes, localScopes(config)),
  };
  return { pending, resource, forcesConsent: request.forcesConsent };
}
