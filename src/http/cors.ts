/** Which browsers' scripts may talk to which endpoint (OAuth 2.1 §3.1). */
import cors from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../config.ts';

/**
 * Addresses for people never answer scripts of other sites: the authorization endpoint MUST NOT (OAuth 2.1 §3.1).
 * Introspection and back-channel logout are for servers: a secret that a page's script can read proves nothing.
 */
const notForScripts = new Set([
  '/',
  '/authorize',
  '/consent',
  '/callback',
  '/callback/:provider',
  '/account',
  '/account/sign-in',
  '/account/sign-out',
  '/account/end',
  '/brand/logo',
  '/introspect',
  '/backchannel-logout',
]);

const exposedHeaders = ['WWW-Authenticate', 'Mcp-Session-Id', 'MCP-Protocol-Version', 'Retry-After'];
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/**
 * Everything for MCP clients, errors included, may be read by the allowed origins, never with credentials. Requested
 * headers are echoed, since `*` does not cover `Authorization` and `Mcp-Param-*` has no fixed names.
 */
export async function registerCors(app: FastifyInstance, config: Config): Promise<void> {
  const isAny = config.corsAllowedOrigins.includes('*');
  const allowed = {
    origin: isAny ? '*' : [...config.corsAllowedOrigins],
    methods,
    exposedHeaders,
    maxAge: 600,
    strictPreflight: false,
  };
  await app.register(cors, {
    delegator: (request, done) =>
      done(null, notForScripts.has(pathOf(request)) ? { origin: false } : allowed),
  });
}

/**
 * The path of the route, however the request spelled it: with an origin in front too (RFC 9112 §3.2.2). Preflights
 * share one route, and 404s have none; the router has refused what cannot be decoded.
 */
function pathOf({ routeOptions, raw }: FastifyRequest): string {
  const { url } = routeOptions;
  if (url !== undefined && url !== '*') return url;
  const path = (raw.url ?? '').replace(/^https?:\/\/[^/?]*/i, '').split('?', 1)[0] ?? '';
  return decodeURI(path);
}

/** Whether the `Origin` of a request may call the MCP server (MCP transports: invalid origins get 403). */
export function isAllowedOrigin(config: Config, origin: string | undefined): boolean {
  return (
    origin === undefined ||
    config.corsAllowedOrigins.includes('*') ||
    config.corsAllowedOrigins.includes(origin) ||
    origin === config.baseUrl
  );
}
