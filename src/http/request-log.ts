/** One log line a request, and the request id that people can quote. */
import type { FastifyInstance } from 'fastify';

/**
 * Probes and MCP calls are many: they are logged at `debug`, if anybody reads that. The path is logged without its query
 * string.
 */
export function registerRequestLog(app: FastifyInstance, logsEverything: boolean): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const isFrequent =
      path.startsWith('/health') || (request.principal !== undefined && reply.statusCode < 400);
    if (isFrequent && !logsEverything) return done();
    request.log[isFrequent ? 'debug' : 'info'](
      {
        method: request.method,
        path,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        ...(request.principal === undefined ? {} : { clientId: request.principal.clientId }),
      },
      'request',
    );
    done();
  });
}
