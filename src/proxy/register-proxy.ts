/** Lets authenticated requests for a resource through to its MCP server. */
import { METHODS } from 'node:http';
import type { Readable } from 'node:stream';
import httpProxy from '@fastify/http-proxy';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { McpSessions } from '../flows/mcp-sessions.ts';
import type { OpenRequests } from '../flows/open-requests.ts';
import '../http/principal.ts';
import type { ProxiedResource } from '../protocol/resource.ts';
import { sendAnswer, sendFailure } from './answer.ts';
import { openBackend, type UpstreamRequest, upstreamRequest } from './backend.ts';
import { forwardedHeaders } from './forwarded-headers.ts';
import { bodyInspector, type Inspection } from './inspected-body.ts';
import { Passage } from './passage.ts';
import { findRefusal, sendRefusal } from './refusal.ts';
import { detachedBody } from './request-body.ts';
import { returnedHeaders } from './returned-headers.ts';
import { giveSession, sessionGuard } from './session-guard.ts';
import { publicLocation, upstreamPath } from './target.ts';
import { whenOver } from './when-over.ts';

/** What becomes of one call to the MCP server: one of the three, once. */
export interface ObservedCall {
  /** Headers to send instead of the client's: they continue its trace. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  answered(status: number): void;
  failed(): void;
  /** The client is gone, or was cut off. */
  left(): void;
}

export interface ProxyOptions {
  readonly resource: ProxiedResource;
  /** The origin that clients know us by: `https://mcp.example.com`. */
  readonly publicOrigin: string;
  /** Sets `request.principal`, or throws. It runs before anything else is looked at. */
  readonly authenticate: (request: FastifyRequest) => Promise<void>;
  /** Where a request is known from when it is sent on until it is over. */
  readonly openRequests: OpenRequests;
  /** Who knows whose sessions are whose. Without it that is for the MCP server to say. */
  readonly sessions?: McpSessions | undefined;
  /** After so much silence an event stream gets a comment. 0, the default: never. */
  readonly keepAliveMs?: number;
  readonly observe?: ((method: string) => ObservedCall) | undefined;
  readonly connectTimeoutMs?: number;
  /** Who must know what a body asks for. Without it no body is looked at. */
  readonly inspection?: Inspection | undefined;
}

/** CORS answers OPTIONS. CONNECT never gets here. TRACE is among them to be refused after authentication. */
const methods = METHODS.filter((method) => method !== 'CONNECT' && method !== 'OPTIONS');

/**
 * A Fastify plugin: `app.register(registerProxy, options)`. Serves `resource.path`, with and without a trailing
 * slash, and everything below it.
 */
export async function registerProxy(app: FastifyInstance, options: ProxyOptions): Promise<void> {
  const { resource, publicOrigin, sessions, keepAliveMs = 0 } = options;
  const { target } = resource;
  const targetHost = new URL(target.origin).host;
  const backend = openBackend(target, options.connectTimeoutMs ?? 10_000);

  app.addHook('onRequest', (request) => options.authenticate(request));
  app.addHook('onRequest', (request, reply, done) => {
    const refusal = findRefusal(request, resource);
    if (refusal !== undefined) return sendRefusal(reply, refusal);
    // Fastify refuses media types that it cannot parse, and requires one of QUERY. Neither is ours to judge: what
    // the MCP server gets is taken from the raw headers.
    request.headers['content-type'] = 'application/octet-stream';
    done();
  });
  if (sessions !== undefined) app.addHook('onRequest', sessionGuard(sessions));
  const bodies = new WeakMap<FastifyRequest, Readable>();
  if (options.inspection !== undefined) {
    const inspect = bodyInspector(options.inspection);
    app.addHook('preHandler', async (request, reply) => {
      const body = await inspect(request, reply);
      if (reply.sent) return reply;
      if (body !== undefined) bodies.set(request, body);
      return undefined;
    });
  }
  app.addHook('onClose', () => backend.close());

  for (const method of methods) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
  }
  app.removeAllContentTypeParsers();

  await app.register(httpProxy, {
    prefix: resource.path,
    upstream: target.origin,
    rewritePrefix: target.basePath,
    httpMethods: methods,
    undici: backend,
    disableRequestLogging: true,
    internalRewriteLocationHeader: false,
    handler: (request, reply) => forward(request, reply),
  });

  function forward(request: FastifyRequest, reply: FastifyReply): void {
    const mapped = upstreamPath(resource, request.raw.url ?? '');
    const { principal } = request;
    if ('refusal' in mapped || principal === undefined)
      throw new Error('a request came through without its checks');
    const passage = new Passage(principal, reply);
    passage.openIn(options.openRequests);
    const upstream: UpstreamRequest = {
      signal: passage.signal,
      onHeaders: (headers) =>
        sessions && giveSession(sessions, principal, request.raw, headers['mcp-session-id']),
    };
    const call = options.observe?.(request.method);
    if (call !== undefined) whenOver(reply.raw, call.left);
    const forwarding = { principal, clientAddress: request.ip, publicOrigin, targetHost };
    const returning = {
      vary: [reply.getHeader('vary') ?? []].flat().join(', '),
      publicLocation: (location: string) =>
        publicLocation(location, { resource, publicOrigin, upstreamPath: mapped.path }),
    };
    request.body = bodies.get(request) ?? detachedBody(request.raw);
    reply.from(mapped.path, {
      // A GET answered 503 would be repeated ten times. Whether to try again is for the client to say.
      retryDelay: () => null,
      rewriteRequestHeaders: () => ({
        ...forwardedHeaders(request.raw.rawHeaders, forwarding),
        ...call?.headers,
        [upstreamRequest]: upstream,
      }),
      rewriteHeaders: (headers) => returnedHeaders(headers, returning),
      onResponse: (_request, _reply, answer) => {
        call?.answered(reply.raw.statusCode);
        passage.answerBegins(answer.stream);
        sendAnswer(reply, answer.stream, keepAliveMs);
      },
      onError: (_reply, { error }) => {
        call?.failed();
        passage.answerBegins();
        sendFailure(reply, error);
      },
    });
  }
}
