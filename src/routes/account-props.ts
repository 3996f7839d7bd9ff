/** What `/account` shows of a person's connections. */
import type { ListedConnections } from '../flows/list-connections.ts';
import { lifetimes } from '../flows/lifetimes.ts';
import type { Services } from '../flows/services.ts';
import type { OpenAccount } from '../flows/account-session.ts';
import type { AccountPageProps, AppName, AppProps, ConnectionProps } from '../pages/account-page.ts';
import type { AccountSignInPageProps } from '../pages/account-sign-in-page.ts';
import { isLoopbackUri, isPrivateUseUri } from '../protocol/redirect-uri.ts';
import type { Connection } from '../repositories/connections.ts';
import { callbackHost, providerChoice, standingOf } from './consent-props.ts';

export function accountSignInProps(
  { identityProviders, resources: [resource] }: Pick<Services, 'identityProviders' | 'resources'>,
  lastProviderId: string | undefined,
): AccountSignInPageProps {
  const choices = identityProviders.all.map((provider) => providerChoice(provider, lastProviderId));
  return {
    resourceName: resource.name,
    providers: choices.toSorted((a, b) => Number(b.isLastUsed) - Number(a.isLastUsed)),
  };
}

export function accountProps(
  services: Pick<Services, 'identityProviders' | 'config' | 'resources'>,
  account: OpenAccount,
  { apps, ended, isCut }: ListedConnections,
): AccountPageProps {
  const [resource] = services.resources;
  const provider = services.identityProviders.find(account.identityProvider);
  return {
    resourceName: resource.name,
    personName: account.email ?? account.name ?? account.subject,
    providerName: provider?.displayName ?? account.identityProvider,
    apps: apps.map((connections) => appProps(services, connections)),
    ended: namesOf(ended),
    shownOfMore: isCut ? apps.flat().length : undefined,
    sessionMinutes: lifetimes.accountSessionMs / 60_000,
    formToken: account.formToken,
  };
}

function appProps(
  { config }: Pick<Services, 'config'>,
  connections: ListedConnections['apps'][number],
): AppProps {
  const [latest, ...others] = connections;
  const toProps = (connection: Connection): ConnectionProps => connectionProps(config, connection);
  return {
    ...leastTrusted(connections),
    publisherHost: latest.source === 'document' ? new URL(latest.clientId).host : undefined,
    connections: [toProps(latest), ...others.map(toProps)],
  };
}

function nameProps({ clientName, clientId, source, redirectUri }: Connection): AppName {
  return { clientName, clientId, standing: standingOf({ clientName, source }, redirectUri) };
}

/** A client may have several callbacks, and what it is called depends on them: what is proven of all of them counts. */
function leastTrusted([first, ...others]: readonly [Connection, ...Connection[]]): AppName {
  const order = ['imitation', 'unknown', 'shared', 'vendor', 'operator'];
  return others
    .map(nameProps)
    .reduce(
      (least, one) => (order.indexOf(one.standing.kind) < order.indexOf(least.standing.kind) ? one : least),
      nameProps(first),
    );
}

function namesOf(ended: readonly Connection[]): readonly AppName[] {
  const byClient = new Map(ended.map((connection) => [connection.clientId, connection]));
  return [...byClient.values()].map(nameProps);
}

function connectionProps({ toolScopes }: Services['config'], connection: Connection): ConnectionProps {
  const { redirectUri: uri } = connection;
  return {
    connectionId: connection.grantId,
    callback: uri === undefined ? undefined : { host: callbackHost(uri), kind: kindOf(uri) },
    scopes: connection.scopes.map((scope) => ({ scope, operatorWords: toolScopes?.words.get(scope) })),
    connectedAt: connection.createdAt,
    firstUsedAt: connection.firstUsedAt,
    lastUsedAt: connection.lastUsedAt,
    lastUsedFrom: connection.lastUsedFrom,
    lastUsedWith: connection.lastUsedWith,
  };
}

function kindOf(uri: string): NonNullable<ConnectionProps['callback']>['kind'] {
  if (isLoopbackUri(uri)) return 'loopback';
  return isPrivateUseUri(uri) ? 'private scheme' : 'website';
}
