/** How much strangers may write into the audit table: the log has every event, the table has to end somewhere. */
import type { AuditEvent, Recorded } from './events.ts';

const windowMs = 60_000;

/**
 * Anyone can be refused, and register, as often as they like. Of those events an address gets 30 rows a minute, all
 * together get 300, at each instance. What happens to connections needs a token or a person, and is never left out.
 */
export class AuditBudget {
  readonly #max: { readonly perAddress: number; readonly total: number };
  #rows = new Map<string, number>();
  #total = 0;
  #omitted = 0;
  #until = 0;

  constructor(max = { perAddress: 30, total: 300 }) {
    this.#max = max;
  }

  /** `omitted`: how many were left out in the window that has just ended. */
  take({ at, caller, event }: Recorded<AuditEvent>): { readonly fits: boolean; readonly omitted: number } {
    const omitted = this.turn(at);
    if (!isAnyones(event)) return { fits: true, omitted };
    const address = caller?.address ?? '';
    const count = this.#rows.get(address) ?? 0;
    const fits = count < this.#max.perAddress && this.#total < this.#max.total;
    if (fits) {
      this.#rows.set(address, count + 1);
      this.#total += 1;
    } else this.#omitted += 1;
    return { fits, omitted };
  }

  /** Begins a new window if it is time; how many were left out in the last one. */
  turn(now: Date): number {
    if (now.getTime() < this.#until) return 0;
    const omitted = this.#omitted;
    this.#rows = new Map();
    this.#total = 0;
    this.#omitted = 0;
    this.#until = now.getTime() + windowMs;
    return omitted;
  }
}

function isAnyones(event: AuditEvent): boolean {
  if (event.type === 'registration') return event.how !== 'operator';
  return event.outcome === 'refused' && event.type !== 'reuse';
}
