/** `POST /introspect` (RFC 7662): for clients that prove who they are, since an id alone is public (§2.1). */
import type { FastifyInstance } from 'fastify';
import { authenticateConfidentialClient } from '../flows/authenticate-client.ts';
import { introspectToken, type TokenFacts } from '../flows/introspect-token.ts';
import type { Services } from '../flows/services.ts';
import { refuseOtherMethods } from '../http/methods.ts';
import { serverRateLimit } from '../http/rate-limits.ts';
import { readClientCredentials } from '../protocol/client-credentials.ts';
import { about } from '../protocol/errors.ts';
import { readParameters } from '../protocol/parameters.ts';
import { formatScope } from '../protocol/scope.ts';
import { readPresentedToken } from '../protocol/token-request.ts';

export async function introspectRoute(
  app: FastifyInstance,
  { services }: { readonly services: Services },
): Promise<void> {
  app.post('/introspect', { config: serverRateLimit(services) }, async (request, reply) => {
    const parameters = readParameters(request.body);
    const credentials = readClientCredentials(request.headers.authorization, parameters);
    const client = await about({ clientId: credentials.clientId }, () =>
      authenticateConfidentialClient(services, credentials),
    );
    const token = readPresentedToken(parameters);
    const facts = await introspectToken(services, { client, token });
    return reply.send(
      facts === undefined ? { active: false } : introspectionResponse(facts, services.config.baseUrl),
    );
  });
  refuseOtherMethods(app, '/introspect', ['POST']);
}

/** RFC 7662 §2.2. `username` is what people call themselves; a machine has none. */
function introspectionResponse(facts: TokenFacts, issuer: string): Readonly<Record<string, unknown>> {
  return {
    active: true,
    scope: formatScope(facts.scopes),
    client_id: facts.clientId,
    ...(facts.email === undefined ? {} : { username: facts.email }),
    ...(facts.kind === 'access_token' ? { token_type: 'Bearer' } : {}),
    exp: Math.floor(facts.expiresAt.getTime() / 1000),
    iat: Math.floor(facts.issuedAt.getTime() / 1000),
    sub: facts.subject,
    aud: facts.resource,
    iss: issuer,
    ...(facts.jti === undefined ? {} : { jti: facts.jti }),
  };
}
