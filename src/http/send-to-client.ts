/** Sends the person back to the client, with the answer to its authorization request. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { lifetimes } from '../flows/lifetimes.ts';
import type { Services } from '../flows/services.ts';
import { handOverPage } from '../pages/hand-over-page.ts';
import { isPrivateUseUri } from '../protocol/redirect-uri.ts';
import { prefersHtml, sendPage } from './send-page.ts';

export interface ClientAnswer {
  /** The redirect URI, checked, with the response parameters. */
  readonly location: string;
  /** Whether it carries an error, and no code. */
  readonly isRefusal: boolean;
  /** Whether the person takes it to the client by hand. */
  readonly isCopied: boolean;
}

/**
 * A redirect, as the protocol has it. A browser that opens an app stays where it was, at the provider, so there it is a
 * page of ours that opens the app; and where the person said that the client is on another machine, a page to copy the
 * answer from. Such a page carries a code: it is the answer to a request that works once, has no address of its own that
 * would show it again, and is neither stored nor framed.
 */
export function sendToClient(
  services: Pick<Services, 'config'>,
  request: FastifyRequest,
  reply: FastifyReply,
  { location, ...answer }: ClientAnswer,
): FastifyReply {
  const opensApp = isPrivateUseUri(location) && isNavigation(request);
  if (!answer.isCopied && !opensApp) {
    return reply.header('cache-control', 'no-store').redirect(location, 303);
  }
  if (opensApp) reply.header('refresh', `0;url=${location}`);
  const minutes = lifetimes.authorizationCodeMs / 60_000;
  return sendPage(services, reply, 200, (view) => handOverPage({ ...answer, location, minutes }, view));
}

/** Whether a browser shows a person what it gets (Fetch Metadata §2.3). Programs follow a redirect. */
function isNavigation(request: FastifyRequest): boolean {
  return request.headers['sec-fetch-mode'] === 'navigate' && prefersHtml(request);
}
