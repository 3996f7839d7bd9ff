/** The connections to an MCP server, and which of its answers are failures of the server itself. */
import { Agent, type Dispatcher } from 'undici';
import type { ProxyTarget } from '../protocol/resource.ts';

/** The MCP server answered, but with something that no client of ours may see. The message is for the operator. */
class UnusableAnswerError extends Error {
  override readonly name = 'UnusableAnswerError';
}

/** What is said of a request beside its headers. */
export interface UpstreamRequest {
  /** Ends it when nobody waits for its answer any more. */
  readonly signal: AbortSignal;
  /** Called with the headers of a usable answer; what it returns is waited for before the client sees any of them. */
  readonly onHeaders: (headers: Dispatcher.ResponseData['headers']) => Promise<unknown> | undefined;
}

/** The key under which a request's headers carry it. */
export const upstreamRequest = Symbol('upstream request');

export interface Backend {
  readonly request: Dispatcher['request'];
  close(): Promise<void>;
}

type Callback = (error: Error | null, answer: Dispatcher.ResponseData) => void;

/**
 * What @fastify/reply-from calls instead of an undici agent of its own, for three reasons: its agent does not
 * check TLS certificates unless told to, it has 128 connections, so that the 129th event stream would wait for
 * ever, and nothing can stop a request before its answer begins. Headers are all that it hands on with a request,
 * so whatever else there is to say travels there.
 */
export function openBackend(target: ProxyTarget, connectTimeoutMs: number): Backend {
  const agent = new Agent({
    connect: { timeout: connectTimeoutMs },
    connections: null,
    pipelining: 1,
    // A tool may think, and an event stream may be silent, for as long as they like.
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  function request(options: Dispatcher.RequestOptions, handOn: Callback): void {
    const { [upstreamRequest]: request } = options.headers as {
      readonly [upstreamRequest]?: UpstreamRequest;
    };
    if (request === undefined) throw new TypeError('nothing can stop this request to the MCP server');
    const { signal, onHeaders } = request;
    const fail = (failure: Error, answer: Dispatcher.ResponseData): void => {
      answer.body.on('error', () => undefined).destroy();
      if (!signal.aborted) handOn(failure, answer);
    };
    const handOnAfter = async (pending: Promise<unknown>, answer: Dispatcher.ResponseData): Promise<void> => {
      // Nobody else hears it meanwhile if it breaks off.
      answer.body.on('error', () => undefined);
      try {
        await pending;
      } catch (error) {
        return fail(error instanceof Error ? error : new Error('failed', { cause: error }), answer);
      }
      if (answer.body.errored !== null) return fail(answer.body.errored, answer);
      if (!signal.aborted) handOn(null, answer);
    };
    agent.request({ ...options, signal }, (error, answer) => {
      // The client is gone: there is nobody to answer.
      if (signal.aborted) return;
      if (error !== null) return handOn(error, answer);
      const reason = unusable(answer, options.path, target);
      if (reason !== undefined) return fail(new UnusableAnswerError(reason), answer);
      const pending = onHeaders(answer.headers);
      if (pending === undefined) handOn(null, answer);
      else void handOnAfter(pending, answer);
    });
  }

  return { request: request as Dispatcher['request'], close: () => agent.destroy() };
}

function unusable(
  { statusCode, headers }: Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>,
  path: string,
  { origin, endpointPath }: ProxyTarget,
): string | undefined {
  // Clients would take its 401 for ours, and sign in again and again.
  if (statusCode === 401)
    return 'the MCP server answered 401: it must take the identity headers for its credentials';
  // It is for proxies to say, and they cannot mean the client of another (RFC 9110 §15.5.8).
  if (statusCode === 407) return 'the MCP server answered 407, which is for proxies to answer';
  if (statusCode > 599) return `the MCP server answered with status ${statusCode}`;
  // To us the endpoint with and without its trailing slash is one, so this redirect would lead back here for ever.
  const location = statusCode > 299 && statusCode < 400 ? text(headers.location) : '';
  if (
    endpointPath === undefined ||
    path.split('?', 1)[0] !== endpointPath ||
    !URL.canParse(location, origin + path)
  ) {
    return undefined;
  }
  const url = new URL(location, origin + path);
  const otherSpelling = endpointPath.endsWith('/') ? endpointPath.slice(0, -1) : `${endpointPath}/`;
  if (url.origin !== origin || url.pathname !== otherSpelling) return undefined;
  return `the MCP server redirects ${endpointPath} to ${otherSpelling}: set MCP_SERVER_URL to ${origin}${otherSpelling}`;
}

function text(header: string | string[] | undefined): string {
  return header === undefined ? '' : [header].flat().join(', ');
}
