/** What the consent page shows of an authorization request. */
import type { Services } from '../flows/services.ts';
import type { AuthorizationStep } from '../flows/start-authorization.ts';
import type { IdentityProvider } from '../identity/identity-provider.ts';
import type { ClientStanding, ConsentPageProps, ProviderChoice } from '../pages/consent-props.ts';
import { recognizeClient } from '../protocol/recognize-client.ts';
import { isLoopbackUri, isPrivateUseUri } from '../protocol/redirect-uri.ts';

type ConsentStep = Extract<AuthorizationStep, { step: 'consent' }>;

export function consentProps(
  { identityProviders, config }: Pick<Services, 'identityProviders' | 'config'>,
  step: ConsentStep,
  browser: {
    readonly lastProviderId: string | undefined;
    /** Whether somebody came back from a provider with it: perhaps another person. */
    readonly isKnown: boolean;
  },
): ConsentPageProps {
  const toChoice = (provider: IdentityProvider): ProviderChoice =>
    providerChoice(provider, browser.lastProviderId);
  const [first, ...others] = identityProviders.all;
  const { client, target, resource } = step;
  return {
    clientName: client.clientName,
    clientId: client.clientId,
    callbackHost: callbackHost(target.uri),
    callbackUri: target.uri,
    standing: standingOf(client, target.uri),
    publisherHost: client.source === 'document' ? new URL(client.clientId).host : undefined,
    isLoopbackOnly: isLoopbackUri(target.uri),
    isPrivateScheme: isPrivateUseUri(target.uri),
    registeredAt: client.createdAt,
    resourceName: resource.name,
    resourceIdentifier: resource.identifier,
    scopes: step.scopes.map((scope) => ({ scope, operatorWords: config.toolScopes?.words.get(scope) })),
    providers: [toChoice(first), ...others.map(toChoice)],
    choosesAccount: step.choosesAccount,
    otherAccountUrl: browser.isKnown && !step.choosesAccount ? step.otherAccountUrl : undefined,
    requestId: step.requestId,
    formAction: '/consent',
  };
}

export function providerChoice(
  provider: IdentityProvider,
  lastProviderId: string | undefined,
): ProviderChoice {
  return {
    id: provider.id,
    name: provider.displayName,
    isUnavailable: provider.status().state === 'unavailable',
    isLastUsed: provider.id === lastProviderId,
  };
}

/** `redirectUri`: undefined where it was not kept; then nothing is proven. */
export function standingOf(
  client: Pick<ConsentStep['client'], 'source' | 'clientName'>,
  redirectUri: string | undefined,
): ClientStanding {
  if (client.source === 'operator') return { kind: 'operator' };
  if (redirectUri === undefined) return { kind: 'unknown' };
  const recognized = recognizeClient(client.clientName, redirectUri);
  if (recognized.kind === 'unknown') return recognized;
  const { name: product, vendor } = recognized.client;
  return { kind: recognized.kind, product, vendor };
}

/** What is to be recognized of the address: the host, or the scheme that opens an app. */
export function callbackHost(uri: string): string {
  const url = new URL(uri);
  return isPrivateUseUri(uri) ? `${url.protocol}//${url.host}` : url.host;
}
