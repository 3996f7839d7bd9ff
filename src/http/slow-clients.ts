/** Clients that send slowly, stop, or do not read what they are sent: none holds a connection for ever. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest, FastifyServerOptions } from 'fastify';

/** On a connection: the request that may take longer to arrive, because its caller is known. */
const unhurried = Symbol('unhurried request');
/** The answer that was begun last on a connection. */
const answering = Symbol('answer on a connection');
type ClientSocket = Socket & { [unhurried]?: IncomingMessage; [answering]?: ServerResponse };

/**
 * What Node has to know. Headers have to be there after `timeoutMs`, and so has the rest of a request, unless
 * {@link giveTime} was called for it. Then, and while an answer is sent, it is silence that counts: bytes that arrive, or
 * are taken, begin the time anew. Silence is measured a little longer, so that the clearer answer comes first.
 */
export function slowClientOptions(timeoutMs: number): Pick<
  FastifyServerOptions,
  'requestTimeout' | 'connectionTimeout' | 'clientErrorHandler'
> & {
  readonly http: object;
} {
  const connectionsCheckingInterval = Math.min(5000, Math.ceil(timeoutMs / 4));
  return {
    requestTimeout: timeoutMs,
    connectionTimeout: timeoutMs + 2 * connectionsCheckingInterval,
    clientErrorHandler: answerClientError,
    http: { headersTimeout: timeoutMs, requestTimeout: timeoutMs, connectionsCheckingInterval },
  };
}

/** With {@link slowClientOptions}: cuts off those who are silent when it is their turn, and nobody who waits for us. */
export function cutStalledClients(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, { raw: response }, done) => {
    // Without it Node would end the connection, however long we need for an answer.
    response.on('timeout', cutIfStalled);
    const socket: ClientSocket = response.req.socket;
    socket[answering] = response;
    done();
  });
}

/** The caller is known, and may upload what takes long: the request may take any time to arrive while it does arrive. */
export function giveTime({ raw }: Pick<FastifyRequest, 'raw'>): void {
  const socket: ClientSocket = raw.socket;
  socket[unhurried] = raw;
}

/** After a time without a byte in either direction. What Node has read of a request and we have not taken is our delay. */
function cutIfStalled(this: ServerResponse): void {
  const { req: request, socket } = this;
  if (socket === null) return;
  const isNotRead = socket.writableLength > 0;
  const isNotSent = !request.complete && request.readableLength === 0;
  if (isNotSent && !this.headersSent) refuse(socket, 408, 'The request did not arrive in time');
  else if (isNotRead || isNotSent) socket.destroy();
  // The delay is ours: looked at again after as much time, though no byte may move until then.
  else socket.setTimeout(socket.timeout ?? 0);
}

/** What Node refuses by itself, before there is a request or in the middle of one. Nothing of it is repeated. */
function answerClientError(error: NodeJS.ErrnoException, socket: ClientSocket): void {
  const { code } = error;
  if (code === 'ECONNRESET' || socket.destroyed) return;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const request = socket[unhurried];
    if (request?.complete === false && !request.destroyed) return;
    return refuse(socket, 408, 'The request did not arrive in time');
  }
  if (code === 'HPE_HEADER_OVERFLOW') return refuse(socket, 431, 'The headers are too large');
  return refuse(socket, 400, 'The request cannot be read');
}

/** Never in the middle of an answer. */
function refuse(socket: ClientSocket, status: 400 | 408 | 431, description: string): void {
  const begun = socket[answering];
  const isInAnswer = begun?.headersSent === true && !begun.writableFinished;
  if (socket.writable && !isInAnswer) {
    const body = JSON.stringify({ error: 'invalid_request', error_description: description });
    const headers = ['content-type: application/json', 'cache-control: no-store', 'connection: close'];
    const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...headers, `content-length: ${body.length}`];
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  }
  socket.destroy();
}
