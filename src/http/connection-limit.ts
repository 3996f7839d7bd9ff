/** How many connections a process holds, and what is said on those beyond. */
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** For as many more there is an answer: a tenth, and always some. Those beyond are closed without one. */
const spareOf = (max: number): number => Math.max(16, Math.ceil(max / 10));

/**
 * A request on a connection beyond `max` gets 503, and the connection is closed. Health is answered all the same: a load
 * balancer must not take a busy instance for a dead one. Where Fastify listens at `::1` beside 127.0.0.1, only this machine
 * comes that way, and it is not counted.
 */
export function limitConnections(app: FastifyInstance, max: number): void {
  const surplus = new WeakSet<Socket>();
  let open = 0;
  let isFull = false;
  app.server.maxConnections = max + spareOf(max);
  app.server.on('connection', (socket) => {
    open += 1;
    if (open > max) {
      surplus.add(socket);
      if (!isFull) app.log.warn({ connections: max }, 'MAX_CONNECTIONS is reached: more get 503');
      isFull = true;
    }
    socket.once('close', () => {
      open -= 1;
      // Not at each connection that comes and goes.
      if (open < max * 0.9) isFull = false;
    });
  });
  app.addHook('onRequest', (request, reply, done) => {
    if (!isFull || !surplus.has(request.raw.socket) || isHealth(request.routeOptions.url)) return done();
    // Without a line in the log for each: anyone can make as many as they like.
    void reply
      .code(503)
      .headers({ connection: 'close', 'retry-after': 1, 'cache-control': 'no-store' })
      .send({ error: 'temporarily_unavailable', error_description: 'All connections are taken.' });
  });
}

function isHealth(route: string | undefined): boolean {
  return route === '/health' || route === '/health/ready';
}
