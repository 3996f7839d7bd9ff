/** The hook in front of a protected resource: who is calling, and may they? */
import type { FastifyRequest } from 'fastify';
import type { Services } from '../flows/services.ts';
import { verifyAccessToken } from '../flows/verify-access-token.ts';
import { readBearerToken } from '../protocol/challenge.ts';
import { BearerError, PageError } from '../protocol/errors.ts';
import type { Resource } from '../protocol/resource.ts';
import { isAllowedOrigin } from './cors.ts';
import { giveTime } from './slow-clients.ts';

/**
 * Sets `request.principal`. Only the `Authorization` header counts: a token in the query, the body or a cookie is not
 * looked at (OAuth 2.1 §5.1).
 */
export function authenticate(
  services: Services,
  resource: Resource,
  limitRate: (request: FastifyRequest) => Promise<void>,
): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    if (!isAllowedOrigin(services.config, request.headers.origin)) {
      throw new PageError('forbidden_origin', {
        status: 403,
        reason: 'origin is not in CORS_ALLOWED_ORIGINS',
        description: 'This origin may not call the server',
      });
    }
    const presented = readBearerToken(request.headers.authorization);
    if (presented === 'missing') {
      throw new BearerError('missing_token', { reason: 'no token' });
    }
    if (presented === 'malformed') {
      throw new BearerError('invalid_token', {
        reason: 'malformed Authorization header',
        description: 'The Authorization header does not hold one bearer token',
      });
    }
    request.principal = await verifyAccessToken(services, { token: presented.token, resource });
    await limitRate(request);
    giveTime(request);
    services.connectionUse.note(request.principal.grantId, request);
  };
}
