/**
 * How this program talks to an identity provider: over TLS, within a time and a size, and only to the address asked
 * for. A provider's metadata names further addresses, so every request passes here (protection against SSRF).
 */
import { ProviderUnavailableError } from './identity-provider.ts';

export interface FetchInit {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Exclude<RequestInit['body'], undefined>;
  /** A limit besides that on one request. */
  readonly signal?: AbortSignal;
}

/**
 * Resolves with any status, redirects included, and with the whole body read.
 * @throws ProviderUnavailableError when there is no complete answer
 */
export type BoundedFetch = (url: string, init?: FetchInit) => Promise<Response>;

export interface FetchLimits {
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Whether http and loopback addresses may be asked: true for a provider that is itself on loopback. */
  readonly allowsLoopback: boolean;
}

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

export function isLoopback(url: URL): boolean {
  return loopbackHosts.has(url.hostname) || url.hostname.endsWith('.localhost');
}

/** RFC 6749 §3.1, §3.2: TLS everywhere; loopback only beside a provider on loopback. */
export function isAllowedAddress(url: URL, allowsLoopback: boolean): boolean {
  if (isLoopback(url)) return allowsLoopback && /^https?:$/.test(url.protocol);
  return url.protocol === 'https:';
}

export function createBoundedFetch(limits: FetchLimits): BoundedFetch {
  return async (address, { signal, ...init } = {}) => {
    const url = new URL(address);
    if (!isAllowedAddress(url, limits.allowsLoopback)) {
      throw new ProviderUnavailableError(
        `${url.origin} may not be asked: identity providers are reached over https`,
      );
    }
    // A timer of our own: on Node 20 the sources of AbortSignal.any() may be collected before they have fired.
    const controller = new AbortController();
    const timer = setTimeout(
      () => controller.abort(new DOMException('it took too long', 'TimeoutError')),
      limits.timeoutMs,
    ).unref();
    const giveUp = (): void => controller.abort(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    if (signal?.aborted === true) giveUp();
    try {
      const response = await limits.fetch(url.href, {
        ...init,
        headers: { ...init.headers, 'user-agent': 'mcp-oauth-proxy' },
        redirect: 'manual',
        signal: controller.signal,
      });
      return await readWhole(response, limits.maxBytes);
    } catch (cause) {
      throw new ProviderUnavailableError(`${url.host} gave no usable answer: ${describe(cause)}`, { cause });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
    }
  };
}

class BodyTooLargeError extends Error {}

const nullBodyStatuses = new Set([204, 205, 304]);

/** The response with its body in memory, and without headers that no longer describe it. */
async function readWhole(response: Response, maxBytes: number): Promise<Response> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new BodyTooLargeError(`more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const headers = new Headers(response.headers);
  for (const name of ['content-encoding', 'content-length', 'transfer-encoding']) headers.delete(name);
  // openid-client prefers a challenge to the error in the body, which says more (RFC 6749 §5.2).
  headers.delete('www-authenticate');
  const body = nullBodyStatuses.has(response.status) ? null : Buffer.concat(chunks);
  return new Response(body, { status: response.status, headers });
}

/** A few words of our own: what the other side sent is in the cause at most. */
function describe(error: unknown): string {
  if (error instanceof BodyTooLargeError) return error.message;
  if (error instanceof DOMException) return 'it took too long';
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code)) return code;
  }
  return 'the connection failed';
}
