/** One connection to a server: a request and its answer at a time (RFC 9112 §9). */
import type { Socket } from 'node:net';
import { AnswerReader, type AnswerSink } from './answer-reader.ts';

/** Whom an answer is for, and what else there is to hear of the request. */
export interface ExchangeSink extends AnswerSink {
  /** Everything that has come so far was told: nothing more will come in the same turn. */
  onPause(): void;
  /** What was written has gone out: after a `write` that said false. */
  onDrain(): void;
  /** There will be no answer, or no more of it. Once, and nothing after it. */
  onFailure(error: Error): void;
}

interface Owner {
  /** The connection may be used again. */
  free(connection: Connection): void;
  gone(connection: Connection): void;
}

/** Servers close what they think is idle, often after five seconds (Node), and cannot take back a request on its way. */
const usualIdleMs = 4_000;
const closingAheadMs = 1_000;
const chunkEnd = '\r\n';
const lastChunk = '0\r\n\r\n';
/** Up to this size bytes are copied together, so that they go out in one packet. */
const smallBytes = 16_384;

export class Connection {
  readonly #socket: Socket;
  readonly #owner: Owner;
  #sink: ExchangeSink | undefined;
  #reader: AnswerReader | undefined;
  #isSent = false;
  #isChunked = false;
  #isPaused = false;
  /** Monotonic milliseconds, for the pool to tell how long it has not been used. */
  idleSince = 0;
  /** How long it may be idle: the server closes it soon after. */
  maxIdleMs = usualIdleMs;

  /** @param socket connected, or about to be */
  constructor(socket: Socket, owner: Owner) {
    this.#socket = socket;
    this.#owner = owner;
    socket
      .on('drain', () => this.#sink?.onDrain())
      .on('end', () => this.#endOfConnection())
      .on('error', (error) => this.#fail(error))
      .on('close', () => {
        this.#fail(new Error('the connection to the server was closed'));
        owner.gone(this);
      });
  }

  get isUsable(): boolean {
    const { destroyed, readable, writable, writableLength } = this.#socket;
    return !destroyed && readable && writable && writableLength === 0;
  }

  /**
   * Sends a request whose whole content is there.
   * @param head with its empty line, one character for each byte
   * @param onSent called when the content is in memory no more
   */
  send(
    head: string,
    content: Buffer | undefined,
    { sink, toHead, onSent }: { sink: ExchangeSink; toHead: boolean; onSent?: (() => void) | undefined },
  ): void {
    this.#begin(sink, toHead);
    this.#isSent = true;
    if (content === undefined) return void this.#socket.write(head, 'latin1');
    if (content.length > smallBytes) {
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      this.#socket.write(content, onSent);
      return this.#socket.uncork();
    }
    const bytes = Buffer.allocUnsafe(head.length + content.length);
    bytes.write(head, 0, 'latin1');
    content.copy(bytes, head.length);
    this.#socket.write(bytes, onSent);
  }

  /** Begins to send a request whose content comes with {@link write}, until {@link finish}. */
  start(head: string, isChunked: boolean, { sink, toHead }: { sink: ExchangeSink; toHead: boolean }): void {
    this.#begin(sink, toHead);
    this.#isSent = false;
    this.#isChunked = isChunked;
    this.#socket.write(head, 'latin1');
  }

  /** False: enough for now, until the sink hears that it has gone out. */
  write(content: Buffer): boolean {
    if (!this.#isChunked) return this.#socket.write(content);
    this.#socket.cork();
    this.#socket.write(content.length.toString(16) + chunkEnd, 'latin1');
    this.#socket.write(content);
    const goesOn = this.#socket.write(chunkEnd, 'latin1');
    this.#socket.uncork();
    return goesOn;
  }

  finish(): void {
    if (this.#isChunked) this.#socket.write(lastChunk, 'latin1');
    this.#isSent = true;
  }

  /** No more is read, until {@link resume}: what has come already is still told. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** Ends the exchange of this sink, with the connection. The sink hears nothing of it. Another's is left alone. */
  abort(sink: ExchangeSink): void {
    if (this.#sink === sink) this.destroy();
  }

  /** Ends everything. A sink hears nothing of it. */
  destroy(): void {
    this.#reader?.stop();
    this.#reader = undefined;
    this.#sink = undefined;
    this.#socket.destroy();
  }

  #begin(sink: ExchangeSink, toHead: boolean): void {
    this.#sink = sink;
    this.#reader = new AnswerReader(sink, toHead);
  }

  /** What came in. Nothing of it is kept after the call. */
  read(bytes: Buffer): void {
    const reader = this.#reader;
    // Nobody asked for anything: the server is out of step, and what it says next cannot be trusted.
    if (reader === undefined) return this.destroy();
    try {
      reader.read(bytes);
    } catch (error) {
      return this.#fail(error instanceof Error ? error : new Error('failed', { cause: error }));
    }
    if (reader.isOver) this.#endOfExchange(reader);
    else this.#sink?.onPause();
  }

  #endOfExchange(reader: AnswerReader): void {
    // Ended by the sink meanwhile.
    if (this.#reader !== reader) return;
    this.#reader = undefined;
    this.#sink = undefined;
    if (!this.#isSent || !reader.isPersistent || !this.isUsable) return void this.#socket.destroy();
    this.resume();
    this.maxIdleMs = Math.min(usualIdleMs, reader.keptForMs - closingAheadMs);
    this.#owner.free(this);
  }

  #endOfConnection(): void {
    const reader = this.#reader;
    if (reader === undefined) return void this.#socket.destroy();
    try {
      reader.endOfConnection();
    } catch (error) {
      return this.#fail(error instanceof Error ? error : new Error('failed', { cause: error }));
    }
    this.#endOfExchange(reader);
  }

  #fail(error: Error): void {
    const sink = this.#sink;
    this.destroy();
    sink?.onFailure(error);
  }
}
