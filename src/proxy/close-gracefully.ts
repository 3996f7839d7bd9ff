/** How the server stops: answers that are being sent may finish, but nothing holds it up for ever. */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { DenseSet, type Member } from '../flows/dense-set.ts';
import { isStandingStream } from './event-stream.ts';
import { whenOver } from './when-over.ts';

/**
 * Makes `app.close()` end within `graceMs`; call it before registering routes.
 *
 * What has no end of its own is ended first: a GET's event stream is a standing offer of messages, and its client
 * opens a new one elsewhere. Other answers may finish, and are cut off after `graceMs`, so that nobody takes a part
 * for the whole (RFC 9112 §8). Meanwhile Fastify answers new requests 503. Left to itself, Node would wait for
 * clients to give up connections that they keep, or have opened and never used.
 */
export function closeGracefully(app: FastifyInstance, graceMs: number): void {
  const open = new DenseSet<ServerResponse & Member>();
  let onceEmpty = (): void => undefined;

  const forget = (response: ServerResponse & Member): void => {
    open.delete(response);
    if (open.size === 0) onceEmpty();
  };

  app.addHook('onRequest', (_request, { raw: response }, done) => {
    open.add(response);
    whenOver(response, forget);
    done();
  });

  app.addHook('preClose', async () => {
    for (const response of open.members) if (isStandingStream(response)) response.end();
    await new Promise<void>((resolve) => {
      onceEmpty = resolve;
      setTimeout(resolve, open.size === 0 ? 0 : graceMs).unref();
    });
    for (const response of open.members) response.destroy();
    app.server.closeAllConnections();
  });
}
