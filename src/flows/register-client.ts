/** Registers a client: its own request (RFC 7591), or the operator's. */
import { createClientId, createSecret, drawerOf, fingerprintOf, hashSecret } from '../crypto/secrets.ts';
import type { ClientAuthMethod } from '../protocol/client-credentials.ts';
import type { ClientMetadata } from '../protocol/client-metadata.ts';
import { type Client, insertClient } from '../repositories/clients.ts';
import { evictUnfinishedClients, maxUnfinishedClients } from '../repositories/unfinished-clients.ts';
import type { Services } from './services.ts';

export interface RegisteredClient {
  readonly client: Client;
  /** Shown once; only its hash is kept. Undefined for a public client, and for one with a key. */
  readonly clientSecret: string | undefined;
}

/** What only the operator can give a client. */
export type OperatorsChoice = Pick<Client, 'resource' | 'mayIntrospect'>;

/**
 * A client that registers itself without a secret gets the same id as everyone who registers the very same: clients
 * that register at each start leave one row. Nobody is refused for want of room: see {@link evictUnfinishedClients}.
 */
export async function registerClient(
  services: Pick<Services, 'db' | 'clock'>,
  {
    metadata,
    source,
    choice = { resource: undefined, mayIntrospect: false },
    address,
  }: {
    readonly metadata: ClientMetadata;
    readonly source: Client['source'];
    readonly choice?: OperatorsChoice;
    /** The network that a registration came from. */
    readonly address?: string;
  },
): Promise<RegisteredClient> {
  const isShared = source === 'dynamic' && metadata.tokenEndpointAuthMethod === 'none';
  const clientSecret = usesSecret(metadata.tokenEndpointAuthMethod) ? createSecret('cs') : undefined;
  const client = await insertClient(
    services.db,
    {
      clientId: createClientId(),
      clientSecretHash: clientSecret === undefined ? undefined : hashSecret(clientSecret),
      tokenEndpointAuthMethod: metadata.tokenEndpointAuthMethod,
      clientName: metadata.clientName,
      redirectUris: metadata.redirectUris,
      grantTypes: metadata.grantTypes,
      responseTypes: metadata.responseTypes,
      scopes: metadata.scopes,
      ...choice,
      metadata: metadata.informational,
      jwks: metadata.jwks,
      jwksUri: metadata.jwksUri,
      isAssertionOptional: false,
      source,
      createdAt: services.clock(),
    },
    {
      fingerprint: isShared ? fingerprintOf(JSON.stringify(metadata)) : undefined,
      from: address === undefined ? undefined : drawerOf(address),
    },
  );
  if (source === 'dynamic') await evictUnfinishedClients(services.db, maxUnfinishedClients);
  return { client, clientSecret };
}

function usesSecret(method: ClientAuthMethod): boolean {
  return method === 'client_secret_basic' || method === 'client_secret_post';
}
