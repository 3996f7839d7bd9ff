/** Turns refusals and failures into answers: pages for people, JSON for machines. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Services } from '../flows/services.ts';
import { ProviderUnavailableError } from '../identity/identity-provider.ts';
import { errorPage } from '../pages/error-page.ts';
import {
  AuthorizationError,
  BearerError,
  PageError,
  TemporarilyUnavailableError,
  TokenError,
} from '../protocol/errors.ts';
import { withResponseParameters } from '../protocol/redirect-uri.ts';
import { DatabaseUnavailableError } from '../repositories/database.ts';
import { recordRefusal } from './caller.ts';
import { sendChallenge } from './challenge.ts';
import { RateLimitError } from './rate-limits.ts';
import { prefersHtml, sendPage } from './send-page.ts';
import { sendToClient } from './send-to-client.ts';

/** Long enough for a restart, short enough that nobody gives up. */
const retryAfterSeconds = 5;

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly description?: string | undefined;
  readonly retryAfterSeconds?: number;
  readonly details?: PageError['details'];
  readonly continueTo?: string;
  readonly underWay?: PageError['underWay'];
  readonly otherAccountUrl?: string;
  readonly accountUrl?: string;
}

export function registerErrorHandler(app: FastifyInstance, services: Services): void {
  app.setErrorHandler<FastifyError>(async (error, request, reply) => {
    if (error instanceof BearerError) {
      recordRefusal(services, request, error, error);
      return sendChallenge(services, error, request, reply);
    }
    if (error instanceof AuthorizationError && error.mayRedirect) {
      recordRefusal(services, request, error, { code: error.code, status: 303 });
      request.log.info({ code: error.code, reason: error.reason }, 'authorization refused');
      const { isCopied } = error;
      return sendToClient(services, request, reply, {
        location: errorLocation(services, error),
        isRefusal: true,
        isCopied,
      });
    }
    const refusal = toRefusal(services, error, request);
    recordRefusal(services, request, error, refusal);
    if (refusal.status >= 500) request.log.error({ err: error }, 'request failed');
    else request.log.info({ code: refusal.code, reason: reasonOf(error) }, 'request refused');
    return sendRefusal(services, request, reply, refusal);
  });
  app.setNotFoundHandler(async (request, reply) =>
    sendRefusal(services, request, reply, {
      status: 404,
      code: 'not_found',
      description: 'There is nothing at this address',
    }),
  );
}

/** An address that the router cannot decode, before any hook ran. Nothing of it is repeated in the answer. */
export function answerBadUrl(_error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  reply
    .code(400)
    .header('cache-control', 'no-store')
    .send({ error: 'invalid_request', error_description: 'The address cannot be read' });
}

/** Refusals of endpoints for machines that are not 400 (RFC 6749 §5.2). */
const statuses: ReadonlyMap<string, number> = new Map([
  ['invalid_client', 401],
  ['access_denied', 403],
]);

function toRefusal(services: Services, error: FastifyError, request: FastifyRequest): Refusal {
  if (error instanceof TokenError) {
    return {
      status: statuses.get(error.code) ?? 400,
      code: error.code,
      description: error.description,
    };
  }
  if (error instanceof PageError) {
    const { status, code, description, details, isOfAccount, underWay } = error;
    return {
      status,
      code,
      description,
      details,
      ...(isOfAccount && { accountUrl: `${services.config.baseUrl}/account` }),
      ...(underWay && { underWay }),
      ...(status === 503 && { retryAfterSeconds }),
    };
  }
  if (error instanceof AuthorizationError) {
    const { page } = error;
    return {
      status: page === undefined ? 400 : 403,
      code: page?.code ?? error.code,
      description: error.description,
      continueTo: errorLocation(services, error),
      ...(page !== undefined && { details: page.details, otherAccountUrl: page.otherAccountUrl }),
    };
  }
  if (error instanceof RateLimitError) {
    const wait = { retryAfterSeconds: error.retryAfterSeconds };
    return { status: 429, code: 'temporarily_unavailable', description: 'Too many requests', ...wait };
  }
  if (error instanceof ProviderUnavailableError) {
    return {
      status: 503,
      code: 'provider_unavailable',
      description: 'The identity provider is away',
      retryAfterSeconds,
    };
  }
  if (error instanceof DatabaseUnavailableError || error instanceof TemporarilyUnavailableError) {
    const description = 'Something this server depends on is away: try again';
    return { status: 503, code: 'temporarily_unavailable', description, retryAfterSeconds };
  }
  return toFrameworkRefusal(error, request);
}

/** What Fastify refuses before a route sees it: unreadable bodies, wrong content types, too much of something. */
function toFrameworkRefusal(error: FastifyError, request: FastifyRequest): Refusal {
  const status = error.statusCode ?? 500;
  if (status < 400 || status >= 500) return { status: 500, code: 'server_error' };
  const code = request.routeOptions.url === '/register' ? 'invalid_client_metadata' : 'invalid_request';
  // A wrong content type is a malformed request to an OAuth endpoint, which has no 415 (RFC 6749 §5.2).
  if (status === 415)
    return { status: 400, code, description: 'The content type is not one this endpoint reads' };
  return {
    status,
    code,
    description: status === 413 ? 'The request is too large' : 'The request cannot be read',
  };
}

async function sendRefusal(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: Refusal,
): Promise<FastifyReply> {
  if (refusal.retryAfterSeconds !== undefined) reply.header('retry-after', refusal.retryAfterSeconds);
  if (isForPeople(request) && prefersHtml(request)) {
    const { status, code, details, continueTo, otherAccountUrl, accountUrl, underWay } = refusal;
    const props = {
      code,
      requestId: request.id,
      ...(status === 429 && { wordsOf: 'rate_limited' }),
      ...(details !== undefined && { details }),
      ...(continueTo !== undefined && { continueTo }),
      ...(otherAccountUrl !== undefined && { otherAccountUrl }),
      ...(accountUrl !== undefined && { accountUrl }),
      ...(underWay !== undefined && { underWay }),
    };
    return sendPage(services, reply, status, (view) => errorPage(props, view));
  }
  if (refusal.status === 401 && request.headers.authorization !== undefined) {
    reply.header('www-authenticate', 'Basic realm="mcp-oauth-proxy", charset="UTF-8"');
  }
  return reply
    .code(refusal.status)
    .header('cache-control', 'no-store')
    .header('pragma', 'no-cache')
    .type('application/json')
    .send({
      error: wireCode(refusal.code, request),
      ...(refusal.description === undefined ? {} : { error_description: ascii(refusal.description) }),
      ...(Object.keys(refusal.details ?? {}).length === 0 ? {} : { details: refusal.details }),
    });
}

/** Codes of our own pages, as the RFC's code that is nearest (RFC 6749 §4.1.2.1). */
const wireCodes: ReadonlyMap<string, string> = new Map([
  ['provider_unavailable', 'temporarily_unavailable'],
  ['client_document_unavailable', 'temporarily_unavailable'],
  ['invalid_client_document', 'invalid_client'],
  ['expired_request', 'access_denied'],
  ['already_approved', 'access_denied'],
  ['already_answered', 'access_denied'],
  ['wrong_browser', 'access_denied'],
  ['forbidden_origin', 'access_denied'],
  ['client_not_allowed', 'unauthorized_client'],
  ['not_admitted', 'access_denied'],
  ['account_form', 'invalid_request'],
  ['account_over', 'access_denied'],
  ['account_refused', 'access_denied'],
  ['account_signed_out', 'access_denied'],
  ['account_no_connection', 'invalid_request'],
]);

function wireCode(code: string, request: FastifyRequest): string {
  // Registration has a code of its own for it (RFC 7591 §3.2.2), authorization has not.
  if (code === 'invalid_redirect_uri' && isForPeople(request)) return 'invalid_request';
  return wireCodes.get(code) ?? code;
}

/** Everything that is not an endpoint for machines: an unknown address is a person's mistake, except well-known ones. */
function isForPeople(request: FastifyRequest): boolean {
  const path = request.url.split('?', 1)[0] ?? '';
  return !/^\/(token|revoke|introspect|register|jwks|health|mcp)(\/|$)|\/\.well-known\//.test(path);
}

function errorLocation({ config }: Services, error: AuthorizationError): string {
  return withResponseParameters(error.target, {
    error: error.code,
    error_description: error.description === undefined ? undefined : ascii(error.description),
    state: error.state,
    iss: config.baseUrl,
  });
}

/** The characters that an error description may have (RFC 6749 §5.2). */
function ascii(text: string): string {
  return text
    .replaceAll('§', 'section ')
    .replaceAll(/[’‘“”"]/g, "'")
    .replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?');
}

function reasonOf(error: Error): string {
  return error instanceof TokenError || error instanceof PageError || error instanceof AuthorizationError
    ? error.reason
    : error.name;
}
