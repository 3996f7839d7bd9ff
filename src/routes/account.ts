/** `/account`: what a person has let in. Signed out, how to get to see it. */
import type { FastifyInstance } from 'fastify';
import { findOpenAccount } from '../flows/account-session.ts';
import { listConnections } from '../flows/list-connections.ts';
import type { Services } from '../flows/services.ts';
import type { BrowserCookies } from '../http/browser-cookies.ts';
import { refuseOtherMethods } from '../http/methods.ts';
import { oauthRateLimit } from '../http/rate-limits.ts';
import { sendPage } from '../http/send-page.ts';
import { accountPage } from '../pages/account-page.ts';
import { accountSignInPage } from '../pages/account-sign-in-page.ts';
import { accountProps, accountSignInProps } from './account-props.ts';

export async function accountRoute(
  app: FastifyInstance,
  { services, cookies }: { readonly services: Services; readonly cookies: BrowserCookies },
): Promise<void> {
  app.get('/account', { config: oauthRateLimit(services) }, async (request, reply) => {
    const account = await findOpenAccount(services, cookies.readAccount(request));
    if (account === undefined) {
      const props = accountSignInProps(services, cookies.readLastProvider(request));
      return sendPage(services, reply, 200, (view) => accountSignInPage(props, view));
    }
    const props = accountProps(services, account, await listConnections(services, account));
    return sendPage(services, reply, 200, (view) => accountPage(props, view));
  });
  refuseOtherMethods(app, '/account', ['GET']);
}
