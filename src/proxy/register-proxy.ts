/** Lets authenticated requests for a resource through to its MCP server. */
import { METHODS } from 'node:http';
import httpProxy from '@fastify/http-proxy';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { McpSessions } from '../flows/mcp-sessions.ts';
import type { OpenRequests } from '../flows/open-requests.ts';
import '../http/principal.ts';
import type { ProxiedResource } from '../protocol/resource.ts';
import { bodyInspector, type InspectedBody, type Inspection } from './inspected-body.ts';
import { type ObservedCall, Passage, type PassageContext } from './passage.ts';
import { findRefusal, sendRefusal } from './refusal.ts';
import { collect, contentLength, maxCollectedBytes } from './request-body.ts';
import { requestHead } from './request-head.ts';
import { returnedHeaders } from './returned-headers.ts';
import { giveSession, sessionGuard } from './session-guard.ts';
import { publicLocation, upstreamPath } from './target.ts';
import { whyUnusable } from './unusable-answer.ts';
import { valuesOf } from './upstream/answer-head.ts';
import { Pool } from './upstream/pool.ts';

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
  /** How many connections to the MCP server may be open. Requests beyond them are refused at once. Default: 16,384 */
  readonly maxConnections?: number | undefined;
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
  const place = { publicOrigin, targetHost: new URL(target.origin).host };
  const pool = new Pool({
    origin: target.origin,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    maxConnections: options.maxConnections ?? 16_384,
  });
  const context: PassageContext = {
    pool,
    openRequests: options.openRequests,
    keepAliveMs,
    whyUnusable: (head, path) => whyUnusable(head, path, target),
    remember: ({ rawHeaders }, { request: { raw, principal } }) =>
      sessions && principal && rawHeaders.includes('mcp-session-id')
        ? giveSession(sessions, principal, raw, valuesOf(rawHeaders, 'mcp-session-id'))
        : undefined,
    headersFor: ({ rawHeaders }, reply, path) =>
      returnedHeaders(rawHeaders, {
        ours: reply.getHeaders(),
        publicLocation: (location) =>
          publicLocation(location, { resource, publicOrigin, upstreamPath: path }),
      }),
  };

  app.addHook('onRequest', (request) => options.authenticate(request));
  app.addHook('onRequest', (request, reply, done) => {
    const refusal = findRefusal(request, resource);
    if (refusal === undefined) done();
    else sendRefusal(reply, refusal);
  });
  if (sessions !== undefined) app.addHook('onRequest', sessionGuard(sessions));
  // Before Fastify looks at the body: media types, sizes and what is well-formed are for the MCP server to judge.
  app.addHook('onRequest', options.inspection === undefined ? forwardHook : inspectHook(options.inspection));
  app.addHook('onClose', async () => pool.close());

  for (const method of methods) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
  }

  await app.register(httpProxy, {
    prefix: resource.path,
    upstream: target.origin,
    rewritePrefix: target.basePath,
    httpMethods: methods,
    // Every request has been sent on by the hook before: what moves bytes is ours (docs/decisions/0029-byte-mover.md).
    handler: () => {
      throw new Error('a request was not sent on');
    },
  });

  /** Never goes on to the handler: from here on the passage answers. */
  function forwardHook(request: FastifyRequest, reply: FastifyReply, _done: () => void): void {
    forward(request, reply);
  }

  function inspectHook(inspection: Inspection) {
    const inspect = bodyInspector(inspection);
    return (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
      const forwarded = inspect(request, reply).then((body) => {
        if (!reply.sent) forward(request, reply, body);
      });
      forwarded.then(undefined, done);
    };
  }

  function forward(request: FastifyRequest, reply: FastifyReply, inspected?: InspectedBody): void {
    const { raw, principal } = request;
    const mapped = upstreamPath(resource, raw.url ?? '');
    if ('refusal' in mapped || principal === undefined)
      throw new Error('a request came through without its checks');
    const path = mapped.path + queryOf(raw.url ?? '');
    const call = options.observe?.(request.method);
    const passage = new Passage(context, principal, { reply, path, call });
    const length = inspected?.content.length ?? contentLength(raw);
    const forwarding = { principal, clientAddress: request.ip, place, instead: call?.headers };
    const head = requestHead(raw, path, length, forwarding);
    if (inspected !== undefined) passage.send(head, inspected);
    else if (length === undefined) {
      passage.send(head);
      // Content of a GET is nobody's: but as long as it is not read, nobody hears that the client leaves.
      raw.resume();
    } else if (length === 'chunked' || length > maxCollectedBytes) passage.stream(head, length === 'chunked');
    else collect(raw, length, (content) => passage.send(head, { content }));
  }
}

function queryOf(requestTarget: string): string {
  const start = requestTarget.indexOf('?');
  return start === -1 ? '' : requestTarget.slice(start);
}
