/** Follows the revocation feed, so that verified tokens can be trusted without asking the database each time. */
import type { Database } from '../repositories/database.ts';
import {
  findRevocationsAfter,
  findSettledRevocationId,
  type Revocation,
  revocationChannel,
} from '../repositories/revocations.ts';

interface FeedOptions {
  readonly db: Database;
  /** Called once for each revocation, in any order. */
  readonly onRevocation: (revocation: Revocation) => void;
  readonly onError: (error: unknown) => void;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** How often to look even without a notification, which can be lost. */
  readonly pollIntervalMs?: number;
  /** How long after the last successful look nothing cached is trusted any more. */
  readonly staleAfterMs?: number;
}

export class RevocationFeed {
  readonly #options: FeedOptions & { now: () => number; pollIntervalMs: number; staleAfterMs: number };
  /** Ids seen above the settled one: they are read again until they are settled. */
  readonly #seen = new Set<number>();
  #settledId = 0;
  #lastReadAt = Number.NEGATIVE_INFINITY;
  #hasFailed = false;
  #look: Promise<void> | undefined;
  #nextLook: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopListening: (() => Promise<void>) | undefined;

  constructor(options: FeedOptions) {
    this.#options = { now: () => performance.now(), pollIntervalMs: 500, staleAfterMs: 5_000, ...options };
  }

  /** Reads the feed's position and follows it from there. */
  async start(): Promise<void> {
    const startedAt = this.#options.now();
    this.#settledId = await findSettledRevocationId(this.#options.db);
    this.#lastReadAt = startedAt;
    this.#timer = setInterval(() => void this.#tryCatchUp(), this.#options.pollIntervalMs).unref();
    this.#stopListening = await this.#options.db.listen(revocationChannel, () => void this.#tryCatchUp());
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#stopListening?.();
    await this.#look?.catch(() => undefined);
  }

  /** Whether what was verified before may still be trusted: the feed was read to its end a moment ago. */
  get isFresh(): boolean {
    return this.#options.now() - this.#lastReadAt <= this.#options.staleAfterMs;
  }

  /** Milliseconds since the last successful look began. */
  get lagMs(): number {
    return this.#options.now() - this.#lastReadAt;
  }

  /**
   * Returns when everything that was committed before this call has been seen. A look that is already under way may
   * have begun too early: then the next one counts, and all who wait share it.
   * @throws DatabaseUnavailableError
   */
  async catchUp(): Promise<void> {
    if (this.#look === undefined) {
      this.#look = this.#read().finally(() => {
        this.#look = undefined;
      });
      return this.#look;
    }
    this.#nextLook ??= this.#look
      .catch(() => undefined)
      .then(() => {
        this.#nextLook = undefined;
        return this.catchUp();
      });
    return this.#nextLook;
  }

  async #tryCatchUp(): Promise<void> {
    try {
      await this.catchUp();
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) this.#options.onError(error);
      this.#hasFailed = true;
    }
  }

  async #read(): Promise<void> {
    const startedAt = this.#options.now();
    const revocations = await findRevocationsAfter(this.#options.db, this.#settledId);
    for (const revocation of revocations) {
      if (!this.#seen.has(revocation.revocationId)) this.#options.onRevocation(revocation);
      this.#seen.add(revocation.revocationId);
    }
    this.#settledId =
      revocations.findLast((revocation) => revocation.isSettled)?.revocationId ?? this.#settledId;
    for (const id of this.#seen) if (id <= this.#settledId) this.#seen.delete(id);
    this.#lastReadAt = startedAt;
  }
}
