/** `POST /register`: dynamic client registration (RFC 7591). */
import type { FastifyInstance } from 'fastify';
import { registerClient, type RegisteredClient } from '../flows/register-client.ts';
import type { Services } from '../flows/services.ts';
import { networkOf } from '../http/client-address.ts';
import { servicesFor } from '../http/caller.ts';
import { refuseOtherMethods } from '../http/methods.ts';
import { registrationRateLimit } from '../http/rate-limits.ts';
import { readClientMetadata } from '../protocol/client-metadata.ts';
import { admitRedirectUris, refuseRegistrationIfOff } from '../protocol/client-policy.ts';
import { formatScope } from '../protocol/scope.ts';

export async function registerRoute(
  app: FastifyInstance,
  { services }: { readonly services: Services },
): Promise<void> {
  const config = registrationRateLimit(services);
  app.post('/register', { config, bodyLimit: 32_768 }, async (request, reply) => {
    const policy = services.config.clientRegistration;
    refuseRegistrationIfOff(policy);
    const metadata = admitRedirectUris(policy, readClientMetadata(request.body));
    const address = networkOf(request.ip);
    const registered = await registerClient(services, { metadata, source: 'dynamic', address });
    const { clientId, clientName } = registered.client;
    servicesFor(services, request).events.record({
      type: 'registration',
      outcome: 'success',
      how: 'dynamic',
      clientId,
      clientName,
    });
    return reply.code(201).send(registrationResponse(registered));
  });
  refuseOtherMethods(app, '/register', ['POST']);
}

/** RFC 7591 §3.2.1: what was registered, with defaults; nothing null, times as integers, 0 for "never". */
function registrationResponse({ client, clientSecret }: RegisteredClient): Readonly<Record<string, unknown>> {
  return {
    client_id: client.clientId,
    client_id_issued_at: Math.floor(client.createdAt.getTime() / 1000),
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret, client_secret_expires_at: 0 }),
    redirect_uris: client.redirectUris,
    token_endpoint_auth_method: client.tokenEndpointAuthMethod,
    grant_types: client.grantTypes,
    response_types: client.responseTypes,
    ...(client.clientName === undefined ? {} : { client_name: client.clientName }),
    ...(client.scopes === undefined ? {} : { scope: formatScope(client.scopes) }),
    ...(client.jwks === undefined ? {} : { jwks: client.jwks }),
    ...(client.jwksUri === undefined ? {} : { jwks_uri: client.jwksUri }),
    ...client.metadata,
  };
}
