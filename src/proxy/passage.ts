/** One request on its way to the MCP server and back: what can end it before its time. */
import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { OpenRequest, OpenRequests } from '../flows/open-requests.ts';
import type { Principal } from '../protocol/principal.ts';
import { dropBody } from './answer.ts';
import { isEventStream } from './event-stream.ts';
import { whenOver } from './when-over.ts';

export class Passage implements OpenRequest {
  readonly principal: Principal;
  readonly #reply: FastifyReply;
  readonly #upstream = new AbortController();
  #isAnswered = false;
  #body: Readable | undefined;

  constructor(principal: Principal, reply: FastifyReply) {
    this.principal = principal;
    this.#reply = reply;
  }

  /** Aborts the request to the MCP server while its answer has not begun. */
  get signal(): AbortSignal {
    return this.#upstream.signal;
  }

  get isStream(): boolean {
    return this.#isAnswered && isEventStream(this.#reply.getHeader('content-type'));
  }

  /**
   * Open until it is answered to the end, or the client is gone.
   * @throws BearerError when what it was let through with was revoked in the meantime
   */
  openIn(requests: OpenRequests): void {
    requests.add(this);
    whenOver(this.#reply.raw, () => {
      requests.remove(this);
      this.#stopUpstream();
      this.#body = undefined;
    });
  }

  /** From now on somebody else writes to the client: the answer with this body, or a failure. */
  answerBegins(body?: Readable): void {
    this.#isAnswered = true;
    this.#body = body;
  }

  /** Without an answer the client is told why. In the middle of one it is cut off, so that no part looks like the whole. */
  end(why: Error): void {
    const { request } = this.#reply;
    request.log.info({ clientId: this.principal.clientId, reason: why.name }, 'an open request was ended');
    this.#stopUpstream();
    if (this.#isAnswered) return void request.raw.socket.destroy();
    this.#isAnswered = true;
    void this.#reply.send(why);
  }

  #stopUpstream(): void {
    if (!this.#isAnswered) this.#upstream.abort();
    else if (this.#body?.readableEnded === false) dropBody(this.#body);
  }
}
