/** Writes the MCP server's answer to the client, as it comes. */
import type { ServerResponse } from 'node:http';
import { isEventStream, markEventStream } from './event-stream.ts';
import { KeepAlive } from './keep-alive.ts';
import { type AnswerHead, valueOf } from './upstream/answer-head.ts';

interface AnswerOptions {
  /** Name, value, name, value … */
  readonly headers: string[];
  /** After so much silence an event stream gets a comment. 0: never. */
  readonly keepAliveMs: number;
  /** The client has read what {@link AnswerWriter.add} said was enough for now. */
  readonly onDrain: () => void;
}

/** Larger content is not worth copying. */
const smallBytes = 16_384;

export class AnswerWriter {
  readonly isEventStream: boolean;
  readonly #response: ServerResponse;
  readonly #onDrain: () => void;
  readonly #keepAlive: KeepAlive | undefined;
  #isHeadSent = false;
  /** Content that came together with the headers, and may be all there is: until it is sent or flushed, in the same turn. */
  #first: Buffer | undefined;
  #waitsForDrain = false;

  constructor(response: ServerResponse, head: AnswerHead, { headers, keepAliveMs, onDrain }: AnswerOptions) {
    this.#response = response;
    this.#onDrain = onDrain;
    // The client is gone, or hears the end at shutdown: whoever needs to know hears that it is over.
    response.on('error', ignore);
    response.writeHead(head.status, headers);
    this.isEventStream = isEventStream(valueOf(head.rawHeaders, 'content-type'));
    if (this.isEventStream) markEventStream(response);
    if (keepAliveMs > 0 && this.isEventStream && takesComments(head))
      this.#keepAlive = new KeepAlive(response, keepAliveMs);
  }

  /** Takes what it needs of `content` before it returns, or before {@link flush} does. False: enough for now. */
  add(content: Buffer): boolean {
    if (!this.#isHeadSent && this.#first === undefined) {
      this.#first = content;
      return true;
    }
    this.flush();
    return this.#write(content);
  }

  /** A client that waits for an event stream to open would otherwise wait for its first event. */
  flush(): void {
    if (this.#isHeadSent) return;
    this.#isHeadSent = true;
    const first = this.#first;
    this.#first = undefined;
    if (first === undefined) this.#response.flushHeaders();
    else this.#write(first);
  }

  end(): void {
    this.#keepAlive?.stop();
    if (this.#response.writableEnded) return;
    const first = this.#first;
    this.#first = undefined;
    this.#isHeadSent = true;
    if (first === undefined) this.#response.end();
    // As text of one character a byte, since Node then writes it in one piece with the headers.
    else if (first.length <= smallBytes) this.#response.end(first.toString('latin1'), 'latin1');
    else this.#response.end(Buffer.from(first));
  }

  stop(): void {
    this.#keepAlive?.stop();
  }

  #write(content: Buffer): boolean {
    // Ended by us, at shutdown.
    if (this.#response.writableEnded) return true;
    this.#keepAlive?.passed(content);
    const goesOn = this.#response.write(Buffer.from(content));
    if (!goesOn && !this.#waitsForDrain) {
      this.#waitsForDrain = true;
      this.#response.once('drain', () => {
        this.#waitsForDrain = false;
        this.#onDrain();
      });
    }
    return goesOn;
  }
}

function ignore(): void {
  // Nothing is left to be done.
}

/** Not where bytes are counted or compressed, nor where there is no content. */
function takesComments({ status, contentLength, rawHeaders }: AnswerHead): boolean {
  return (
    status === 200 &&
    typeof contentLength !== 'number' &&
    /^(identity)?$/i.test(valueOf(rawHeaders, 'content-encoding') ?? '')
  );
}
