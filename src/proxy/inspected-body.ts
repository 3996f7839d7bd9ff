/** A request's body when somebody has to know what it asks for: read whole, judged, and sent on as it came. */
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readMessages, rpcCodes, type RpcError, type RpcMessage } from '../protocol/json-rpc.ts';
import { findMismatch, headerValues } from '../protocol/mirrored-headers.ts';
import type { Principal } from '../protocol/principal.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { HeldBytes } from './held-bytes.ts';
import { hasBody } from './request-body.ts';
import { whenOver } from './when-over.ts';

export interface Inspection {
  /** A larger body is refused. */
  readonly maxBodyBytes: number;
  /** Refuses messages that say too little (400), or throws when this caller may not send them. */
  readonly authorize: (
    principal: Principal,
    messages: readonly RpcMessage[],
    request: FastifyRequest,
  ) => Promise<RpcError | undefined>;
}

/** All of a body, held in memory until it has been sent on. */
export interface InspectedBody {
  readonly content: Buffer;
  readonly onSent?: () => void;
}

/** In the words of JSON-RPC, as MCP clients expect it for a POST. */
interface RpcRefusal extends RpcError {
  readonly status: 400 | 413 | 415 | 503;
}

/**
 * Reads, judges, and gives the body to send on; undefined where there is none, or when `reply` has been sent.
 *
 * The whole body is needed for the decision, since a JSON text means nothing before its end: a second `method` may
 * stand there. So it is kept in memory, within bounds. Answers are not touched.
 */
export function bodyInspector({
  maxBodyBytes,
  authorize,
}: Inspection): (request: FastifyRequest, reply: FastifyReply) => Promise<InspectedBody | undefined> {
  const held = new HeldBytes(maxBodyBytes);

  return async (request, reply) => {
    const { raw, principal } = request;
    if (!hasBody(raw)) return undefined;
    if (principal === undefined) throw new Error('a request came through without its checks');
    const owner = principal.subject;
    const refuse = (refusal: RpcRefusal): undefined => {
      // What is still to come is read and dropped, and the connection lives on.
      raw.resume();
      sendRpcRefusal(reply, refusal);
    };
    const formProblem = findFormProblem(raw, maxBodyBytes);
    if (formProblem !== undefined) return refuse(formProblem);
    let size = 0;
    const giveBack = (): void => {
      held.giveBack(owner, size);
      size = 0;
    };
    whenOver(reply.raw, giveBack);
    const body = await collect(raw, (bytes) => {
      if (size + bytes > maxBodyBytes) return tooLarge(maxBodyBytes);
      if (!held.take(owner, bytes)) return noRoom;
      size += bytes;
      return undefined;
    });
    if (!Buffer.isBuffer(body)) {
      giveBack();
      return refuse(body);
    }
    const read = readMessages(body);
    if ('error' in read) return refuse({ status: 400, ...read.error });
    const mismatch = findMismatch(raw.rawHeaders, read);
    if (mismatch !== undefined) {
      const id = read.isBatch ? null : (read.messages[0]?.id ?? null);
      return refuse({ status: 400, code: rpcCodes.headerMismatch, message: mismatch, id });
    }
    const error = await authorize(principal, read.messages, request);
    if (error !== undefined) return refuse({ status: 400, ...error });
    return { content: body, onSent: giveBack };
  };
}

/** What can be said before the first byte: only JSON in UTF-8, as it is, is read the same by everyone. */
function findFormProblem(request: IncomingMessage, maxBodyBytes: number): RpcRefusal | undefined {
  const { rawHeaders } = request;
  const types = headerValues(rawHeaders, 'content-type');
  const isJson = /^application\/json\s*(;\s*charset\s*=\s*("utf-8"|utf-8)\s*)?;?$/i.test(types[0] ?? '');
  if (types.length !== 1 || !isJson) {
    return unsupported('The content type must be application/json, in UTF-8');
  }
  const codings = headerValues(rawHeaders, 'content-encoding');
  if (codings.some((coding) => coding.toLowerCase() !== 'identity')) {
    return unsupported('The content must not be compressed');
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) return tooLarge(maxBodyBytes);
  return undefined;
}

function unsupported(message: string): RpcRefusal {
  return { status: 415, code: rpcCodes.invalidRequest, message, id: null };
}

function tooLarge(maxBodyBytes: number): RpcRefusal {
  const message = `The body is larger than ${maxBodyBytes} bytes`;
  return { status: 413, code: rpcCodes.invalidRequest, message, id: null };
}

const noRoom: RpcRefusal = {
  status: 503,
  code: rpcCodes.invalidRequest,
  message: 'Too many large requests at once: try again',
  id: null,
};

/** All of the body, or the first refusal of a piece. Rejects when the client goes away before the end. */
async function collect(
  request: IncomingMessage,
  take: (bytes: number) => RpcRefusal | undefined,
): Promise<Buffer | RpcRefusal> {
  const collected = new GrowingBuffer();
  return new Promise((resolve, reject) => {
    const settle = (outcome: Buffer | RpcRefusal): void => {
      request.off('data', keep).off('end', end).off('close', leave).off('error', leave);
      resolve(outcome);
    };
    const keep = (chunk: Buffer): void => {
      const refusal = take(chunk.length);
      if (refusal === undefined) collected.append(chunk);
      else settle(refusal);
    };
    const end = (): void => settle(collected.bytes());
    const leave = (): void => reject(Object.assign(new Error('the client went away'), { statusCode: 400 }));
    if (request.destroyed) leave();
    request.on('data', keep).once('end', end).once('close', leave).once('error', leave);
  });
}

function sendRpcRefusal(reply: FastifyReply, { status, code, message, id }: RpcRefusal): void {
  if (status === 503) reply.header('retry-after', 1);
  if (status === 415) reply.header('accept', 'application/json').header('accept-encoding', 'identity');
  void reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/json')
    .send({ jsonrpc: '2.0', id, error: { code, message } });
}
