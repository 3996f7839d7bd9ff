/** What `create-client` prints about the client that it has created. */
import { resolve } from 'node:path';
import type { StorageConfig } from './config.ts';
import type { RegisteredClient } from './flows/register-client.ts';
import { formatScope } from './protocol/scope.ts';
import { machineGrantTypes } from './protocol/token-request.ts';
import type { Client } from './repositories/clients.ts';

/** Names as in RFC 7591 §3.2.1. */
export function factsOf({ client, clientSecret }: RegisteredClient) {
  return {
    client_id: client.clientId,
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
    client_name: client.clientName,
    redirect_uris: client.redirectUris,
    grant_types: client.grantTypes,
    token_endpoint_auth_method: client.tokenEndpointAuthMethod,
    ...(client.scopes === undefined ? {} : { scope: formatScope(client.scopes) }),
    ...(client.resource === undefined ? {} : { resource: client.resource }),
    ...(client.jwks === undefined ? {} : { jwks: client.jwks }),
    ...(client.jwksUri === undefined ? {} : { jwks_uri: client.jwksUri }),
  };
}

export function describe(registered: RegisteredClient, storage: StorageConfig): string {
  const { client, clientSecret } = registered;
  const secret = clientSecret ?? (hasKey(client) ? 'none: it has a key' : 'none: it is a public client');
  const id = clientSecret === undefined ? 'its id' : 'its id and its secret';
  const lines = [
    ['Client ID', client.clientId],
    ['Client secret', secret],
    ['Name', client.clientName],
    ...client.redirectUris.map((uri) => ['Redirect URI', uri]),
    ...(client.scopes === undefined ? [] : [['Scopes', formatScope(client.scopes)]]),
    ...(client.resource === undefined ? [] : [['Resource', client.resource]]),
    ...(client.jwksUri === undefined ? [] : [['Keys at', client.jwksUri]]),
    ['Stored in', describeStorage(storage)],
    ...endpoints(client, storage.baseUrl),
  ];
  return [
    `The client was created. Give the app ${id}, where it asks for OAuth credentials.`,
    ...(clientSecret === undefined ? [] : ['The secret is shown this once: only its hash is stored.']),
    '',
    ...lines.map(([name = '', value = '']) => `  ${name.padEnd(16)}${value}`),
    ...example(client, storage.baseUrl),
  ].join('\n');
}

/** What apps ask for that do not discover it. */
function endpoints(client: Client, baseUrl: string | undefined): readonly string[][] {
  if (baseUrl === undefined) return [];
  const introspection = ['Introspection', `${baseUrl}/introspect`];
  if (client.mayIntrospect) return [introspection];
  return [
    ['Server', `${baseUrl}/mcp`],
    ...(isMachine(client) ? [] : [['Authorization', `${baseUrl}/authorize`]]),
    ['Token', `${baseUrl}/token`],
    ['Revocation', `${baseUrl}/revoke`],
  ];
}

/** The first request to make; curl asks for the secret, so that it is in no history. */
function example(client: Client, baseUrl: string | undefined): readonly string[] {
  const request = client.mayIntrospect
    ? `-d token=… ${baseUrl}/introspect`
    : `-d grant_type=client_credentials ${baseUrl}/token`;
  const isForPeople = !client.mayIntrospect && !isMachine(client);
  return baseUrl === undefined || isForPeople || hasKey(client)
    ? []
    : ['', 'Try it; curl asks for the secret:', '', `  curl -u ${client.clientId} ${request}`];
}

function hasKey({ tokenEndpointAuthMethod }: Client): boolean {
  return tokenEndpointAuthMethod === 'private_key_jwt';
}

function isMachine({ grantTypes }: Client): boolean {
  return machineGrantTypes.every((grantType) => grantTypes.includes(grantType));
}

/** Without user and password. */
function describeStorage({ databaseDsn, dataDir }: StorageConfig): string {
  if (databaseDsn === undefined) return `the embedded database in ${resolve(dataDir)}`;
  const { host, pathname } = new URL(databaseDsn);
  return `PostgreSQL, ${host}${pathname}`;
}
