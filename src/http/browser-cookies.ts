/** The cookies that people's browsers get: one a step of a sign-in, two that know what was chosen before, one for `/account`. */
import { createHash } from 'node:crypto';
import type { CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { createNonce } from '../crypto/secrets.ts';
import { lifetimes } from '../flows/lifetimes.ts';

/** Browsers keep no cookie longer (RFC 6265bis §5.5). */
const browserMaxAgeSeconds = 400 * 86_400;

/** The steps that only the browser that took the one before may take: to decide, and to come back from the provider. */
const steps = {
  consent: { maxAge: lifetimes.consentMs / 1000 },
  signin: { maxAge: lifetimes.signInMs / 1000 },
  /** Like `signin`, of a sign-in that authorizes no client: the answer to one is never taken for the other's. */
  accountsignin: { maxAge: lifetimes.signInMs / 1000 },
} as const;

export interface BrowserCookies {
  /** The browser's id, made and set if it has none yet. Remembered consent hangs on it. */
  ensureBrowserId(request: FastifyRequest, reply: FastifyReply): string;
  readBrowserId(request: FastifyRequest): string | undefined;
  /** The provider that was last signed in with: where there is a choice, it is offered first. */
  readLastProvider(request: FastifyRequest): string | undefined;
  rememberLastProvider(reply: FastifyReply, providerId: string): void;
  forgetLastProvider(reply: FastifyReply): void;
  /** The session at `/account`. Lax, since the page is reached by the way back from the provider; forms need more. */
  setAccount(reply: FastifyReply, sessionSecret: string): void;
  readAccount(request: FastifyRequest): string | undefined;
  clearAccount(reply: FastifyReply): void;
  /**
   * Each step of each request has a cookie of its own, named after `id`: two tabs do not disturb each other. That of
   * the sign-in is set in the answer to the approval, not before (MCP security best practices).
   */
  set(reply: FastifyReply, step: keyof typeof steps, id: string, secret: string): void;
  read(request: FastifyRequest, step: keyof typeof steps, id: string): string | undefined;
  clear(reply: FastifyReply, step: keyof typeof steps, id: string): void;
}

/**
 * `__Host-` cookies over https (RFC 6265bis §4.1.3.2); on a local http server names of its own, since cookies are
 * shared between the ports of a host.
 */
export function createBrowserCookies(baseUrl: string): BrowserCookies {
  const isSecure = baseUrl.startsWith('https:');
  const prefix = `${isSecure ? '__Host-' : ''}mop-${digest(baseUrl)}`;
  const options: CookieSerializeOptions = { httpOnly: true, sameSite: 'lax', path: '/', secure: isSecure };
  const browserName = `${prefix}-browser`;
  const providerName = `${prefix}-provider`;
  const accountName = `${prefix}-account`;
  const nameOf = (step: keyof typeof steps, id: string): string => `${prefix}-${step}-${digest(id)}`;

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
    readLastProvider: (request) => /^[a-z]{1,20}$/.exec(request.cookies[providerName] ?? '')?.[0],
    rememberLastProvider(reply, providerId) {
      reply.setCookie(providerName, providerId, { ...options, maxAge: browserMaxAgeSeconds });
    },
    forgetLastProvider(reply) {
      reply.clearCookie(providerName, options);
    },
    setAccount(reply, sessionSecret) {
      reply.setCookie(accountName, sessionSecret, { ...options, maxAge: lifetimes.accountSessionMs / 1000 });
    },
    readAccount: (request) => readNonce(request.cookies[accountName]),
    clearAccount(reply) {
      reply.clearCookie(accountName, options);
    },
    set(reply, step, id, secret) {
      reply.setCookie(nameOf(step, id), secret, { ...options, ...steps[step] });
    },
    read: (request, step, id) => readNonce(request.cookies[nameOf(step, id)]),
    clear(reply, step, id) {
      reply.clearCookie(nameOf(step, id), options);
    },
  };
}

function readNonce(value: string | undefined): string | undefined {
  return value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined;
}

/** Short: a browser may hold many of these, and sends them all. */
function digest(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 10);
}
