/** Writes the audit trail into its table, behind the requests: none waits for it, and none fails with it. */
import { createId } from '../crypto/secrets.ts';
import { type AuditRow, insertAuditRows } from '../repositories/audit-events.ts';
import { AuditBudget } from './audit-budget.ts';
import { toAuditEntry } from './audit-entry.ts';
import { isAudited, type Recorded } from './events.ts';
import type { Services } from './services.ts';

type WriterServices = Pick<Services, 'db' | 'clock' | 'config' | 'log'>;

/** How long a row waits at most while the database answers: what a process that is killed has not written is lost. */
const intervalMs = 500;
const batchSize = 500;
/** Some minutes of a busy instance without its database. */
const maxWaiting = 20_000;

export class AuditWriter {
  readonly #services: WriterServices;
  readonly #budget: AuditBudget;
  readonly #maxWaiting: number;
  #waiting: AuditRow[] = [];
  #lost = 0;
  #isAway = false;
  #timer: NodeJS.Timeout | undefined;
  #flush: Promise<void> | undefined;

  constructor(
    services: WriterServices,
    options: { readonly budget?: AuditBudget; readonly maxWaiting?: number } = {},
  ) {
    this.#services = services;
    this.#budget = options.budget ?? new AuditBudget();
    this.#maxWaiting = options.maxWaiting ?? maxWaiting;
  }

  start(): void {
    this.#timer = setInterval(() => void this.flush(), intervalMs).unref();
  }

  /** Writes what is left. What cannot be written is said, and is in the log. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#tellOmitted(this.#budget.turn(new Date(8.64e15)));
    await this.#flush;
    await this.flush();
    if (this.#waiting.length > 0)
      this.#services.log.warn(
        { rows: this.#waiting.length },
        'rows of the audit trail were not written: they are in the log alone',
      );
  }

  take(recorded: Recorded): void {
    if (!isAudited(recorded)) return;
    const { fits, omitted } = this.#budget.take(recorded);
    this.#tellOmitted(omitted);
    if (fits) this.#add({ key: createId(), ...toAuditEntry(recorded, this.#services.config) });
  }

  /** One at a time; those that come meanwhile are for the next. Never throws. */
  flush(): Promise<void> {
    this.#flush ??= this.#write().finally(() => {
      this.#flush = undefined;
    });
    return this.#flush;
  }

  #add(row: AuditRow): void {
    if (this.#waiting.length < this.#maxWaiting) this.#waiting.push(row);
    else this.#lost += 1;
  }

  #tellOmitted(count: number): void {
    if (count === 0) return;
    this.#services.log.warn({ count }, 'refusals and registrations were left out of the audit table');
    const now = this.#services.clock();
    const facts = { subject: undefined, email: undefined, clientId: undefined, grantId: undefined };
    const details = { count, reason: 'more refusals and registrations in a minute than the table takes' };
    this.#add({ key: createId(), at: now, type: 'omitted', outcome: 'refused', ...facts, details });
  }

  async #write(): Promise<void> {
    const { log, clock } = this.#services;
    this.#tellOmitted(this.#budget.turn(clock()));
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, batchSize);
      try {
        await this.#store(batch);
      } catch (error) {
        if (!this.#isAway) log.warn({ err: error }, 'the audit trail cannot be written; it is tried again');
        this.#isAway = true;
        return;
      }
      this.#waiting = this.#waiting.slice(batch.length);
      this.#isAway = false;
    }
    if (this.#lost > 0)
      log.error({ rows: this.#lost }, 'rows of the audit trail did not fit: they are in the log alone');
    this.#lost = 0;
  }

  /** A row that the database refuses must not hold up the others for ever. */
  async #store(batch: readonly AuditRow[]): Promise<void> {
    const { db, log } = this.#services;
    try {
      await insertAuditRows(db, batch);
    } catch (error) {
      if (!isAboutRows(error)) throw error;
      if (batch.length > 1) {
        for (const row of batch) await this.#store([row]);
        return;
      }
      log.error(
        { err: error, type: batch[0]?.type },
        'the audit table refused a row: it is in the log alone',
      );
    }
  }
}

/** Data that does not fit, a constraint, a limit (PostgreSQL classes 22, 23, 54). All else may pass: it is tried again. */
function isAboutRows(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(22|23|54)/.test(String(error.code));
}
