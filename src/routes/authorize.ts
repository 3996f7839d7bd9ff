/** `/authorize`: where a client sends the person (OAuth 2.1 §3.1). GET, and POST with the same parameters. */
import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Services } from '../flows/services.ts';
import { startAuthorization } from '../flows/start-authorization.ts';
import type { BrowserCookies } from '../http/browser-cookies.ts';
import { servicesFor } from '../http/caller.ts';
import { refuseOtherMethods } from '../http/methods.ts';
import { oauthRateLimit } from '../http/rate-limits.ts';
import { sendPage } from '../http/send-page.ts';
import { consentPage } from '../pages/consent-page.ts';
import { type RawParameters, readParameters } from '../protocol/parameters.ts';
import { consentProps } from './consent-props.ts';

export async function authorizeRoute(
  app: FastifyInstance,
  { services, cookies }: { readonly services: Services; readonly cookies: BrowserCookies },
): Promise<void> {
  app.removeAllContentTypeParsers();
  await app.register(formbody, { bodyLimit: 16_384 });
  const config = oauthRateLimit(services);

  const authorize = async (parameters: RawParameters, request: FastifyRequest, reply: FastifyReply) => {
    const browserId = cookies.readBrowserId(request);
    const lastProviderId = cookies.readLastProvider(request);
    const step = await startAuthorization(servicesFor(services, request), {
      parameters,
      browserId,
      lastProviderId,
    });
    if (step.step === 'consent') {
      cookies.set(reply, 'consent', step.requestId, step.consentSecret);
      const browser = { lastProviderId, isKnown: browserId !== undefined };
      const props = consentProps(services, step, browser);
      return sendPage(services, reply, 200, (view) => consentPage(props, view));
    }
    cookies.set(reply, 'signin', step.state, step.signInSecret);
    return reply.header('cache-control', 'no-store').redirect(step.location, 303);
  };
  app.get('/authorize', { config }, async (request, reply) =>
    authorize(readParameters(request.query), request, reply),
  );
  app.post('/authorize', { config }, async (request, reply) =>
    authorize(readParameters(request.body), request, reply),
  );
  refuseOtherMethods(app, '/authorize', ['GET', 'POST']);
}
