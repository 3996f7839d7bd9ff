/** How much of requests' bodies is kept in memory, so that a caller cannot fill it. */

/** Bodies of the largest size that one person's requests, and all requests together, may keep at a time. */
const bodiesOfOne = 4;
const bodiesOfAll = 64;

export class HeldBytes {
  readonly #maxBodyBytes: number;
  readonly #byOwner = new Map<string, number>();
  #total = 0;

  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** False, and nothing taken, when there is no room. */
  take(owner: string, bytes: number): boolean {
    const held = (this.#byOwner.get(owner) ?? 0) + bytes;
    if (held > bodiesOfOne * this.#maxBodyBytes) return false;
    if (this.#total + bytes > bodiesOfAll * this.#maxBodyBytes) return false;
    this.#total += bytes;
    this.#byOwner.set(owner, held);
    return true;
  }

  giveBack(owner: string, bytes: number): void {
    const held = (this.#byOwner.get(owner) ?? 0) - bytes;
    this.#total -= bytes;
    if (held > 0) this.#byOwner.set(owner, held);
    else this.#byOwner.delete(owner);
  }
}
