/** `/callback`: where the identity provider sends the person back to. */
import type { FastifyInstance } from 'fastify';
import { callbackUrl } from '../flows/begin-sign-in.ts';
import { completeSignIn } from '../flows/complete-sign-in.ts';
import type { Services } from '../flows/services.ts';
import type { BrowserCookies } from '../http/browser-cookies.ts';
import { refuseOtherMethods } from '../http/methods.ts';
import { oauthRateLimit } from '../http/rate-limits.ts';
import { PageError } from '../protocol/errors.ts';
import { readParameters } from '../protocol/parameters.ts';

export async function callbackRoute(
  app: FastifyInstance,
  { services, cookies }: { readonly services: Services; readonly cookies: BrowserCookies },
): Promise<void> {
  app.get('/callback', { config: oauthRateLimit(services) }, async (request, reply) => {
    const { state } = readParameters(request.query);
    if (typeof state !== 'string' || state === '') {
      throw new PageError('invalid_request', {
        reason: 'state is missing or repeated',
        description: 'The answer of the identity provider has no state',
      });
    }
    const { location } = await completeSignIn(services, {
      returnedUrl: answerUrl(services.config.baseUrl, request.url),
      state,
      signInSecret: cookies.read(request, 'signin', state),
      browserId: cookies.ensureBrowserId(request, reply),
    });
    cookies.clear(reply, 'signin', state);
    return reply.header('cache-control', 'no-store').redirect(location, 303);
  });
  refuseOtherMethods(app, '/callback', ['GET']);
}

/** The answer at the address that the provider was given; a request target may name any host (RFC 9112 §3.2.2). */
function answerUrl(baseUrl: string, requestTarget: string): URL {
  const query = requestTarget.indexOf('?');
  return new URL(callbackUrl(baseUrl) + (query === -1 ? '' : requestTarget.slice(query)));
}
