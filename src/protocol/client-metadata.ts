/**
 * Dynamic client registration (RFC 7591). Real clients send nulls, unknown members, and lists of redirect URIs of
 * which one may be unacceptable: what is good is kept and echoed (§3.2.1), and only what leaves nothing usable is
 * refused.
 */
import { z } from 'zod';
import { type ClientAuthMethod, clientAuthMethods } from './client-credentials.ts';
import { type ClientKeySource, readKeySource } from './client-keys.ts';
import { TokenError } from './errors.ts';
import { redirectUriProblem } from './redirect-uri.ts';
import { parseScope } from './scope.ts';
import { codeGrantTypes } from './token-request.ts';

const maxRedirectUris = 20;
/** What anyone may make us store stays small. */
const maxRedirectUriCharacters = 6_000;
const maxScopeCharacters = 2_000;

/** A member that is null, empty or of another type counts as absent: it is informational. What PostgreSQL cannot store is replaced. */
const optionalText = (max: number) =>
  z
    .string()
    .transform((value) =>
      value
        .toWellFormed()
        .replaceAll(/\p{Cc}/gu, ' ')
        .trim(),
    )
    .pipe(z.string().min(1).max(max))
    .optional()
    .catch(undefined);
const optionalUrl = optionalText(2048).transform((value) =>
  value !== undefined && URL.canParse(value) && new URL(value).protocol === 'https:' ? value : undefined,
);
const strings = z.array(z.string());

const registration = z.object({
  redirect_uris: z
    .array(z.unknown())
    .transform((uris) => uris.filter((uri): uri is string => typeof uri === 'string')),
  token_endpoint_auth_method: z
    .string()
    .nullish()
    .transform((method) => (method === '' ? undefined : method)),
  grant_types: strings.nullish(),
  response_types: strings.nullish(),
  scope: z.string().nullish().catch(undefined),
  client_name: optionalText(200),
  client_uri: optionalUrl,
  logo_uri: optionalUrl,
  tos_uri: optionalUrl,
  policy_uri: optionalUrl,
  software_id: optionalText(200),
  software_version: optionalText(100),
  application_type: z.enum(['native', 'web']).optional().catch(undefined),
  jwks: z.unknown().optional(),
  jwks_uri: z.unknown().optional(),
});

export interface ClientMetadata extends ClientKeySource {
  readonly redirectUris: readonly string[];
  readonly tokenEndpointAuthMethod: ClientAuthMethod;
  readonly grantTypes: readonly string[];
  readonly responseTypes: readonly string[];
  readonly scopes: readonly string[] | undefined;
  readonly clientName: string | undefined;
  /** Members that change nothing here, kept and echoed: `client_uri`, `logo_uri`, `software_id` … */
  readonly informational: Readonly<Record<string, string>>;
}

/**
 * Reads client metadata.
 * @throws TokenError `invalid_redirect_uri`, `invalid_client_metadata` (RFC 7591 §3.2.2)
 */
export function readClientMetadata(body: unknown): ClientMetadata {
  const parsed = registration.safeParse(body);
  if (!parsed.success) {
    const names = [...new Set(parsed.error.issues.map((issue) => String(issue.path[0] ?? 'body')))];
    const code = names.includes('redirect_uris') ? 'invalid_redirect_uri' : 'invalid_client_metadata';
    throw new TokenError(code, {
      reason: `bad client metadata: ${names.join(', ')}`,
      description: `missing or malformed: ${names.join(', ')}`,
      cause: parsed.error,
    });
  }
  const metadata = parsed.data;
  const tokenEndpointAuthMethod = readAuthMethod(
    metadata.token_endpoint_auth_method ?? 'client_secret_basic',
  );
  const keys = readKeySource(metadata.jwks, metadata.jwks_uri);
  if ('problem' in keys) throw invalidMetadata(keys.problem);
  if (
    tokenEndpointAuthMethod === 'private_key_jwt' &&
    keys.jwks === undefined &&
    keys.jwksUri === undefined
  ) {
    throw invalidMetadata('private_key_jwt needs jwks or jwks_uri');
  }
  const scopes = typeof metadata.scope === 'string' ? parseScope(metadata.scope) : [];
  if (scopes === undefined || (metadata.scope?.length ?? 0) > maxScopeCharacters) {
    throw invalidMetadata('scope is too long or has characters that a scope cannot have');
  }
  const { client_uri, logo_uri, tos_uri, policy_uri, software_id, software_version, application_type } =
    metadata;
  return {
    redirectUris: acceptedRedirectUris(metadata.redirect_uris),
    tokenEndpointAuthMethod,
    ...keys,
    grantTypes: readGrantTypes(metadata.grant_types ?? ['authorization_code']),
    responseTypes: readResponseTypes(metadata.response_types ?? ['code']),
    scopes: scopes.length > 0 ? scopes : undefined,
    clientName: metadata.client_name,
    informational: Object.fromEntries(
      Object.entries({
        client_uri,
        logo_uri,
        tos_uri,
        policy_uri,
        software_id,
        software_version,
        application_type,
      }).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
  };
}

/** The usable ones of the list. One bad URI does not spoil the others; a list without a good one is refused. */
function acceptedRedirectUris(uris: readonly string[]): readonly string[] {
  const distinct = [...new Set(uris)];
  const accepted = distinct.filter((uri) => redirectUriProblem(uri) === undefined);
  const isTooMuch = distinct.length > maxRedirectUris || distinct.join('').length > maxRedirectUriCharacters;
  if (accepted.length === 0 || isTooMuch) {
    const reason = isTooMuch
      ? `more than ${maxRedirectUris} redirect_uris, or more than ${maxRedirectUriCharacters} characters of them`
      : distinct[0] === undefined
        ? 'redirect_uris is empty'
        : `no redirect_uri can be used: ${redirectUriProblem(distinct[0])}`;
    throw new TokenError('invalid_redirect_uri', { reason, description: reason.replaceAll('§', 'section ') });
  }
  return accepted;
}

function readAuthMethod(method: string): ClientAuthMethod {
  const known = clientAuthMethods.find((candidate) => candidate === method);
  if (known === undefined) {
    throw invalidMetadata(`token_endpoint_auth_method must be one of ${clientAuthMethods.join(', ')}`);
  }
  return known;
}

/** Unsupported grant types are left out and not echoed; a code client always gets refresh tokens as well. */
function readGrantTypes(grantTypes: readonly string[]): readonly string[] {
  if (!grantTypes.includes('authorization_code') && grantTypes.length > 0) {
    throw invalidMetadata('grant_types must include authorization_code');
  }
  return codeGrantTypes;
}

function readResponseTypes(responseTypes: readonly string[]): readonly string[] {
  if (!responseTypes.includes('code') && responseTypes.length > 0) {
    throw invalidMetadata('response_types must include code');
  }
  return ['code'];
}

export function invalidMetadata(reason: string): TokenError {
  return new TokenError('invalid_client_metadata', { reason, description: reason });
}
