/** Reads one HTTP/1 answer from the bytes of a connection, as they come. */
import { GrowingBuffer } from '../growing-buffer.ts';
import { type AnswerHead, MalformedAnswerError, parseAnswerHead, valueOf } from './answer-head.ts';
import { ChunkedContent } from './chunked-content.ts';

/** Whom an answer is for. What is called may stop the reader. */
export interface AnswerSink {
  /** Once. Informational answers (RFC 9110 §15.2) are left out. */
  onHead(head: AnswerHead): void;
  /** Content without its framing. The bytes may be others after {@link onEnd}, or after the sink was told that nothing more is there. */
  onData(content: Buffer): void;
  /** The answer is complete. */
  onEnd(): void;
}

const maxHeadBytes = 65_536;
const endOfHead = Buffer.from('\r\n\r\n');

export class AnswerReader {
  readonly #sink: AnswerSink;
  readonly #toHead: boolean;
  /** The beginning of a head whose end has not come. */
  #beginning: GrowingBuffer | undefined;
  #head: AnswerHead | undefined;
  #chunks: ChunkedContent | undefined;
  #bytesLeft = 0;
  #isOver = false;
  /** Whether bytes came that belong to no answer: a server that sends them is out of step. */
  hasSurplus = false;

  constructor(sink: AnswerSink, toHead: boolean) {
    this.#sink = sink;
    this.#toHead = toHead;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether the connection may be used again, as far as the answer says. */
  get isPersistent(): boolean {
    return this.#isOver && this.#head?.isPersistent === true && !this.hasSurplus;
  }

  /** How long the server keeps an idle connection, as far as it says so (`Keep-Alive: timeout=5`). */
  get keptForMs(): number {
    const hint = this.#head && valueOf(this.#head.rawHeaders, 'keep-alive');
    const seconds = hint === undefined ? undefined : /(?:^|[\s,])timeout=(\d{1,6})/i.exec(hint)?.[1];
    return seconds === undefined ? Infinity : Number(seconds) * 1000;
  }

  /** @throws MalformedAnswerError */
  read(bytes: Buffer): void {
    let at = 0;
    while (this.#head === undefined) {
      const next = this.#readHead(bytes, at);
      if (next === undefined) return;
      at = next;
    }
    if (!this.#isOver) at = this.#readContent(this.#head, bytes, at);
    if (at < bytes.length) this.hasSurplus = true;
  }

  /** The server has ended the connection. @throws MalformedAnswerError when the answer is not complete */
  endOfConnection(): void {
    if (this.#isOver) return;
    if (this.#head?.contentLength !== 'until close')
      throw new MalformedAnswerError(
        this.#head === undefined ? 'the connection ended before the answer' : 'the answer is not complete',
      );
    this.#end();
  }

  /** Nobody wants the rest. */
  stop(): void {
    this.#isOver = true;
  }

  /** Returns where the next thing begins; undefined when more is needed. */
  #readHead(bytes: Buffer, start: number): number | undefined {
    let text: string;
    let next: number;
    const end = this.#beginning === undefined ? bytes.indexOf(endOfHead, start) : -1;
    if (end >= 0) {
      text = bytes.toString('latin1', start, end);
      next = end + 4;
    } else {
      const kept = (this.#beginning ??= new GrowingBuffer());
      const before = kept.bytes().length;
      kept.append(bytes.subarray(start));
      const all = kept.bytes();
      const endOfAll = all.indexOf(endOfHead, Math.max(0, before - 3));
      if ((endOfAll === -1 ? all.length : endOfAll) > maxHeadBytes)
        throw new MalformedAnswerError('headers beyond all bounds');
      if (endOfAll === -1) return undefined;
      text = all.toString('latin1', 0, endOfAll);
      next = start + endOfAll + 4 - before;
      this.#beginning = undefined;
    }
    if (text.length > maxHeadBytes) throw new MalformedAnswerError('headers beyond all bounds');
    const head = parseAnswerHead(text, this.#toHead);
    if (head.status === 101) throw new MalformedAnswerError('a change of protocol that nobody asked for');
    if (head.status >= 200) this.#begin(head);
    return next;
  }

  #begin(head: AnswerHead): void {
    this.#head = head;
    if (typeof head.contentLength === 'number') this.#bytesLeft = head.contentLength;
    else if (head.contentLength === 'chunked') this.#chunks = new ChunkedContent();
    this.#sink.onHead(head);
    if (head.contentLength === 0) this.#end();
  }

  #readContent({ contentLength }: AnswerHead, bytes: Buffer, start: number): number {
    if (this.#chunks !== undefined) {
      const next = this.#chunks.read(bytes, start, (content) => {
        if (!this.#isOver) this.#sink.onData(content);
      });
      if (this.#chunks.isOver) this.#end();
      return next;
    }
    const end =
      contentLength === 'until close' ? bytes.length : Math.min(bytes.length, start + this.#bytesLeft);
    this.#bytesLeft -= end - start;
    if (end > start)
      this.#sink.onData(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
    if (contentLength !== 'until close' && this.#bytesLeft === 0) this.#end();
    return end;
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.onEnd();
  }
}
