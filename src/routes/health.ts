/** `/health`: is the process alive? `/health/ready`: can it serve? */
import type { FastifyInstance } from 'fastify';
import type { Services } from '../flows/services.ts';
import { sql } from '../repositories/database.ts';

/**
 * A provider that is away makes nobody unready: people who are signed in go on, and the sign-in page says so. Without
 * the database or a signing key nothing works: 503, so that a load balancer looks elsewhere.
 */
export async function healthRoutes(
  app: FastifyInstance,
  { services }: { readonly services: Services },
): Promise<void> {
  app.get('/health', async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .send({ status: 'ok', identity_provider: services.identityProvider.status().state }),
  );

  // One look a second for all who ask: a probe must not take connections from those who work.
  let lookedAt = 0;
  let look: Promise<readonly ['ready' | 'unavailable', 'ready' | 'unavailable']> | undefined;
  const lookOnce = (): NonNullable<typeof look> => {
    if (look === undefined || performance.now() - lookedAt > 1000) {
      lookedAt = performance.now();
      look = Promise.all([
        check(async () => services.db.query(sql`select 1`)),
        check(async () => services.keyRing.signingKey()),
      ]);
    }
    return look;
  };

  app.get('/health/ready', async (request, reply) => {
    const [database, keys] = await lookOnce();
    const provider = services.identityProvider.status();
    if (provider.state === 'unavailable')
      request.log.debug({ reason: provider.reason }, 'identity provider unavailable');
    const isReady = database === 'ready' && keys === 'ready';
    const status = !isReady ? 'unavailable' : provider.state === 'ready' ? 'ready' : 'degraded';
    return reply
      .code(isReady ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status, checks: { database, keys, identity_provider: provider.state } });
  });
}

async function check(work: () => Promise<unknown>): Promise<'ready' | 'unavailable'> {
  try {
    await work();
    return 'ready';
  } catch {
    return 'unavailable';
  }
}
