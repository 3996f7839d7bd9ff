/** Counts, times and traces requests. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isStandingStream } from '../proxy/event-stream.ts';
import { whenOver } from '../proxy/when-over.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { OpenSpan, Tracing } from '../telemetry/tracing.ts';
import { nameOfRoute, routeName } from './route-name.ts';

/** Before other hooks, so that what they refuse is counted and what they log belongs to the trace. */
export function registerRequestTelemetry(app: FastifyInstance, telemetry: Telemetry | undefined): void {
  if (telemetry?.metrics !== undefined) registerMetrics(app, telemetry.metrics);
  if (telemetry?.tracing !== undefined) registerTraces(app, telemetry.tracing);
}

function registerMetrics(app: FastifyInstance, { requests, streams }: Metrics): void {
  app.addHook('onRequest', (request, reply, done) => {
    const startedAt = performance.now();
    whenOver(reply.raw, () => {
      const seconds = (performance.now() - startedAt) / 1000;
      if (isStandingStream(reply.raw)) streams.observe(seconds);
      else requests.observe({ route: routeName(request), status: statusClass(reply) }, seconds);
    });
    done();
  });
}

/** `5xx`, or `left` when the client did not wait for the end of its answer. */
function statusClass({ raw }: FastifyReply): string {
  return raw.writableEnded ? `${Math.floor(raw.statusCode / 100)}xx` : 'left';
}

/** The name and the pattern of the route, method and status: nothing that the request says by itself. */
function registerTraces(app: FastifyInstance, tracing: Tracing): void {
  const spans = new WeakMap<FastifyRequest, OpenSpan>();
  app.addHook('onRequest', (request, reply, done) => {
    const { method, headers, routeOptions, id } = request;
    const route = nameOfRoute(routeOptions.url);
    const span = tracing.startRequest(`${method} ${route}`, headers, {
      'http.request.method': method,
      'http.route': routeOptions.url ?? '',
      'mcp_oauth_proxy.request_id': id,
    });
    if (span === undefined) return done();
    spans.set(request, span);
    whenOver(reply.raw, () => {
      const { statusCode, writableEnded } = reply.raw;
      span.set({ 'http.response.status_code': statusCode });
      if (statusCode >= 500) span.end(String(statusCode));
      else span.end(writableEnded ? undefined : 'left');
    });
    span.run(done);
  });
  // Reading a body, and writing an answer, go on where the connection began.
  for (const hook of ['preValidation', 'onResponse'] as const) {
    app.addHook(hook, (request: FastifyRequest, _reply: FastifyReply, done: () => void) => {
      const span = spans.get(request);
      if (span === undefined) done();
      else span.run(done);
    });
  }
}
