/** What the soak saw: answers by kind of request, and every answer that was wrong. */

export interface Wrong {
  /** Seconds since the start. */
  readonly atSeconds: number;
  /** The kind of request. */
  readonly kind: string;
  readonly what: string;
}

/** Of the wrong ones so many are kept; all are counted. */
const maxKept = 200;

export class Ledger {
  readonly #startedAt = performance.now();
  readonly counts = new Map<string, Map<string, number>>();
  readonly wrong: Wrong[] = [];
  wrongCount = 0;

  /** One request is over, and this is how. */
  count(kind: string, outcome: string): void {
    const outcomes = this.counts.get(kind) ?? new Map<string, number>();
    this.counts.set(kind, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1));
  }

  /** Undefined: nothing is wrong. */
  judge(kind: string, what: string | undefined): void {
    if (what === undefined) return;
    this.wrongCount += 1;
    if (this.wrong.length < maxKept) this.wrong.push({ atSeconds: this.seconds(), kind, what });
  }

  seconds(at = performance.now()): number {
    return Math.round((at - this.#startedAt) / 10) / 100;
  }
}
