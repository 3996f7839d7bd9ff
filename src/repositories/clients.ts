/** Registered clients. */
import { z } from 'zod';
import { type ClientAuthMethod, clientAuthMethods } from '../protocol/client-credentials.ts';
import { type Queryable, sql } from './database.ts';
import { bytes, findOne, instant, texts } from './rows.ts';

export interface Client {
  readonly clientId: string;
  readonly clientSecretHash: Uint8Array | undefined;
  readonly tokenEndpointAuthMethod: ClientAuthMethod;
  readonly clientName: string | undefined;
  readonly redirectUris: readonly string[];
  readonly grantTypes: readonly string[];
  readonly responseTypes: readonly string[];
  /** Undefined: all that the server supports. */
  readonly scopes: readonly string[] | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** `dynamic`: registered itself, nothing about it is proven. `operator`: made by `create-client`. */
  readonly source: 'dynamic' | 'operator';
  readonly createdAt: Date;
}

const clientRow = z
  .object({
    client_id: z.string(),
    client_secret_hash: bytes.nullable(),
    token_endpoint_auth_method: z.enum(clientAuthMethods),
    client_name: z.string().nullable(),
    redirect_uris: texts,
    grant_types: texts,
    response_types: texts,
    scopes: texts.nullable(),
    metadata: z.record(z.string(), z.string()),
    source: z.enum(['dynamic', 'operator']),
    created_at: instant,
  })
  .transform((row): Client => ({
    clientId: row.client_id,
    clientSecretHash: row.client_secret_hash ?? undefined,
    tokenEndpointAuthMethod: row.token_endpoint_auth_method,
    clientName: row.client_name ?? undefined,
    redirectUris: row.redirect_uris,
    grantTypes: row.grant_types,
    responseTypes: row.response_types,
    scopes: row.scopes ?? undefined,
    metadata: row.metadata,
    source: row.source,
    createdAt: row.created_at,
  }));

export async function findClient(db: Queryable, clientId: string): Promise<Client | undefined> {
  return findOne(
    db,
    clientRow,
    sql`
      select client_id, client_secret_hash, token_endpoint_auth_method, client_name, redirect_uris, grant_types,
        response_types, scopes, metadata, source, created_at
      from clients
      where client_id = ${clientId}`,
  );
}

export async function insertClient(db: Queryable, client: Client): Promise<void> {
  await db.query(sql`
    insert into clients (client_id, client_secret_hash, token_endpoint_auth_method, client_name, redirect_uris,
      grant_types, response_types, scopes, metadata, source, created_at)
    values (${client.clientId}, ${client.clientSecretHash ?? null}, ${client.tokenEndpointAuthMethod},
      ${client.clientName ?? null}, ${client.redirectUris}, ${client.grantTypes}, ${client.responseTypes},
      ${client.scopes ?? null}, ${JSON.stringify(client.metadata)}::text::jsonb, ${client.source}, ${client.createdAt})`);
}
