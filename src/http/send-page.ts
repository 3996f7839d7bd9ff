/** Sends pages to people, with the headers that keep them safe. */
import type { FastifyHelmetOptions } from '@fastify/helmet';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../config.ts';
import type { Services } from '../flows/services.ts';
import { chooseLanguage } from '../pages/choose-language.ts';
import { type Html, renderPage } from '../pages/html.ts';
import { styleHash } from '../pages/layout.ts';
import type { View } from '../pages/view.ts';

/**
 * Nothing is loaded but the operator's logo, nothing may frame a page, no referrer leaves (OAuth 2.1 §7.11). There is no `form-action` on
 * purpose: browsers check it along the whole redirect chain behind a form, so it would stop the way to the identity
 * provider and back to the client.
 */
export function pageHeaders({ baseUrl, brand }: Pick<Config, 'baseUrl' | 'brand'>): FastifyHelmetOptions {
  const isSecure = baseUrl.startsWith('https:');
  return {
    global: false,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: [`'${styleHash(brand)}'`],
        ...(brand.logo !== undefined && { imgSrc: ["'self'"] }),
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
    frameguard: { action: 'deny' },
    crossOriginOpenerPolicy: { policy: 'unsafe-none' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    strictTransportSecurity: isSecure ? { maxAge: 31_536_000, includeSubDomains: false } : false,
  };
}

/**
 * The page in the language that the person's browser asks for. The options are those of the plugin's registration: see
 * {@link pageHeaders}.
 */
export function sendPage(
  { config }: Pick<Services, 'config'>,
  reply: FastifyReply,
  status: number,
  page: (view: View) => Html,
): FastifyReply {
  const language = chooseLanguage(reply.request.headers['accept-language']);
  // Asks helmet for its headers on this one reply.
  reply.helmet();
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .header('content-language', language.tag)
    .header('vary', withFields(reply.getHeader('vary'), ['Accept', 'Accept-Language']))
    .type('text/html; charset=utf-8')
    .send(renderPage(page({ language, brand: config.brand })));
}

/** A `Vary` header with more fields, beside those that are there: cross-origin rules have one too (RFC 9110 §12.5.5). */
function withFields(value: ReturnType<FastifyReply['getHeader']>, fields: readonly string[]): string {
  const present = value === undefined ? [] : String(value).split(/\s*,\s*/);
  return [...present, ...fields].join(', ');
}

/** Whether a person is looking: a browser asks for HTML, a client does not. */
export function prefersHtml(request: FastifyRequest): boolean {
  const accept = request.headers.accept ?? '';
  return /\btext\/html\b/i.test(accept) && !/\btext\/event-stream\b/i.test(accept);
}
