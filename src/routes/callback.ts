/** `/callback`: where the identity provider sends the person back to. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { closeAccount, findOpenAccount } from '../flows/account-session.ts';
import { completeAccountSignIn } from '../flows/complete-account-sign-in.ts';
import { completeSignIn } from '../flows/complete-sign-in.ts';
import type { Services } from '../flows/services.ts';
import type { BrowserCookies } from '../http/browser-cookies.ts';
import { servicesFor } from '../http/caller.ts';
import { refuseOtherMethods } from '../http/methods.ts';
import { oauthRateLimit } from '../http/rate-limits.ts';
import { sendToClient } from '../http/send-to-client.ts';
import { AuthorizationError, PageError } from '../protocol/errors.ts';
import { readParameters } from '../protocol/parameters.ts';

export async function callbackRoute(
  app: FastifyInstance,
  { services, cookies }: { readonly services: Services; readonly cookies: BrowserCookies },
): Promise<void> {
  const hasChoice = services.identityProviders.all.length > 1;
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    const { state } = readParameters(request.query);
    if (typeof state !== 'string' || state === '') {
      throw new PageError('invalid_request', {
        reason: 'state is missing or repeated',
        description: 'The answer of the identity provider has no state',
      });
    }
    const accountSecret = cookies.read(request, 'accountsignin', state);
    if (accountSecret !== undefined) {
      const returnedUrl = answerUrl(services.config.baseUrl, request.url);
      const signIn = { returnedUrl, state, signInSecret: accountSecret };
      const { sessionSecret, providerId } = await completeAccountSignIn(
        servicesFor(services, request),
        signIn,
      );
      cookies.clear(reply, 'accountsignin', state);
      // Who signs in anew in this browser leaves no session behind that signing out would not end.
      const previous = await findOpenAccount(services, cookies.readAccount(request));
      if (previous !== undefined) await closeAccount(services, previous);
      cookies.setAccount(reply, sessionSecret);
      if (hasChoice) cookies.rememberLastProvider(reply, providerId);
      return reply.header('cache-control', 'no-store').redirect('/account', 303);
    }
    const { location, providerId, isCopied } = await completeSignIn(servicesFor(services, request), {
      returnedUrl: answerUrl(services.config.baseUrl, request.url),
      state,
      signInSecret: cookies.read(request, 'signin', state),
      browserId: cookies.ensureBrowserId(request, reply),
    }).catch((error: unknown) => {
      // Whoever was refused, or changed their mind, may choose another provider the next time.
      if (hasChoice && error instanceof AuthorizationError) cookies.forgetLastProvider(reply);
      throw error;
    });
    if (hasChoice) cookies.rememberLastProvider(reply, providerId);
    return sendToClient(services, request, reply, { location, isRefusal: false, isCopied });
  };
  for (const path of ['/callback', '/callback/:provider']) {
    app.get(path, { config: oauthRateLimit(services) }, answer);
    refuseOtherMethods(app, path, ['GET']);
  }
}

/** The answer at our own origin; a request target may name any host (RFC 9112 §3.2.2). */
function answerUrl(baseUrl: string, requestTarget: string): URL {
  const [, path = '', search = ''] = /^(?:[a-z]+:\/\/[^/?]*)?([^?]*)(.*)$/i.exec(requestTarget) ?? [];
  const url = new URL(baseUrl);
  url.pathname = path;
  url.search = search;
  return url;
}
