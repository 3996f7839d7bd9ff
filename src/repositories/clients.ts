/** Registered clients. */
import { z } from 'zod';
import { type ClientAuthMethod, clientAuthMethods } from '../protocol/client-credentials.ts';
import type { ClientJwks } from '../protocol/client-keys.ts';
import { frequent, type Queryable, sql } from './database.ts';
import { bytes, findOne, instant, texts } from './rows.ts';

const clientSources = ['dynamic', 'document', 'operator'] as const;

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
  /** The one resource that a machine gets tokens for, or that an introspecting client learns about. Undefined: any. */
  readonly resource: string | undefined;
  /** Whether it may ask what the tokens of other clients mean (RFC 7662). */
  readonly mayIntrospect: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  /** Keys of a client that authenticates with `private_key_jwt`: these, or those at `jwksUri`. */
  readonly jwks: ClientJwks | undefined;
  readonly jwksUri: string | undefined;
  /** Whether a `private_key_jwt` client may also come without an assertion, as its document says. */
  readonly isAssertionOptional: boolean;
  /**
   * `dynamic`: registered itself, nothing about it is proven. `document`: a snapshot of the document at its client_id,
   * whose host is proven. `operator`: made by `create-client`.
   */
  readonly source: (typeof clientSources)[number];
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
    resource: z.string().nullable(),
    may_introspect: z.boolean(),
    metadata: z.record(z.string(), z.string()),
    // Read once when they were stored (protocol/client-keys.ts).
    jwks: z.custom<ClientJwks>().nullable(),
    jwks_uri: z.string().nullable(),
    assertion_optional: z.boolean(),
    source: z.enum(clientSources),
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
    resource: row.resource ?? undefined,
    mayIntrospect: row.may_introspect,
    metadata: row.metadata,
    jwks: row.jwks ?? undefined,
    jwksUri: row.jwks_uri ?? undefined,
    isAssertionOptional: row.assertion_optional,
    source: row.source,
    createdAt: row.created_at,
  }));

export async function findClient(db: Queryable, clientId: string): Promise<Client | undefined> {
  return findOne(
    db,
    clientRow,
    frequent(sql`
      select client_id, client_secret_hash, token_endpoint_auth_method, client_name, redirect_uris, grant_types,
        response_types, scopes, resource, may_introspect, metadata, jwks, jwks_uri, assertion_optional, source, created_at
      from clients
      where client_id = ${clientId}`),
  );
}

/** What is known of a registration beside what it says. */
export interface RegistrationFacts {
  /** Two registrations with the same one get the same client. Undefined: it gets a client of its own. */
  readonly fingerprint: Uint8Array | undefined;
  /** Where it came from, as a small number. Undefined for one that the operator made. */
  readonly from: number | undefined;
}

/**
 * Stores a client, as one statement: of many identical registrations one is stored, and all get it. Returns what is
 * stored, which may be older than `client`.
 */
export async function insertClient(
  db: Queryable,
  client: Client,
  registration: RegistrationFacts = { fingerprint: undefined, from: undefined },
): Promise<Client> {
  const stored = await findOne(
    db,
    clientRow,
    sql`
      insert into clients (client_id, client_secret_hash, token_endpoint_auth_method, client_name, redirect_uris,
        grant_types, response_types, scopes, resource, may_introspect, metadata, jwks, jwks_uri, assertion_optional, source, created_at,
        registration_fingerprint, registered_from)
      values (${client.clientId}, ${client.clientSecretHash ?? null}, ${client.tokenEndpointAuthMethod},
        ${client.clientName ?? null}, ${client.redirectUris}, ${client.grantTypes}, ${client.responseTypes},
        ${client.scopes ?? null}, ${client.resource ?? null}, ${client.mayIntrospect}, ${JSON.stringify(client.metadata)}::text::jsonb,
        ${client.jwks === undefined ? null : JSON.stringify(client.jwks)}::text::jsonb, ${client.jwksUri ?? null},
        ${client.isAssertionOptional}, ${client.source}, ${client.createdAt},
        ${registration.fingerprint ?? null}, ${registration.from ?? null})
      on conflict (registration_fingerprint) do update
      set registered_again_at = excluded.created_at
      returning client_id, client_secret_hash, token_endpoint_auth_method, client_name, redirect_uris, grant_types,
        response_types, scopes, resource, may_introspect, metadata, jwks, jwks_uri, assertion_optional, source, created_at`,
  );
  return stored ?? client;
}
