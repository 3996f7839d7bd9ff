/** Registers a client: its own request (RFC 7591), or the operator's. */
import { createClientId, createSecret, hashSecret } from '../crypto/secrets.ts';
import type { ClientMetadata } from '../protocol/client-metadata.ts';
import { type Client, insertClient } from '../repositories/clients.ts';
import type { Services } from './services.ts';

export interface RegisteredClient {
  readonly client: Client;
  /** Shown once; only its hash is kept. Undefined for a public client. */
  readonly clientSecret: string | undefined;
}

export async function registerClient(
  services: Pick<Services, 'db' | 'clock'>,
  { metadata, source }: { readonly metadata: ClientMetadata; readonly source: Client['source'] },
): Promise<RegisteredClient> {
  const clientSecret = metadata.tokenEndpointAuthMethod === 'none' ? undefined : createSecret('cs');
  const client: Client = {
    clientId: createClientId(),
    clientSecretHash: clientSecret === undefined ? undefined : hashSecret(clientSecret),
    tokenEndpointAuthMethod: metadata.tokenEndpointAuthMethod,
    clientName: metadata.clientName,
    redirectUris: metadata.redirectUris,
    grantTypes: metadata.grantTypes,
    responseTypes: metadata.responseTypes,
    scopes: metadata.scopes,
    metadata: metadata.informational,
    source,
    createdAt: services.clock(),
  };
  await insertClient(services.db, client);
  return { client, clientSecret };
}
