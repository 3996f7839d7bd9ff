/** Takes content out of its chunks (RFC 9112 §7.1). Chunk extensions and trailers are read and dropped. */
import { MalformedAnswerError } from './answer-head.ts';

/** Of a chunk's first line, and of all trailers. */
const maxLineBytes = 4096;
const maxTrailerBytes = 16_384;
const maxSizeDigits = 12;

const cr = 0x0d;
const lf = 0x0a;
const semicolon = 0x3b;

const stages = {
  size: 0,
  extension: 1,
  sizeEnd: 2,
  data: 3,
  dataCr: 4,
  dataLf: 5,
  trailer: 6,
  trailerEnd: 7,
  over: 8,
} as const;
type Stage = (typeof stages)[keyof typeof stages];

export class ChunkedContent {
  #stage: Stage = stages.size;
  #size = 0;
  #digits = 0;
  /** Bytes of the line, or of the trailers, so far. */
  #length = 0;
  /** Of a trailer line: whether nothing has come yet, so that its end is the end of all. */
  #isLineEmpty = true;

  get isOver(): boolean {
    return this.#stage === stages.over;
  }

  /**
   * @returns where the content ends in `bytes`; `bytes.length` when it goes on
   * @throws MalformedAnswerError
   */
  read(bytes: Buffer, start: number, onData: (content: Buffer) => void): number {
    let at = start;
    while (at < bytes.length && this.#stage !== stages.over) {
      if (this.#stage === stages.data) {
        const end = Math.min(bytes.length, at + this.#size);
        this.#size -= end - at;
        if (this.#size === 0) this.#stage = stages.dataCr;
        onData(bytes.subarray(at, end));
        at = end;
      } else {
        this.#readByte(bytes[at] ?? 0);
        at += 1;
      }
    }
    return at;
  }

  #readByte(byte: number): void {
    switch (this.#stage) {
      case stages.size:
        return this.#readSize(byte);
      case stages.extension:
        this.#count(maxLineBytes);
        if (byte === cr) this.#stage = stages.sizeEnd;
        else if (isControl(byte)) malformed('a control character in a chunk extension');
        return;
      case stages.sizeEnd:
        if (byte !== lf) malformed('a chunk size that does not end with CRLF');
        this.#length = 0;
        this.#stage = this.#size === 0 ? stages.trailer : stages.data;
        return;
      case stages.dataCr:
        if (byte !== cr) malformed('a chunk longer than its size');
        this.#stage = stages.dataLf;
        return;
      case stages.dataLf:
        if (byte !== lf) malformed('a chunk that does not end with CRLF');
        this.#stage = stages.size;
        return;
      case stages.trailer:
        this.#count(maxTrailerBytes);
        if (byte === cr) this.#stage = stages.trailerEnd;
        else if (isControl(byte)) malformed('a control character in a trailer');
        else this.#isLineEmpty = false;
        return;
      case stages.trailerEnd:
        if (byte !== lf) malformed('a trailer that does not end with CRLF');
        this.#stage = this.#isLineEmpty ? stages.over : stages.trailer;
        this.#isLineEmpty = true;
        return;
      case stages.data:
      case stages.over:
    }
  }

  #readSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      if (this.#digits === maxSizeDigits) malformed('a chunk size beyond all bounds');
      this.#digits += 1;
      this.#size = this.#size * 16 + digit;
      return;
    }
    if (this.#digits === 0) malformed('a chunk without a size');
    this.#digits = 0;
    if (byte === cr) this.#stage = stages.sizeEnd;
    // Spaces before an extension are bad form that recipients may accept (RFC 9112 §7.1.1).
    else if (byte === semicolon || byte === 0x20 || byte === 0x09) this.#stage = stages.extension;
    else malformed('a chunk size that is none');
  }

  #count(max: number): void {
    this.#length += 1;
    if (this.#length > max) malformed('a line beyond all bounds');
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function isControl(byte: number): boolean {
  return (byte < 0x20 && byte !== 0x09) || byte === 0x7f;
}

function malformed(reason: string): never {
  throw new MalformedAnswerError(reason);
}
