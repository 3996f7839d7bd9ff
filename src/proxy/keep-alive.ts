/** Keeps silent event streams alive: many proxies between client and server give up a connection after a minute of silence. */
import type { ServerResponse } from 'node:http';
import { EventBoundary } from './event-boundary.ts';

/**
 * Sends a comment, which every client ignores (HTML Standard, "Server-sent events"), after each `silentMs` without a
 * byte. Never inside an event, and never to a reader that does not keep up.
 */
export class KeepAlive {
  readonly #boundary = new EventBoundary();
  readonly #response: ServerResponse;
  readonly #timer: NodeJS.Timeout;

  constructor(response: ServerResponse, silentMs: number) {
    this.#response = response;
    this.#timer = setTimeout(() => this.#speak(), silentMs).unref();
  }

  /** Tells what has passed. */
  passed(content: Uint8Array): void {
    this.#boundary.add(content);
    this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #speak(): void {
    const comment = this.#boundary.comment();
    const { writableEnded, writableNeedDrain } = this.#response;
    if (comment !== undefined && !writableEnded && !writableNeedDrain) this.#response.write(comment);
    this.#timer.refresh();
  }
}
