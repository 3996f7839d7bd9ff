/** A fetch that remembers what went over the wire, to tell a person about it. */
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';

export interface Exchange {
  readonly method: string;
  readonly url: URL;
  /** Of the request: a form, or the members of a JSON body. */
  readonly sent: Readonly<Record<string, unknown>>;
  readonly status: number;
  readonly headers: Headers;
  /** Of the answer: the members of a JSON body, where it has one. */
  readonly received: Readonly<Record<string, unknown>>;
}

export interface RecordedFetch {
  readonly fetch: FetchLike;
  readonly exchanges: readonly Exchange[];
}

/** @throws UnreachableError from its `fetch`, when there is no answer at all */
export function createRecordedFetch(answerTimeoutMs: number): RecordedFetch {
  const exchanges: Exchange[] = [];
  return {
    exchanges,
    async fetch(input, init = {}) {
      const url = new URL(input);
      const method = init.method ?? 'GET';
      const response = await fetchInTime(url, init, answerTimeoutMs);
      const isJson = response.headers.get('content-type')?.includes('json') ?? false;
      exchanges.push({
        method,
        url,
        sent: readSent(init.body),
        status: response.status,
        headers: response.headers,
        received: isJson ? readMembers(await response.clone().text()) : {},
      });
      return response;
    },
  };
}

/** Nothing answers at an address. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** The time is for the answer to begin: an event stream may then go on as long as it likes. */
async function fetchInTime(url: URL, init: RequestInit, timeoutMs: number): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  const signal = init.signal ? AbortSignal.any([init.signal, late.signal]) : late.signal;
  try {
    return await fetch(url, { ...init, signal });
  } catch (error) {
    if (init.signal?.aborted === true) throw error;
    const reason = late.signal.aborted ? `no answer within ${timeoutMs / 1000} seconds` : reasonOf(error);
    throw new UnreachableError(`${url.origin} cannot be reached: ${reason}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Node says only "fetch failed"; why is in the causes. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return 'unknown failure';
  if (error.cause !== undefined) return reasonOf(error.cause);
  return 'code' in error && error.code === 'ECONNREFUSED' ? 'nothing listens there' : error.message;
}

function readSent(body: RequestInit['body']): Readonly<Record<string, unknown>> {
  if (body instanceof URLSearchParams) return Object.fromEntries(body);
  return typeof body === 'string' ? readMembers(body) : {};
}

function readMembers(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
