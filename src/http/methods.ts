/** Answers the methods that an endpoint does not have (RFC 9110 §15.5.6). */
import type { FastifyInstance } from 'fastify';

const all = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Every other method at `path` gets 405 with `Allow`, as JSON, before any body is read. */
export function refuseOtherMethods(
  app: FastifyInstance,
  path: string,
  allowed: readonly (typeof all)[number][],
): void {
  app.route({
    method: all.filter((method) => !allowed.includes(method)),
    url: path,
    onRequest: async (_request, reply) =>
      reply
        .code(405)
        .header('cache-control', 'no-store')
        .header(
          'allow',
          allowed.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', '),
        )
        .send({ error: 'invalid_request', error_description: `use ${allowed.join(' or ')}` }),
    handler: async () => undefined,
  });
}
