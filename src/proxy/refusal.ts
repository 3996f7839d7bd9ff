/** Requests that cannot be passed on as they are, and why. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ProxiedResource } from '../protocol/resource.ts';
import { upstreamPath } from './target.ts';

export interface Refusal {
  readonly status: 400 | 405 | 501 | 502 | 503 | 504;
  readonly error:
    | 'invalid_request'
    | 'temporarily_unavailable'
    | 'method_not_allowed'
    | 'not_implemented'
    | 'bad_gateway'
    | 'gateway_timeout';
  readonly description: string;
}

export function findRefusal({ raw }: FastifyRequest, resource: ProxiedResource): Refusal | undefined {
  const path = upstreamPath(resource, raw.url ?? '');
  if ('refusal' in path) return { status: 400, error: 'invalid_request', description: path.refusal };
  // It would show the client what we added for the MCP server (RFC 9110 §9.3.8).
  if (raw.method === 'TRACE') {
    return { status: 405, error: 'method_not_allowed', description: 'TRACE is not supported.' };
  }
  // Other protocols that a client offers may be ignored (RFC 9110 §7.8); this one it insists on.
  if (/(^|,)\s*websocket\b/i.test(raw.headers.upgrade ?? '')) {
    return {
      status: 400,
      error: 'invalid_request',
      description: 'WebSocket is not supported: use streamable HTTP.',
    };
  }
  // Node takes the chunks apart and leaves other codings in the body, unnamed (RFC 9112 §6.1).
  if (!/^(chunked)?$/i.test(raw.headers['transfer-encoding'] ?? '')) {
    return {
      status: 501,
      error: 'not_implemented',
      description: 'The only transfer coding supported is chunked.',
    };
  }
  return undefined;
}

export function sendRefusal(reply: FastifyReply, { status, error, description }: Refusal): void {
  void reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/json')
    .send({ error, error_description: description });
}
