/** A request's body on its way through, apart from the connection that it came over. */
import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';

/**
 * undici destroys a body that it has no more use for: when the MCP server cannot be reached, or answers before it
 * has read everything. Destroying a request of Node's HTTP server closes the client's connection, and with it the
 * way for the answer. So undici gets a stream of its own, and what is left of the body is read and dropped.
 */
export function detachedBody(request: IncomingMessage): Readable | undefined {
  if (!hasBody(request)) return undefined;
  const body = request.pipe(new PassThrough());
  body.once('close', () => request.resume());
  return body;
}

/** Whether there is content, which a GET or HEAD has no use for (RFC 9110 §9.3.1). */
export function hasBody({ method, headers }: IncomingMessage): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
