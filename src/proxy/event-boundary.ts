/** Where in an event stream something may be put between two events (HTML Standard, "Parsing an event stream"). */

const lf = 0x0a;
const cr = 0x0d;

export class EventBoundary {
  /** Nothing but what belongs to complete events has passed. */
  #isBlank = true;
  /** A line has just ended, and the next one may be blank: the end of an event. */
  #isLineStart = true;
  #endedWithCr = false;
  /** Some line has ended with CR alone: then another CR is not the first half of CRLF. */
  #hasBareCr = false;
  #lineEnd: '\n' | '\r\n' | '\r' = '\n';

  /** Only the last bytes count: whatever is not an end of line begins or continues one. */
  add(chunk: Uint8Array): void {
    let start = chunk.length;
    while (start > 0 && (chunk[start - 1] === lf || chunk[start - 1] === cr)) start -= 1;
    if (start > 0) {
      if (this.#endedWithCr && chunk[0] !== lf) this.#hasBareCr = true;
      this.#isBlank = false;
      this.#isLineStart = false;
      this.#endedWithCr = false;
    }
    for (let index = start; index < chunk.length; index += 1) this.#endLine(chunk[index] === cr);
  }

  #endLine(isCr: boolean): void {
    const isSecondHalf = !isCr && this.#endedWithCr;
    if (isCr && this.#endedWithCr) this.#hasBareCr = true;
    this.#endedWithCr = isCr;
    this.#lineEnd = isCr ? '\r' : isSecondHalf ? '\r\n' : '\n';
    if (isSecondHalf) return;
    if (this.#isLineStart) this.#isBlank = true;
    this.#isLineStart = true;
  }

  /**
   * What may be sent now without touching an event: a comment, in the stream's own line ends, since not every parser
   * knows all three. Undefined in the middle of an event, or of a CRLF.
   */
  comment(): string | undefined {
    if (!this.#isBlank || (this.#endedWithCr && !this.#hasBareCr)) return undefined;
    return `: keep-alive${this.#lineEnd}${this.#lineEnd}`;
  }
}
