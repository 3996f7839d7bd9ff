/**
 * Client metadata documents: a client whose client_id is the https URL of a document that describes it
 * (draft-ietf-oauth-client-id-metadata-document, MCP authorization "Client ID Metadata Documents").
 */
import { z } from 'zod';
import type { ClientAuthMethod } from './client-credentials.ts';
import { type ClientMetadata, invalidMetadata, readClientMetadata } from './client-metadata.ts';

/** Whether a client_id stands for a document. Ids that this server makes never look like this (§6.7). */
export function isDocumentClientId(clientId: string): boolean {
  return /^https:/i.test(clientId);
}

/**
 * Why the URL cannot be a client_id, or undefined when it can (§3). What a URL parser would make of it does not count:
 * it is compared as a string everywhere, so only the form that the parser would leave alone is accepted.
 */
export function clientIdUrlProblem(clientId: string): string | undefined {
  if (clientId.length > 2048) return 'it is longer than 2048 characters';
  if (!clientId.startsWith('https://') || !URL.canParse(clientId)) return 'it is not an https URL';
  if (clientId.includes('#')) return 'it has a fragment';
  const url = new URL(clientId);
  if (url.username !== '' || url.password !== '' || /^https:\/\/[^/?]*@/.test(clientId)) {
    return 'it has credentials in it';
  }
  const path = clientId.replace(/^https:\/\/[^/?]*/, '').replace(/\?.*$/, '');
  if (path === '' || path === '/') return 'it has no path';
  if (path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))) return 'it has a dot segment';
  return url.href === clientId ? undefined : `it is not in its normal form, which is ${url.href}`;
}

/** A client as its document describes it. */
export interface ClientDocument extends ClientMetadata {
  readonly tokenEndpointAuthMethod: 'none' | 'private_key_jwt';
  /** Whether it may also come without an assertion: its document offers `none` as well. */
  readonly isAssertionOptional: boolean;
}

const isAbsent = (value: unknown) => value === undefined || value === null;

const document = z.looseObject({
  client_id: z.unknown().optional(),
  token_endpoint_auth_method: z.string().nullish(),
  // Members beyond RFC 7591, of whatever type: a mistake in them is as if they were not there.
  token_endpoint_auth_methods_supported: z.array(z.string()).nullish().catch(undefined),
});

/**
 * Reads the document found at `clientId`. A secret in it is refused, since everybody can read it, and so is a way to
 * authenticate that needs one. Members and grant types that are not known are ignored, as in registration.
 * @throws TokenError `invalid_client_metadata`, `invalid_redirect_uri`, with a reason that may be shown
 */
export function readClientDocument(clientId: string, json: unknown): ClientDocument {
  const parsed = document.safeParse(json);
  if (!parsed.success)
    throw invalidMetadata('the document is not an object, or its members have a wrong type');
  const given = parsed.data;
  if (given.client_id !== clientId) throw invalidMetadata('client_id in the document is not its own URL');
  for (const name of ['client_secret', 'client_secret_expires_at']) {
    if (!isAbsent(given[name])) throw invalidMetadata(`the document has ${name}, which everybody can read`);
  }
  const hasKeys = !isAbsent(given.jwks) || !isAbsent(given.jwks_uri);
  const authentication = negotiate(
    given.token_endpoint_auth_method ?? undefined,
    given.token_endpoint_auth_methods_supported ?? [],
    hasKeys,
  );
  const metadata = readClientMetadata({
    ...given,
    token_endpoint_auth_method: authentication.tokenEndpointAuthMethod,
  });
  if (metadata.clientName === undefined) throw invalidMetadata('client_name is missing');
  return { ...metadata, ...authentication };
}

/**
 * How the client will authenticate. Real documents name the method that the client prefers, and beside it a list of
 * those it can do (ChatGPT: `private_key_jwt`, and `none` in the list): of these the ones that need no secret count.
 */
function negotiate(
  method: string | undefined,
  supported: readonly string[],
  hasKeys: boolean,
): Pick<ClientDocument, 'tokenEndpointAuthMethod' | 'isAssertionOptional'> {
  if (method !== undefined && secretMethods.has(method)) {
    throw invalidMetadata(`token_endpoint_auth_method ${method} needs a shared secret`);
  }
  const offered = method === undefined ? supported : [method, ...supported];
  const offersNone = offered.length === 0 || offered.includes('none');
  if (offered.includes('private_key_jwt') && hasKeys) {
    return { tokenEndpointAuthMethod: 'private_key_jwt', isAssertionOptional: offersNone };
  }
  if (offersNone) return { tokenEndpointAuthMethod: 'none', isAssertionOptional: false };
  throw invalidMetadata(
    offered.includes('private_key_jwt')
      ? 'private_key_jwt needs jwks or jwks_uri'
      : 'token_endpoint_auth_method must be none or private_key_jwt',
  );
}

const secretMethods: ReadonlySet<string> = new Set<ClientAuthMethod | 'client_secret_jwt'>([
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
]);
