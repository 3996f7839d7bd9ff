/** What was disturbed when: the soak's judge excuses an answer only by what is written here. All times are ms of one clock. */

export type Part = 'database' | 'back end' | `instance ${number}`;

export interface Outage {
  readonly part: Part;
  readonly what: string;
  /** Just before it was disturbed. */
  readonly from: number;
  /** When it was surely gone; until then it may have served. */
  goneAt: number;
  /** When it was started again: from then on it may serve. */
  startedAt: number;
  /** When it was seen to serve again. */
  until: number;
}

export class Timeline {
  readonly #now: () => number;
  readonly outages: Outage[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  begin(part: Part, what: string): Outage {
    const outage = { part, what, from: this.#now(), goneAt: Infinity, startedAt: Infinity, until: Infinity };
    this.outages.push(outage);
    return outage;
  }

  gone(outage: Outage): void {
    outage.goneAt = this.#now();
  }

  starting(outage: Outage): void {
    outage.startedAt = this.#now();
  }

  end(outage: Outage): void {
    outage.until = this.#now();
  }

  /** Those of a part that someone may have noticed between two times, `afterMs` after their end included. */
  during(part: Part, from: number, to: number, afterMs: number): readonly Outage[] {
    return this.outages.filter(
      (outage) => outage.part === part && outage.from <= to && outage.until + afterMs >= from,
    );
  }
}
