/** What the consent page shows of an authorization request. */
import type { Services } from '../flows/services.ts';
import type { AuthorizationStep } from '../flows/start-authorization.ts';
import type { ConsentPageProps } from '../pages/consent-page.ts';
import { describeScope } from '../pages/words.ts';
import { isLoopbackUri, isPrivateUseUri } from '../protocol/redirect-uri.ts';

export function consentProps(
  { identityProvider }: Pick<Services, 'identityProvider'>,
  step: Extract<AuthorizationStep, { step: 'consent' }>,
): ConsentPageProps {
  const { client, target, resource } = step;
  return {
    clientName: client.clientName,
    clientId: client.clientId,
    callbackHost: callbackHost(target.uri),
    callbackUri: target.uri,
    isVerified: client.source === 'operator',
    isLoopbackOnly: isLoopbackUri(target.uri),
    isPrivateScheme: isPrivateUseUri(target.uri),
    registeredAt: client.createdAt,
    resourceName: resource.name,
    resourceIdentifier: resource.identifier,
    scopes: step.scopes.map(describeScope),
    providerName: identityProvider.displayName,
    providerUnavailable: identityProvider.status().state === 'unavailable',
    requestId: step.requestId,
    formAction: '/consent',
  };
}

/** Where the answer goes, as a person would say it. */
function callbackHost(uri: string): string {
  const url = new URL(uri);
  if (isLoopbackUri(uri)) return `your computer (${url.host})`;
  return isPrivateUseUri(uri) ? `an app on your device (${url.protocol}//${url.host})` : url.host;
}
