/** The forms of `/account`: signing in and out, and ending connections. Each leads back there, by 303. */
import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isSameHash, hashSecret } from '../crypto/secrets.ts';
import { closeAccount, findOpenAccount, type OpenAccount } from '../flows/account-session.ts';
import { beginAccountSignIn } from '../flows/begin-account-sign-in.ts';
import { endConnections } from '../flows/end-connections.ts';
import type { Services } from '../flows/services.ts';
import type { BrowserCookies } from '../http/browser-cookies.ts';
import { servicesFor } from '../http/caller.ts';
import { refuseOtherMethods } from '../http/methods.ts';
import { oauthRateLimit } from '../http/rate-limits.ts';
import { isFromOwnPage } from '../http/same-origin.ts';
import { PageError } from '../protocol/errors.ts';

const formToken = z.string().max(100);
const signInForm = z.object({
  provider: z
    .string()
    .regex(/^[a-z]{1,20}$/)
    .optional(),
  choose_account: z.literal('yes').optional(),
});
const signOutForm = z.object({ form_token: formToken });
/** One thing to end: a connection, an app with all its connections, or everything. */
const endForm = z.union([
  z
    .strictObject({ form_token: formToken, connection: z.uuid() })
    .transform((form) => ({ formToken: form.form_token, choice: { grantId: form.connection } })),
  z
    .strictObject({ form_token: formToken, app: z.string().min(1).max(2048) })
    .transform((form) => ({ formToken: form.form_token, choice: { clientId: form.app } })),
  z
    .strictObject({ form_token: formToken, everything: z.literal('yes') })
    .transform((form) => ({ formToken: form.form_token, choice: 'all' as const })),
]);

export async function accountFormRoutes(
  app: FastifyInstance,
  { services, cookies }: { readonly services: Services; readonly cookies: BrowserCookies },
): Promise<void> {
  app.removeAllContentTypeParsers();
  await app.register(formbody, { bodyLimit: 8192 });
  const config = oauthRateLimit(services);
  const backToAccount = (reply: FastifyReply): FastifyReply =>
    reply.header('cache-control', 'no-store').redirect('/account', 303);
  app.addHook('onRequest', async (request) => {
    if (!isFromOwnPage(request.headers, services.config.baseUrl))
      throw forged('the form came from another site');
  });
  const openAccount = async (request: FastifyRequest, token: string): Promise<OpenAccount | undefined> => {
    const account = await findOpenAccount(services, cookies.readAccount(request));
    if (account !== undefined && !isSameHash(hashSecret(token), hashSecret(account.formToken)))
      throw forged('the form has no token of this session');
    return account;
  };

  app.post('/account/sign-in', { config }, async (request, reply) => {
    const form = readForm(signInForm, request.body);
    const signIn = await beginAccountSignIn(services, {
      providerId: form.provider,
      choosesAccount: form.choose_account === 'yes',
    });
    cookies.set(reply, 'accountsignin', signIn.state, signIn.signInSecret);
    return reply.header('cache-control', 'no-store').redirect(signIn.location, 303);
  });
  app.post('/account/end', { config }, async (request, reply) => {
    const form = readForm(endForm, request.body);
    const account = await openAccount(request, form.formToken);
    if (account === undefined) throw signedOut();
    await endConnections(servicesFor(services, request), account, form.choice);
    return backToAccount(reply);
  });
  app.post('/account/sign-out', { config }, async (request, reply) => {
    const form = readForm(signOutForm, request.body);
    const account = await openAccount(request, form.form_token);
    if (account !== undefined) await closeAccount(services, account);
    cookies.clearAccount(reply);
    return backToAccount(reply);
  });
  for (const form of ['sign-in', 'end', 'sign-out']) refuseOtherMethods(app, `/account/${form}`, ['POST']);
}

function readForm<T>(schema: z.ZodType<T>, body: unknown): T {
  const form = schema.safeParse(body ?? {});
  if (form.success) return form.data;
  throw new PageError('account_form', {
    reason: 'a field is missing, repeated or unknown',
    description: 'The form is not complete',
    isOfAccount: true,
  });
}

function forged(reason: string): PageError {
  return new PageError('account_form', {
    status: 403,
    reason,
    description: 'The form was not sent by the page that it belongs to',
    isOfAccount: true,
  });
}

/** Nothing was done: the page that the person came from was open for longer than the session lasts. */
function signedOut(): PageError {
  return new PageError('account_signed_out', {
    status: 403,
    reason: 'no session at /account',
    description: 'You are not signed in any more, and nothing was changed',
    isOfAccount: true,
  });
}
