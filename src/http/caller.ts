/** Whose request it is, and which refusals and failures of it are recorded. */
import type { FastifyRequest } from 'fastify';
import { calledBy, type Caller, type Endpoint, endpoints } from '../flows/events.ts';
import type { Services } from '../flows/services.ts';
import { AuthorizationError, BearerError, Refusal } from '../protocol/errors.ts';
import { asRefusalCode } from '../protocol/refusal-codes.ts';
import { RateLimitError } from './rate-limits.ts';

function callerOf(request: FastifyRequest): Caller {
  return {
    requestId: request.id,
    address: request.ip,
    userAgent: request.headers['user-agent']?.slice(0, 256),
  };
}

/** Services for what this request asks for: what happens in it is recorded as its caller's. */
export function servicesFor(services: Services, request: FastifyRequest): Services {
  return calledBy(services, callerOf(request));
}

/** Every error that is answered passes here, once. `code` is the one that the other side reads. */
export function recordRefusal(
  services: Pick<Services, 'events'>,
  request: FastifyRequest,
  error: Error,
  { code, status }: { readonly code: string; readonly status: number },
): void {
  const events = services.events.from(callerOf(request));
  const endpoint = endpointOf(request);
  if (error instanceof RateLimitError) return events.record({ type: 'rate_limited', endpoint });
  if (error instanceof BearerError && error.code === 'missing_token')
    return events.record({ type: 'challenge' });
  if (status >= 500) return events.record({ type: 'failure', endpoint, code: asRefusalCode(code) });
  const { principal } = request;
  const caller = principal && {
    grantId: principal.grantId,
    clientId: principal.clientId,
    subject: principal.subject,
    email: principal.email,
  };
  const isRefusal = error instanceof Refusal;
  const pageCode = error instanceof AuthorizationError ? error.page?.code : undefined;
  return events.record({
    ...caller,
    ...(isRefusal && error.about),
    type: isRefusal ? error.event : 'refusal',
    outcome: 'refused',
    endpoint,
    code: asRefusalCode(pageCode ?? code),
    reason: isRefusal ? error.reason : error.name,
  });
}

function endpointOf(request: FastifyRequest): Endpoint {
  const [, first = ''] = (request.routeOptions.url ?? request.url).split(/[/?#]/);
  if (first === 'auth') return 'mcp';
  return endpoints.find((endpoint) => endpoint === first) ?? 'other';
}
