/** `POST /token` (OAuth 2.1 §3.2). */
import type { FastifyInstance } from 'fastify';
import { authenticateClient, requireGrantType } from '../flows/authenticate-client.ts';
import { exchangeCode } from '../flows/exchange-code.ts';
import { issueMachineToken } from '../flows/issue-machine-token.ts';
import type { IssuedToken, IssuedTokens } from '../flows/issue-tokens.ts';
import { rotateRefreshToken } from '../flows/rotate-refresh-token.ts';
import type { Services } from '../flows/services.ts';
import { servicesFor } from '../http/caller.ts';
import { refuseOtherMethods } from '../http/methods.ts';
import { oauthRateLimit } from '../http/rate-limits.ts';
import { readClientCredentials } from '../protocol/client-credentials.ts';
import { about } from '../protocol/errors.ts';
import { readParameters } from '../protocol/parameters.ts';
import { readTokenRequest, type TokenRequest } from '../protocol/token-request.ts';
import type { Client } from '../repositories/clients.ts';

export async function tokenRoute(
  app: FastifyInstance,
  { services }: { readonly services: Services },
): Promise<void> {
  app.post('/token', { config: oauthRateLimit(services) }, async (request, reply) => {
    const parameters = readParameters(request.body);
    const tokenRequest = readTokenRequest(parameters);
    const credentials = readClientCredentials(request.headers.authorization, parameters);
    const issued = await about({ clientId: credentials.clientId }, async () => {
      const client = await authenticateClient(services, credentials);
      requireGrantType(client, tokenRequest.grantType);
      return issue(servicesFor(services, request), client, tokenRequest);
    });
    return reply.send(tokenResponse(issued, services.clock()));
  });
  refuseOtherMethods(app, '/token', ['POST']);
}

async function issue(
  services: Services,
  client: Client,
  request: TokenRequest,
): Promise<IssuedToken | IssuedTokens> {
  if (request.grantType === 'authorization_code') return exchangeCode(services, { client, request });
  if (request.grantType === 'refresh_token') return rotateRefreshToken(services, { client, request });
  return issueMachineToken(services, { client, request });
}

/** RFC 6749 §5.1. `scope` is always there, so that no client has to guess what it got. */
function tokenResponse(
  issued: IssuedToken | IssuedTokens,
  now: Date,
): Readonly<Record<string, string | number>> {
  return {
    access_token: issued.accessToken,
    token_type: 'Bearer',
    expires_in: Math.max(0, Math.ceil((issued.expiresAt.getTime() - now.getTime()) / 1000)),
    ...('refreshToken' in issued ? { refresh_token: issued.refreshToken } : {}),
    scope: issued.scope,
  };
}
