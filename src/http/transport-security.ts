/** What follows from a public https address (OAuth 2.1 §1.5). */
import type { FastifyInstance } from 'fastify';
import type { Services } from '../flows/services.ts';

/** Browsers are told to stay on https for a year; the operator is told when callers cannot be told apart. */
export function registerTransportSecurity(
  app: FastifyInstance,
  { config, log }: Pick<Services, 'config' | 'log'>,
): void {
  if (!config.baseUrl.startsWith('https:')) return;
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('strict-transport-security', 'max-age=31536000');
    done();
  });
  if (config.trustProxy.length === 0) {
    log.warn(
      'BASE_URL is https but TRUST_PROXY is empty: all callers seem to come from the proxy in front, and share one rate limit. Set TRUST_PROXY to its address',
    );
  }
}
