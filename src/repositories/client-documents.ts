/** Clients that publish a document at their client_id: a row of `clients` as the snapshot, and when it was read. */
import { z } from 'zod';
import type { Client } from './clients.ts';
import { type Database, type Queryable, sql } from './database.ts';
import { findOne, instant } from './rows.ts';

export interface DocumentReading {
  readonly fetchedAt: Date;
  readonly freshUntil: Date;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

const readingRow = z
  .object({
    fetched_at: instant,
    fresh_until: instant,
    etag: z.string().nullable(),
    last_modified: z.string().nullable(),
  })
  .transform((row): DocumentReading => ({
    fetchedAt: row.fetched_at,
    freshUntil: row.fresh_until,
    etag: row.etag ?? undefined,
    lastModified: row.last_modified ?? undefined,
  }));

/** When the document of a client was read last. Undefined: there is no snapshot of it. */
export async function findDocumentReading(
  db: Queryable,
  clientId: string,
): Promise<DocumentReading | undefined> {
  return findOne(
    db,
    readingRow,
    sql`
      select fetched_at, fresh_until, etag, last_modified
      from client_documents
      where client_id = ${clientId}`,
  );
}

export interface NewReading extends DocumentReading {
  /** The host, as a small number: one that publishes many documents gets no more room than others. */
  readonly from: number;
}

/**
 * Stores what a document says. When redirect URIs, keys or the way to authenticate are others than before, what people
 * had approved was another client: remembered consent goes with the old snapshot.
 */
export async function storeDocument(db: Database, client: Client, reading: NewReading): Promise<void> {
  await db.transaction(async (tx) => {
    await forgetConsentIfChanged(tx, client);
    await upsertClient(tx, client, reading);
    await tx.query(sql`
      insert into client_documents (client_id, fetched_at, fresh_until, etag, last_modified)
      values (${client.clientId}, ${reading.fetchedAt}, ${reading.freshUntil}, ${reading.etag ?? null},
        ${reading.lastModified ?? null})
      on conflict (client_id) do update
      set fetched_at = excluded.fetched_at, fresh_until = excluded.fresh_until, etag = excluded.etag,
        last_modified = excluded.last_modified`);
  });
}

/** The order of redirect URIs means nothing; that of keys is theirs to keep. */
async function forgetConsentIfChanged(tx: Queryable, client: Client): Promise<void> {
  await tx.query(sql`
    delete from consents
    where client_id in (
      select client_id
      from clients
      where client_id = ${client.clientId}
        and (not (redirect_uris <@ ${client.redirectUris}::text[] and redirect_uris @> ${client.redirectUris}::text[])
          or (jwks, jwks_uri, token_endpoint_auth_method, assertion_optional) is distinct from
            (${jsonOf(client.jwks)}::text::jsonb, ${client.jwksUri ?? null}::text,
              ${client.tokenEndpointAuthMethod}::text, ${client.isAssertionOptional}::boolean)))`);
}

async function upsertClient(tx: Queryable, client: Client, reading: NewReading): Promise<void> {
  await tx.query(sql`
    insert into clients (client_id, token_endpoint_auth_method, client_name, redirect_uris, grant_types,
      response_types, scopes, metadata, jwks, jwks_uri, assertion_optional, source, created_at, registered_again_at,
      registered_from)
    values (${client.clientId}, ${client.tokenEndpointAuthMethod}, ${client.clientName ?? null},
      ${client.redirectUris}, ${client.grantTypes}, ${client.responseTypes}, ${client.scopes ?? null},
      ${JSON.stringify(client.metadata)}::text::jsonb, ${jsonOf(client.jwks)}::text::jsonb,
      ${client.jwksUri ?? null}, ${client.isAssertionOptional}, 'document', ${client.createdAt}, ${reading.fetchedAt},
      ${reading.from})
    on conflict (client_id) do update
    set token_endpoint_auth_method = excluded.token_endpoint_auth_method, client_name = excluded.client_name,
      redirect_uris = excluded.redirect_uris, grant_types = excluded.grant_types,
      response_types = excluded.response_types, scopes = excluded.scopes, metadata = excluded.metadata,
      jwks = excluded.jwks, jwks_uri = excluded.jwks_uri, assertion_optional = excluded.assertion_optional,
      registered_again_at = excluded.registered_again_at
    where clients.source = 'document'`);
}

function jsonOf(jwks: Client['jwks']): string | null {
  return jwks === undefined ? null : JSON.stringify(jwks);
}

/** The origin says that nothing has changed (304), or cannot say: the snapshot is good for a while longer. */
export async function extendDocument(
  db: Queryable,
  clientId: string,
  { fetchedAt, freshUntil }: Pick<DocumentReading, 'fetchedAt' | 'freshUntil'>,
): Promise<void> {
  await db.query(sql`
    update client_documents
    set fetched_at = ${fetchedAt}, fresh_until = ${freshUntil}
    where client_id = ${clientId}`);
}
