/** The one thing that a request carries from hook to handler: who is calling. */
import type { Principal } from '../protocol/principal.ts';

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | undefined;
  }
}
