/** A set whose members come and go with every request. */

const place = Symbol('place in a set');

/** What can be a member: of one set at a time. */
export interface Member {
  [place]?: number | undefined;
}

/**
 * Like `Set`, in no order. V8 links the table of a `Set` that it has outgrown to the next one, so that members that are
 * long gone keep younger ones alive until a full collection: with members that come and go by the thousand, most of the
 * time that garbage collection takes. Here nothing is left of a member that has gone.
 */
export class DenseSet<T extends Member> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: T): void {
    if (member[place] !== undefined) return;
    member[place] = this.#members.length;
    this.#members.push(member);
  }

  delete(member: T): void {
    const at = member[place];
    if (at === undefined) return;
    member[place] = undefined;
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    last[place] = at;
    this.#members[at] = last;
  }

  /** Those that are there now: it may change while they are looked at. */
  get members(): readonly T[] {
    return [...this.#members];
  }
}
