/** A request's content on its way through. */
import type { IncomingMessage } from 'node:http';

/** Up to this many bytes are collected before they are sent on: a stream costs more than it brings. */
export const maxCollectedBytes = 65_536;

/** Whether there is content, which a GET or HEAD has no use for (RFC 9110 §9.3.1). */
export function hasBody({ method, headers }: IncomingMessage): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Undefined where there is no content. */
export function contentLength(request: IncomingMessage): number | 'chunked' | undefined {
  if (!hasBody(request)) return undefined;
  const length = request.headers['content-length'];
  return length === undefined ? 'chunked' : Number(length);
}

/** Hands over all of the content, at once if it is there already. Never, when the client leaves before its end. */
export function collect(request: IncomingMessage, length: number, onWhole: (content: Buffer) => void): void {
  if (request.readableLength === length) {
    const content = request.read() as Buffer;
    request.resume();
    return onWhole(content);
  }
  // In one piece, whose size does not depend on how small the pieces are that it comes in.
  const content = Buffer.allocUnsafeSlow(length);
  let size = 0;
  const keep = (chunk: Buffer): void => {
    size += chunk.copy(content, size);
  };
  request.on('data', keep).once('end', () => {
    // The request outlives its content.
    request.off('data', keep);
    onWhole(content);
  });
}

/** Where content goes that comes in pieces. */
interface Receiver {
  /** False: enough for now. */
  write(content: Buffer): boolean;
  finish(): void;
}

/** Content that is sent on as it comes, no faster than it is taken. */
export class Upload {
  readonly #request: IncomingMessage;
  readonly #receiver: Receiver;

  constructor(request: IncomingMessage, receiver: Receiver) {
    this.#request = request;
    this.#receiver = receiver;
    request.on('data', this.#pass).once('end', this.#finish);
  }

  goOn(): void {
    this.#request.resume();
  }

  /** Nobody takes the rest: it is read and dropped, so that the connection stays usable for the answer. */
  stop(): void {
    this.#request.off('data', this.#pass).off('end', this.#finish).resume();
  }

  readonly #pass = (content: Buffer): void => {
    if (!this.#receiver.write(content)) this.#request.pause();
  };

  readonly #finish = (): void => this.#receiver.finish();
}
