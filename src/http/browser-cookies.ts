/** The two cookies that people's browsers get: which browser it is, and which sign-in it was sent on. */
import { createHash } from 'node:crypto';
import type { CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { createNonce } from '../crypto/secrets.ts';
import { lifetimes } from '../flows/lifetimes.ts';

/** Browsers keep no cookie longer (RFC 6265bis §5.5). */
const browserMaxAgeSeconds = 400 * 86_400;

export interface BrowserCookies {
  /** The browser's id, made and set if it has none yet. */
  ensureBrowserId(request: FastifyRequest, reply: FastifyReply): string;
  readBrowserId(request: FastifyRequest): string | undefined;
  /** Set in the answer to the approval, immediately before the redirect to the provider (MCP security best practices). */
  setSignIn(reply: FastifyReply, state: string, secret: string): void;
  readSignIn(request: FastifyRequest, state: string): string | undefined;
  clearSignIn(reply: FastifyReply, state: string): void;
}

/**
 * `__Host-` cookies over https (RFC 6265bis §4.1.3.2); on a local http server names of its own, since cookies are
 * shared between the ports of a host. Each sign-in has its own cookie, so that two tabs do not disturb each other.
 */
export function createBrowserCookies(baseUrl: string): BrowserCookies {
  const isSecure = baseUrl.startsWith('https:');
  const prefix = `${isSecure ? '__Host-' : ''}mop-${digest(baseUrl)}`;
  const options: CookieSerializeOptions = { httpOnly: true, sameSite: 'lax', path: '/', secure: isSecure };
  const browserName = `${prefix}-browser`;
  const signInName = (state: string): string => `${prefix}-signin-${digest(state)}`;

  const readBrowserId = (request: FastifyRequest): string | undefined =>
    readNonce(request.cookies[browserName]);
  return {
    readBrowserId,
    ensureBrowserId(request, reply) {
      const known = readBrowserId(request);
      if (known !== undefined) return known;
      const browserId = createNonce();
      reply.setCookie(browserName, browserId, { ...options, maxAge: browserMaxAgeSeconds });
      return browserId;
    },
    setSignIn(reply, state, secret) {
      reply.setCookie(signInName(state), secret, { ...options, maxAge: lifetimes.signInMs / 1000 });
    },
    readSignIn: (request, state) => readNonce(request.cookies[signInName(state)]),
    clearSignIn(reply, state) {
      reply.clearCookie(signInName(state), options);
    },
  };
}

function readNonce(value: string | undefined): string | undefined {
  return value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined;
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 12);
}
