/** Reads what a provider publishes about itself (RFC 8414 §2, OpenID Connect Discovery 1.0 §3). */
import type { ServerMetadata } from 'openid-client';
import { z } from 'zod';
import { isAllowedAddress } from './bounded-fetch.ts';

export interface ProviderMetadata {
  /** In wire names, as openid-client takes it. */
  readonly server: ServerMetadata & {
    readonly authorization_endpoint: string;
    readonly token_endpoint: string;
  };
  /** Whether it issues ID tokens; otherwise the person is known by userinfo alone. */
  readonly isOpenId: boolean;
  /**
   * `published`: from its own document. `known`: from documentation, built in. `guessed`: default endpoint names;
   * its issuer identifier is then ours, and an `iss` it sends cannot be compared.
   */
  readonly source: 'published' | 'known' | 'guessed';
}

const endpoint = z.string().refine((value) => URL.canParse(value));
const list = z.array(z.string()).nullish().catch(undefined);

const schema = z.object({
  issuer: z.string().min(1),
  authorization_endpoint: endpoint,
  token_endpoint: endpoint,
  userinfo_endpoint: endpoint.nullish(),
  revocation_endpoint: endpoint.nullish().catch(undefined),
  jwks_uri: endpoint.nullish(),
  scopes_supported: list,
  token_endpoint_auth_methods_supported: list,
  id_token_signing_alg_values_supported: list,
  userinfo_signing_alg_values_supported: list,
  authorization_response_iss_parameter_supported: z.boolean().nullish().catch(undefined),
});

/** Signatures that only the provider can make. Never `none`, nor HS256, whose key every client shares. */
const asymmetricAlgs = new Set(
  'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 Ed25519 EdDSA'.split(' '),
);

/** Whose document it is, and for which endpoint; undefined when it is no metadata document at all. */
export function readNames(
  document: unknown,
): { readonly issuer: string; readonly authorizationEndpoint: string } | undefined {
  const names = z.object({ issuer: z.string(), authorization_endpoint: z.string() }).safeParse(document).data;
  return names && { issuer: names.issuer, authorizationEndpoint: names.authorization_endpoint };
}

/** The metadata, or in `problem` why it cannot be used. */
export function readMetadata(
  document: unknown,
  allowsLoopback: boolean,
): { readonly metadata: ProviderMetadata } | { readonly problem: string } {
  const parsed = schema.safeParse(document);
  if (!parsed.success) {
    return { problem: `has no usable ${parsed.error.issues[0]?.path.join('.') ?? 'members'}` };
  }
  const { data } = parsed;
  for (const name of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri'] as const) {
    const value = data[name];
    if (typeof value === 'string' && !isAllowedAddress(new URL(value), allowsLoopback)) {
      return { problem: `names a ${name} that is not https` };
    }
  }
  const idTokenAlgs = data.id_token_signing_alg_values_supported;
  // OpenID Connect Discovery §3: RS256 is what every provider has, and the one for userinfo need not be said.
  const signingAlgs = (idTokenAlgs ?? ['RS256']).filter((alg) => asymmetricAlgs.has(alg));
  const server = {
    ...withoutNulls(data),
    id_token_signing_alg_values_supported: signingAlgs,
    userinfo_signing_alg_values_supported:
      data.userinfo_signing_alg_values_supported?.filter((alg) => asymmetricAlgs.has(alg)) ?? signingAlgs,
  } as ProviderMetadata['server'];
  const isOpenId =
    typeof data.jwks_uri === 'string' &&
    (Array.isArray(idTokenAlgs) || (data.scopes_supported ?? []).includes('openid'));
  return { metadata: { server, isOpenId, source: 'published' } };
}

function withoutNulls(record: object): object {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== null && value !== undefined),
  );
}
