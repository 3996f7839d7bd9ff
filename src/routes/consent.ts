/** `POST /consent`: the person's answer to the consent page. */
import formbody from '@fastify/formbody';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { decideConsent } from '../flows/decide-consent.ts';
import type { Services } from '../flows/services.ts';
import type { BrowserCookies } from '../http/browser-cookies.ts';
import { servicesFor } from '../http/caller.ts';
import { refuseOtherMethods } from '../http/methods.ts';
import { oauthRateLimit } from '../http/rate-limits.ts';
import { isFromOwnPage } from '../http/same-origin.ts';
import { AuthorizationError, PageError } from '../protocol/errors.ts';

/** With several providers, an approval names the one to sign in with: `approve:google`. */
const decisionForm = z.object({
  request_id: z.string().max(100),
  other_machine: z.literal('yes').optional(),
  decision: z.union([
    z.literal('deny').transform(() => ({ decision: 'deny' as const, providerId: undefined })),
    z
      .string()
      .regex(/^approve(:[a-z]{1,20})?$/)
      .transform((value) => ({ decision: 'approve' as const, providerId: value.split(':')[1] })),
  ]),
});

export async function consentRoute(
  app: FastifyInstance,
  { services, cookies }: { readonly services: Services; readonly cookies: BrowserCookies },
): Promise<void> {
  app.removeAllContentTypeParsers();
  await app.register(formbody, { bodyLimit: 4096 });

  app.post('/consent', { config: oauthRateLimit(services) }, async (request, reply) => {
    if (!isFromOwnPage(request.headers, services.config.baseUrl)) {
      throw new PageError('forbidden_origin', {
        status: 403,
        reason: 'the form came from another site',
        description: 'The form was sent from another website',
      });
    }
    const form = decisionForm.safeParse(request.body);
    if (!form.success) {
      throw new PageError('invalid_request', {
        reason: 'request_id or decision is missing, or something is repeated or unknown',
        description: 'request_id and decision are required, once',
      });
    }
    const { request_id: requestId, decision: decided, other_machine: otherMachine } = form.data;
    const consentSecret = cookies.read(request, 'consent', requestId);
    // A click that was sent before this answer arrived still has the cookie, one that is sent again later has not.
    const clearCookie = (): void => cookies.clear(reply, 'consent', requestId);
    const signIn = await decideConsent(servicesFor(services, request), {
      requestId,
      consentSecret,
      ...decided,
      isCopied: otherMachine !== undefined,
      signInSecretOf: (state) => cookies.read(request, 'signin', state),
    }).catch((error: unknown) => {
      if (error instanceof AuthorizationError) clearCookie();
      throw error;
    });
    clearCookie();
    cookies.set(reply, 'signin', signIn.state, signIn.signInSecret);
    return reply.header('cache-control', 'no-store').redirect(signIn.location, 303);
  });
  refuseOtherMethods(app, '/consent', ['POST']);
}
