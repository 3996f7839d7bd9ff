/**
 * Forward-auth mode: another proxy passes requests on to the MCP server, and asks here before each of them.
 *
 * What it is told (the caller's identity, and the provider's access token) is for no client to see, so it asks on a port
 * of its own, where nothing else is served, and only proxies in `TRUST_PROXY` are answered there.
 */
import { METHODS } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import '../http/principal.ts';
import { trustedPeers } from '../http/trusted-peers.ts';
import type { Services } from '../flows/services.ts';
import { PageError, TemporarilyUnavailableError } from '../protocol/errors.ts';
import type { Resource } from '../protocol/resource.ts';
import { asVariable, identityHeaderNames, identityHeaders } from '../proxy/identity-headers.ts';
import { pathInside } from '../proxy/target.ts';

export interface GuardedResource {
  readonly services: Services;
  readonly resource: Resource;
  /** Sets `request.principal`, or throws. */
  readonly authenticate: (request: FastifyRequest) => Promise<void>;
}

/**
 * What is not known is said too, with an empty value: proxies that copy a header then replace what the client sent, and
 * none makes up a value of its own (Caddy 2.6 writes the name of its variable into a header that it does not find).
 */
const unknown = Object.fromEntries(identityHeaderNames.map((name) => [name, '']));

/** CONNECT never gets here. OPTIONS is not among them: nothing is let through without a token, whatever it claims to be. */
const methods = METHODS.filter((method) => method !== 'CONNECT' && method !== 'OPTIONS');

/**
 * `/auth`, for nginx, Traefik and Caddy, which name the original URL in a header, and `/auth/<original path>` for Envoy.
 * 200 without a body and with the identity headers, or the refusal as a client of the proxy mode would get it.
 *
 * No method needs no token, and every original URL that is named has to lie inside the resource: a header that a client
 * added can cause a refusal, but never avoid one.
 */
export async function forwardAuthRoute(app: FastifyInstance, options: GuardedResource): Promise<void> {
  const isTrusted = trustedPeers(options.services.config.trustProxy);
  acceptAnyRequest(app);

  app.addHook('onRequest', async (request) => {
    const { remoteAddress } = request.raw.socket;
    if (isTrusted(remoteAddress)) return;
    request.log.warn(
      { remoteAddress },
      'an address that is not in TRUST_PROXY asked at the port for proxies',
    );
    throw refusal('not a trusted proxy', 'Only proxies in TRUST_PROXY are answered here');
  });
  app.addHook('onRequest', async (request) => {
    const targets = originalTargets(request);
    if (targets.length === 0) {
      request.log.warn('the proxy in front does not say what was asked for: let it send X-Original-URI');
      throw refusal('no original URL', 'The proxy in front has to name the original URL');
    }
    for (const target of targets) refuseUnsafe(request, options.resource, target);
    // It would show the client what the proxy in front adds for the MCP server (RFC 9110 §9.3.8).
    if (originalMethods(request).some((method) => /^tra(ce|ck)$/i.test(method)))
      throw refusal('TRACE', 'TRACE is not supported');
    await options.authenticate(request);
  });

  for (const url of ['/auth', '/auth/*']) {
    app.route({
      method: methods,
      url,
      handler: async ({ principal }, reply) => {
        if (principal === undefined) throw new Error('a request came through without its checks');
        return reply
          .headers({ ...unknown, ...identityHeaders(principal), 'cache-control': 'no-store' })
          .send();
      },
    });
  }
}

/**
 * The resource itself, on the port for clients: where the proxy in front sends what it was told to refuse, if it cannot
 * pass the refusal on by itself (nginx), and preflights. It repeats the refusal in full.
 */
export async function refusedResourceRoute(app: FastifyInstance, options: GuardedResource): Promise<void> {
  const { resource, authenticate } = options;
  acceptAnyRequest(app);
  app.addHook('onRequest', async (request) => {
    refuseUnsafe(request, resource, request.raw.url ?? '');
    await authenticate(request);
  });

  for (const url of [resource.path, `${resource.path}/*`]) {
    app.route({
      method: methods,
      url,
      handler: async (request) => {
        request.log.warn(
          'a request with a good token came here: in forward-auth mode the proxy in front passes it to the MCP server',
        );
        throw new TemporarilyUnavailableError('A request with a good token was refused in front');
      },
    });
  }
}

/** Bodies are the MCP server's, and so are methods. */
function acceptAnyRequest(app: FastifyInstance): void {
  for (const method of methods) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
  }
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

/**
 * The request targets that the proxy in front names: each line of a header by itself. Joined, one that was added would be
 * the query of another that a client sent.
 */
function originalTargets({ raw: { headersDistinct: lines, url = '' } }: FastifyRequest): readonly string[] {
  return [
    ...(lines['x-original-uri'] ?? []),
    ...(lines['x-forwarded-uri'] ?? []),
    ...(lines['x-original-url'] ?? []).map(withoutOrigin),
    behindAuth(url),
  ].filter((target) => target !== '');
}

function originalMethods({ method, raw: { headersDistinct: lines } }: FastifyRequest): readonly string[] {
  return [method, ...(lines['x-original-method'] ?? []), ...(lines['x-forwarded-method'] ?? [])];
}

function behindAuth(requestTarget: string): string {
  const rest = requestTarget.replace(/^\/auth/, '');
  return /^\/?(\?|$)/.test(rest) ? '' : rest;
}

function withoutOrigin(url: string): string {
  return url.replace(/^https?:\/\/[^/?#]*/i, '');
}

/**
 * A client has no reason to send identity headers. Refused here, forged ones arrive nowhere, even if the proxy in front
 * forgets to set or to clear one of them.
 */
function refuseUnsafe({ raw }: FastifyRequest, resource: Resource, target: string): void {
  const inside = pathInside(resource, target);
  if ('refusal' in inside) throw refusal('not inside the resource', inside.refusal);
  const names = new Set(raw.rawHeaders.filter((_, index) => index % 2 === 0).map(asVariable));
  if (identityHeaderNames.some((name) => names.has(name)))
    throw refusal('identity headers from a client', 'Identity headers are not for clients to send');
}

/** 403, because nginx passes on nothing but 401 and 403. */
function refusal(reason: string, description: string): PageError {
  return new PageError('invalid_request', { status: 403, reason, description });
}
