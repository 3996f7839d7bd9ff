/** One request on its way to the MCP server, and its answer on the way back. */
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { OpenRequest, OpenRequests } from '../flows/open-requests.ts';
import type { Principal } from '../protocol/principal.ts';
import { AnswerWriter } from './answer-writer.ts';
import type { InspectedBody } from './inspected-body.ts';
import { type Refusal, sendRefusal } from './refusal.ts';
import { sendFailure } from './send-failure.ts';
import { UnusableAnswerError } from './unusable-answer.ts';
import { Upload } from './request-body.ts';
import type { AnswerHead } from './upstream/answer-head.ts';
import type { Connection, ExchangeSink } from './upstream/connection.ts';
import type { Pool } from './upstream/pool.ts';
import { whenOver } from './when-over.ts';

/** What becomes of one call to the MCP server: one of the three, once. */
export interface ObservedCall {
  /** Headers to send instead of the client's: they continue its trace. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  answered(status: number): void;
  failed(): void;
  /** The client is gone, or was cut off. */
  left(): void;
}

/** What a passage needs of the one who lets it through. */
export interface PassageContext {
  readonly pool: Pool;
  readonly openRequests: OpenRequests;
  readonly keepAliveMs: number;
  /** Why no client may see an answer. */
  readonly whyUnusable: (head: AnswerHead, path: string) => string | undefined;
  /** What has to be remembered before the client sees anything of an answer. Undefined: nothing. */
  readonly remember: (head: AnswerHead, reply: FastifyReply) => Promise<unknown> | undefined;
  /** The headers to answer with: name, value, name, value … */
  readonly headersFor: (head: AnswerHead, reply: FastifyReply, path: string) => string[];
}

const passage = Symbol('the passage that a response belongs to');
type Carrier = ServerResponse & { [passage]?: Passage | undefined };

/** Of an answer, while something has to be remembered before the client sees any of it. */
const maxHeldBytes = 65_536;

const allInUse: Refusal = {
  status: 503,
  error: 'temporarily_unavailable',
  description: 'Every connection to the MCP server is in use.',
};

export class Passage implements OpenRequest, ExchangeSink {
  readonly principal: Principal;
  readonly #context: PassageContext;
  readonly #reply: FastifyReply;
  readonly #path: string;
  readonly #call: ObservedCall | undefined;
  #connection: Connection | undefined;
  #upload: Upload | undefined;
  #answer: AnswerWriter | undefined;
  /** Somebody writes to the client, or has: the answer, or why there is none. */
  #isAnswered = false;
  /** What came while something had to be remembered. */
  #held: (() => void)[] | undefined;
  #heldBytes = 0;
  /** What is held ends with a failure: then nothing of it is for the client. */
  #isBroken = false;

  /** @throws BearerError when what it was let through with was revoked in the meantime */
  constructor(
    context: PassageContext,
    principal: Principal,
    { reply, path, call }: { reply: FastifyReply; path: string; call: ObservedCall | undefined },
  ) {
    this.principal = principal;
    this.#context = context;
    this.#reply = reply;
    this.#path = path;
    this.#call = call;
    context.openRequests.add(this);
    const response: Carrier = reply.raw;
    response[passage] = this;
    whenOver(response, leave);
  }

  get isStream(): boolean {
    return this.#answer?.isEventStream === true;
  }

  /**
   * Sends a request whose content is there, or that has none.
   * @param head with its empty line; one character for each byte
   */
  send(head: string, whole?: InspectedBody): void {
    const connection = this.#connect();
    connection?.send(head, whole?.content, { sink: this, toHead: this.#isHead, onSent: whole?.onSent });
  }

  /**
   * Sends a request whose content is still to come from the client.
   * @param isChunked whether each piece needs a size of its own, since nobody knows how much is to come
   */
  stream(head: string, isChunked: boolean): void {
    const connection = this.#connect();
    if (connection === undefined) return;
    connection.start(head, isChunked, { sink: this, toHead: this.#isHead });
    this.#upload = new Upload(this.#reply.request.raw, connection);
  }

  /** Without an answer the client is told why. In the middle of one it is cut off, so that no part looks like the whole. */
  end(why: Error): void {
    const { request } = this.#reply;
    request.log.info({ clientId: this.principal.clientId, reason: why.name }, 'an open request was ended');
    this.#stop();
    if (this.#isAnswered) return void request.raw.socket.destroy();
    this.#isAnswered = true;
    void this.#reply.send(why);
  }

  onHead(head: AnswerHead): void {
    const reason = this.#context.whyUnusable(head, this.#path);
    if (reason !== undefined) return this.#refuse(new UnusableAnswerError(reason));
    const pending = this.#context.remember(head, this.#reply);
    if (pending === undefined) return this.#begin(head);
    this.#held = [];
    pending.then(
      () => this.#release(() => this.#begin(head)),
      (error: unknown) => this.#release(() => this.#refuse(asError(error))),
    );
    return undefined;
  }

  onData(content: Buffer): void {
    if (this.#held !== undefined) this.#hold(Buffer.from(content));
    else if (this.#answer?.add(content) === false) this.#connection?.pause();
  }

  onPause(): void {
    if (this.#held === undefined) this.#answer?.flush();
  }

  onEnd(): void {
    // From here on it may be another request's.
    this.#connection = undefined;
    this.#upload?.stop();
    this.#upload = undefined;
    if (this.#held === undefined) this.#answer?.end();
    else this.#held.push(() => this.#answer?.end());
  }

  onDrain(): void {
    this.#upload?.goOn();
  }

  onFailure(error: Error): void {
    if (this.#held === undefined) return this.#refuse(error);
    this.#held = [() => this.#refuse(error)];
    this.#isBroken = true;
    return undefined;
  }

  /** The client is gone, or has its whole answer. */
  over(): void {
    this.#context.openRequests.remove(this);
    this.#isAnswered = true;
    this.#held = undefined;
    this.#call?.left();
    this.#stop();
  }

  #begin(head: AnswerHead): void {
    this.#isAnswered = true;
    const headers = this.#context.headersFor(head, this.#reply, this.#path);
    this.#reply.hijack();
    this.#answer = new AnswerWriter(this.#reply.raw, head, {
      headers,
      keepAliveMs: this.#context.keepAliveMs,
      onDrain: () => this.#connection?.resume(),
    });
    this.#call?.answered(head.status);
  }

  #hold(content: Buffer): void {
    this.#held?.push(() => this.#answer?.add(content));
    this.#heldBytes += content.length;
    if (this.#heldBytes > maxHeldBytes) this.#connection?.pause();
  }

  /** Goes on with what was held, unless the client has left meanwhile. */
  #release(first: () => void): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    if (!this.#isBroken) first();
    for (const step of held) step();
    this.#answer?.flush();
    this.#connection?.resume();
  }

  #refuse(error: Error): void {
    const wasAnswered = this.#isAnswered;
    this.#isAnswered = true;
    this.#stop();
    // Not that of the response, which has none while it waits for its turn on the connection.
    if (wasAnswered) return void this.#reply.request.raw.socket.destroy();
    this.#call?.failed();
    sendFailure(this.#reply, error);
  }

  get #isHead(): boolean {
    return this.#reply.request.raw.method === 'HEAD';
  }

  /** Undefined: the client is gone, or has been refused. */
  #connect(): Connection | undefined {
    if (this.#isAnswered) return undefined;
    this.#connection = this.#context.pool.take();
    if (this.#connection !== undefined) return this.#connection;
    this.#isAnswered = true;
    this.#call?.failed();
    this.#reply.request.raw.resume();
    sendRefusal(this.#reply.header('retry-after', 1), allInUse);
    return undefined;
  }

  #stop(): void {
    this.#held = undefined;
    this.#answer?.stop();
    this.#upload?.stop();
    this.#upload = undefined;
    this.#connection?.abort(this);
    this.#connection = undefined;
  }
}

function leave(response: Carrier): void {
  const left = response[passage];
  response[passage] = undefined;
  left?.over();
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('failed', { cause: error });
}
