/** `POST /backchannel-logout`: where an OpenID provider says that a session is over (Back-Channel Logout 1.0 §2.5). */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { endProviderSession } from '../flows/end-provider-session.ts';
import type { Services } from '../flows/services.ts';
import { servicesFor } from '../http/caller.ts';
import { refuseOtherMethods } from '../http/methods.ts';
import { serverRateLimit } from '../http/rate-limits.ts';
import { TokenError } from '../protocol/errors.ts';
import { dropEmpty, readParameters, single } from '../protocol/parameters.ts';

const form = z.object({ logout_token: single });

export async function backchannelLogoutRoute(
  app: FastifyInstance,
  { services }: { readonly services: Services },
): Promise<void> {
  app.post('/backchannel-logout', { config: serverRateLimit(services) }, async (request, reply) => {
    const parameters = form.safeParse(dropEmpty(readParameters(request.body)));
    if (!parameters.success) {
      throw new TokenError('invalid_request', {
        reason: 'no logout_token',
        description: 'logout_token is missing, too long, or repeated',
      });
    }
    await endProviderSession(servicesFor(services, request), parameters.data.logout_token);
    return reply.send({});
  });
  refuseOtherMethods(app, '/backchannel-logout', ['POST']);
}
