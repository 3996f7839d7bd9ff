/** Refuses requests that a browser was tricked into sending to a local server (DNS rebinding). */
import type { FastifyInstance } from 'fastify';
import { isLoopbackHost } from '../config-schema.ts';

/**
 * A server whose public address is loopback has no other name: a request for another host gets 421 (RFC 9110
 * §15.5.20). Behind a public name the host is checked by what stands in front, and nothing here is derived from it.
 */
export function registerHostCheck(app: FastifyInstance, baseUrl: string): void {
  if (!isLoopbackHost(new URL(baseUrl).hostname)) return;
  /** A client asks for the same host again and again. */
  let lastAccepted: string | undefined;
  app.addHook('onRequest', (request, reply, done) => {
    const { host = '' } = request.headers;
    if (host === lastAccepted) return done();
    const authority = `http://${host}`;
    if (URL.canParse(authority) && isLoopbackHost(new URL(authority).hostname)) {
      lastAccepted = host;
      return done();
    }
    void reply.code(421).send({
      error: 'invalid_request',
      error_description: 'This server answers to localhost only. Set BASE_URL to its public address.',
    });
  });
}
