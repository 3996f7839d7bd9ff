/** What becomes of the MCP server's answer, or of its failure to give one. */
import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { DatabaseUnavailableError } from '../repositories/database.ts';
import { keepAlive } from './keep-alive.ts';
import { sendRefusal, type Refusal } from './refusal.ts';

/**
 * Passes the answer on. The headers go out at once: a client that waits for an event stream to open would
 * otherwise wait for its first event. A body that comes in the same turn still shares a packet with them.
 */
export function sendAnswer(reply: FastifyReply, body: Readable, keepAliveMs: number): void {
  // reply-from closes the connection when the request is still arriving. The rest of it is read and dropped.
  if (reply.hasHeader('connection')) reply.removeHeader('connection');
  reply.raw.once('pipe', () => {
    keepAlive(reply.raw, body, keepAliveMs);
    setImmediate(() => {
      if (!reply.raw.writableEnded) reply.raw.flushHeaders();
    });
  });
  // Ended by us, at shutdown.
  reply.raw.prependOnceListener('finish', () => {
    if (!body.readableEnded) dropBody(body);
  });
  void reply.send(body);
}

/** The rest of it is not wanted any more. That is no error: Fastify logs this code as information. */
export function dropBody(body: Readable): void {
  body
    .on('error', () => undefined)
    .destroy(Object.assign(new Error('ended'), { code: 'ERR_STREAM_PREMATURE_CLOSE' }));
}

const timeouts = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);

const badGateway: Refusal = {
  status: 502,
  error: 'bad_gateway',
  description: 'The MCP server could not be reached, or did not give a usable answer.',
};
const gatewayTimeout: Refusal = {
  status: 504,
  error: 'gateway_timeout',
  description: 'The MCP server did not answer in time.',
};

/** The error itself has been logged by reply-from, with its cause; the client learns only the kind. */
export function sendFailure(reply: FastifyReply, error: Error): void {
  const cause = error.cause ?? error;
  // Ours, not the MCP server's: it answered, but what has to be remembered of it cannot be.
  if (cause instanceof DatabaseUnavailableError) return void reply.send(cause);
  const { code } = cause as { readonly code?: unknown };
  sendRefusal(reply, typeof code === 'string' && timeouts.has(code) ? gatewayTimeout : badGateway);
}
