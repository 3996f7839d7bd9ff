/** `POST /revoke` (RFC 7009). */
import type { FastifyInstance } from 'fastify';
import { authenticateClient } from '../flows/authenticate-client.ts';
import { revokeToken } from '../flows/revoke-token.ts';
import type { Services } from '../flows/services.ts';
import { servicesFor } from '../http/caller.ts';
import { refuseOtherMethods } from '../http/methods.ts';
import { oauthRateLimit } from '../http/rate-limits.ts';
import { readClientCredentials } from '../protocol/client-credentials.ts';
import { about } from '../protocol/errors.ts';
import { readParameters } from '../protocol/parameters.ts';
import { readPresentedToken } from '../protocol/token-request.ts';

export async function revokeRoute(
  app: FastifyInstance,
  { services }: { readonly services: Services },
): Promise<void> {
  app.post('/revoke', { config: oauthRateLimit(services) }, async (request, reply) => {
    const parameters = readParameters(request.body);
    const token = readPresentedToken(parameters);
    const credentials = readClientCredentials(request.headers.authorization, parameters);
    await about({ clientId: credentials.clientId }, async () => {
      const client = await authenticateClient(services, credentials);
      await revokeToken(servicesFor(services, request), { client, token });
    });
    return reply.send({});
  });
  refuseOtherMethods(app, '/revoke', ['POST']);
}
