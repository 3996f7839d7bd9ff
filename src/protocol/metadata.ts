/** The documents that tell clients where everything is (RFC 8414, RFC 9728, OpenID Connect Discovery 1.0). */
import { clientAuthMethods, confidentialAuthMethods } from './client-credentials.ts';
import { assertionAlgs } from './client-keys.ts';
import type { ClientPolicy } from './client-policy.ts';
import type { Resource } from './resource.ts';
import { offlineAccess } from './scope.ts';
import { supportedGrantTypes } from './token-request.ts';

/**
 * Authorization server metadata. One document for both well-known names: the members that OpenID parsers insist on
 * (`jwks_uri`, `subject_types_supported`, `id_token_signing_alg_values_supported`) are there though no ID token is
 * issued.
 */
export function authorizationServerMetadata(
  issuer: string,
  scopesSupported: readonly string[],
  signingAlgs: readonly string[],
  clients: { readonly policy: ClientPolicy; readonly takesDocuments: boolean },
): Readonly<Record<string, unknown>> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    ...(clients.policy === 'off' ? {} : { registration_endpoint: `${issuer}/register` }),
    revocation_endpoint: `${issuer}/revoke`,
    introspection_endpoint: `${issuer}/introspect`,
    jwks_uri: `${issuer}/jwks`,
    scopes_supported: [...new Set([...scopesSupported, offlineAccess])],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: supportedGrantTypes,
    token_endpoint_auth_methods_supported: clientAuthMethods,
    token_endpoint_auth_signing_alg_values_supported: assertionAlgs,
    revocation_endpoint_auth_methods_supported: clientAuthMethods,
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgs,
    introspection_endpoint_auth_methods_supported: confidentialAuthMethods,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgs,
    ...(clients.policy !== 'off' && clients.takesDocuments
      ? { client_id_metadata_document_supported: true }
      : {}),
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: signingAlgs,
  };
}

/**
 * Protected resource metadata (RFC 9728 §2). `offline_access` is no scope of the resource (MCP, SEP-2207); an empty
 * list is left out (§3.2).
 */
export function protectedResourceMetadata(
  resource: Resource,
  issuer: string,
  scopesSupported: readonly string[],
): Readonly<Record<string, unknown>> {
  const scopes = scopesSupported.filter((scope) => scope !== offlineAccess);
  return {
    resource: resource.identifier,
    authorization_servers: [issuer],
    ...(scopes.length > 0 ? { scopes_supported: scopes } : {}),
    bearer_methods_supported: ['header'],
    resource_name: resource.name,
  };
}

/** Where a resource's metadata is: the well-known name goes between origin and path (RFC 9728 §3.1). */
export function resourceMetadataUrl(issuer: string, resource: Resource): string {
  return `${issuer}/.well-known/oauth-protected-resource${resource.path}`;
}
