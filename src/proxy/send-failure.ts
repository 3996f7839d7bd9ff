/** What a client is told when the MCP server gives no answer that it may see. */
import type { FastifyReply } from 'fastify';
import { DatabaseUnavailableError } from '../repositories/database.ts';
import { sendRefusal, type Refusal } from './refusal.ts';

const timeouts = new Set(['ETIMEDOUT']);

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

/** The operator reads what it was; the client learns only the kind. */
export function sendFailure(reply: FastifyReply, error: Error): void {
  // Ours, not the MCP server's: it answered, but what has to be remembered of it cannot be.
  if (error instanceof DatabaseUnavailableError) return void reply.send(error);
  reply.request.log.warn({ err: error }, 'no usable answer of the MCP server');
  const { code } = error as { readonly code?: unknown };
  sendRefusal(reply, typeof code === 'string' && timeouts.has(code) ? gatewayTimeout : badGateway);
}
