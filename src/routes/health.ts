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
      .send({ status: 'ok', ...providerStates(services.identityProviders) }),
  );

  const { db } = services;
  // One look a second for all who ask, and past those who wait: busy is not dead.
  let lookedAt = 0;
  let look: Promise<readonly ['ready' | 'unavailable', 'ready' | 'unavailable']> | undefined;
  const lookOnce = (): NonNullable<typeof look> => {
    if (look === undefined || performance.now() - lookedAt > 1000) {
      lookedAt = performance.now();
      look = Promise.all([
        check(async () => (db.urgent ?? db).query(sql`select 1`)),
        check(async () => services.keyRing.signingKey()),
      ]);
    }
    return look;
  };

  app.get('/health/ready', async (request, reply) => {
    const [database, keys] = await lookOnce();
    for (const { id, status } of services.identityProviders.all) {
      const now = status();
      if (now.state === 'unavailable')
        request.log.debug({ provider: id, reason: now.reason }, 'identity provider unavailable');
    }
    const providers = providerStates(services.identityProviders);
    const isReady = database === 'ready' && keys === 'ready';
    const status = !isReady ? 'unavailable' : providers.identity_provider === 'ready' ? 'ready' : 'degraded';
    return reply
      .code(isReady ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status, checks: { database, keys, ...providers } });
  });
}

/** Whether all are there; and which of them, where there are several. */
function providerStates({ all }: Services['identityProviders']) {
  const states = all.map(({ id, status }) => [id, status().state] as const);
  const isReady = states.every(([, state]) => state === 'ready');
  return {
    identity_provider: isReady ? ('ready' as const) : ('unavailable' as const),
    ...(states.length > 1 && { identity_providers: Object.fromEntries(states) }),
  };
}

async function check(work: () => Promise<unknown>): Promise<'ready' | 'unavailable'> {
  try {
    await work();
    return 'ready';
  } catch {
    return 'unavailable';
  }
}
