/** Answers a request for a protected resource that has no good token (RFC 6750 §3, RFC 9728 §5.1). */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Services } from '../flows/services.ts';
import { homePage } from '../pages/home-page.ts';
import { bearerChallenge } from '../protocol/challenge.ts';
import type { BearerError } from '../protocol/errors.ts';
import { resourceMetadataUrl } from '../protocol/metadata.ts';
import { offlineAccess } from '../protocol/scope.ts';
import { prefersHtml, sendPage } from './send-page.ts';

/** A browser that opens the resource's address gets a page that says what it is; everyone gets the challenge. */
export async function sendChallenge(
  services: Services,
  error: BearerError,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { config, resources, identityProviders } = services;
  const path = request.url.split('?', 1)[0] ?? '';
  const resource =
    resources.find((candidate) => path === candidate.path || path.startsWith(`${candidate.path}/`)) ??
    resources[0];
  reply.header(
    'www-authenticate',
    bearerChallenge(error, {
      resourceMetadataUrl: resourceMetadataUrl(config.baseUrl, resource),
      scopes: (error.scopes ?? config.scopesSupported).filter((scope) => scope !== offlineAccess),
    }),
  );
  if (error.code === 'missing_token' && request.method === 'GET' && prefersHtml(request)) {
    const props = {
      resourceName: resource.name,
      mcpUrl: resource.identifier,
      providerNames: identityProviders.all.map(({ displayName }) => displayName),
      needsClientId: config.clientRegistration === 'off',
    };
    return sendPage(services, reply, error.status, (view) => homePage(props, view));
  }
  if (error.code !== 'missing_token')
    request.log.info({ code: error.code, reason: error.reason }, 'token refused');
  return reply
    .code(error.status)
    .header('cache-control', 'no-store')
    .type('application/json')
    .send({
      error: error.code === 'missing_token' ? 'unauthorized' : error.code,
      error_description: error.description ?? 'An access token is required',
    });
}
