/** One conversation with a provider through openid-client: who we are, how we reach it, what we insist on. */
import {
  allowInsecureRequests,
  type ClientAuth,
  type ClientMetadata,
  ClientSecretBasic,
  ClientSecretPost,
  clockSkew,
  clockTolerance,
  Configuration,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  type ServerMetadata,
} from 'openid-client';
import type { BoundedFetch, FetchInit } from './bounded-fetch.ts';
import { ProviderUnavailableError } from './identity-provider.ts';
import type { ProviderMetadata } from './provider-metadata.ts';
import type { ProviderProfile, ProviderSettings } from './provider-profile.ts';
import type { SigningKeys } from './signing-keys.ts';
import { normalizeTokenReply } from './token-reply.ts';

/** What every step of a sign-in needs. */
export interface ProviderContext {
  readonly settings: ProviderSettings;
  readonly profile: ProviderProfile;
  readonly fetch: BoundedFetch;
  readonly signingKeys: SigningKeys;
  readonly clock: () => Date;
}

/** How far the provider's clock may be from ours when an ID token's times are checked. */
const clockToleranceSeconds = 60;

export async function connect(
  { settings, fetch, clock }: ProviderContext,
  { server }: ProviderMetadata,
  wants: { readonly idToken: boolean },
): Promise<Configuration> {
  const client = {
    [clockSkew]: Math.round((clock().getTime() - Date.now()) / 1000),
    [clockTolerance]: clockToleranceSeconds,
  };
  const authentication = clientAuthentication(server, settings.clientSecret);
  const config = server.issuer.includes('{tenantid}')
    ? await connectToManyTenants(server, settings.clientId, client, authentication)
    : new Configuration(server, settings.clientId, client, authentication);
  // Which addresses may be asked without TLS is decided in bounded-fetch.ts, for every request alike.
  allowInsecureRequests(config);
  // Signatures are checked although the token comes from the provider itself: TLS may end at a gateway before it.
  enableNonRepudiationChecks(config);
  config[customFetch] = async (url, { method, headers, body }) => {
    const response = await fetchHealthy(fetch, url, { method, headers, body: body ?? null });
    return method === 'POST' ? normalizeTokenReply(response, wants.idToken) : response;
  };
  return config;
}

/**
 * The issuer of Microsoft's addresses for many tenants is a template, and `iss` is compared with it after `tid` has been
 * put in. openid-client does so for metadata that it believes to have found at Microsoft's: it is given what we found.
 */
async function connectToManyTenants(
  server: ServerMetadata,
  clientId: string,
  client: Partial<ClientMetadata>,
  authentication: ClientAuth,
): Promise<Configuration> {
  return discovery(
    new URL('https://login.microsoftonline.com/common/v2.0'),
    clientId,
    client,
    authentication,
    {
      [customFetch]: async () => Response.json(server),
    },
  );
}

/** @throws ProviderUnavailableError also when the answer says that the provider, or a limit of it, is the problem */
export async function fetchHealthy(fetch: BoundedFetch, url: string, init: FetchInit): Promise<Response> {
  const response = await fetch(url, init);
  if (response.status >= 500 || response.status === 429 || response.status === 408) {
    throw new ProviderUnavailableError(`${new URL(url).host} answered ${response.status}`);
  }
  return response;
}

/** In the body, which needs no encoding rules, unless the provider takes only the header (RFC 6749 §2.3.1). */
function clientAuthentication(server: ServerMetadata, clientSecret: string) {
  const methods = server.token_endpoint_auth_methods_supported ?? [];
  const isBasicOnly = methods.includes('client_secret_basic') && !methods.includes('client_secret_post');
  return isBasicOnly ? ClientSecretBasic(clientSecret) : ClientSecretPost(clientSecret);
}
