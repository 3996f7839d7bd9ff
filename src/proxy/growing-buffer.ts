/** Bytes that arrive in pieces, kept in one piece: a list of one-byte chunks would take a hundred times their size. */
export class GrowingBuffer {
  #buffer = Buffer.alloc(0);
  #size = 0;

  append(chunk: Uint8Array): void {
    const size = this.#size + chunk.length;
    if (size > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#size);
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#size);
    this.#size = size;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }
}
