/** Follows the revocation feed, so that verified tokens can be trusted without asking the database each time. */
import type { Database } from '../repositories/database.ts';
import {
  type FeedEntry,
  findFeedPosition,
  findRevocationsSince,
  maxMissing,
  type Revocation,
  revocationChannel,
} from '../repositories/revocations.ts';

/** How long an id that was skipped is waited for: no transaction is open longer, and most were rolled back. */
const missingForMs = 24 * 3600_000;

interface FeedOptions {
  readonly db: Database;
  /** Called once for each revocation, in any order. */
  readonly onRevocation: (revocation: Revocation) => void;
  readonly onError: (error: unknown) => void;
  /** Called at each look for as long as nothing could be read for `silentAfterMs`. */
  readonly onSilence: () => void;
  /**
   * Called when the database is not the one that was read before: it was restarted or restored, or another server took
   * over. What was learnt from it may have been lost there. Called again at the next look if it fails.
   */
  readonly onNewPast: () => Promise<void>;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** How often to look even without a notification, which can be lost. */
  readonly pollIntervalMs?: number;
  /** How long after the last successful look nothing cached is trusted any more. */
  readonly staleAfterMs?: number;
  /** And after which even what is going on already is not trusted: a database that restarts or fails over is back by then. */
  readonly silentAfterMs?: number;
}

export class RevocationFeed {
  readonly #options: Required<FeedOptions>;
  /** Ids that were skipped, since when: a transaction that is still open may have them. */
  readonly #missing = new Map<number, number>();
  #server = '';
  #lastId = 0;
  #lastRevokedAt: string | undefined;
  #lastReadAt = Number.NEGATIVE_INFINITY;
  #hasFailed = false;
  #look: Promise<void> | undefined;
  #nextLook: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopListening: (() => Promise<void>) | undefined;

  constructor(options: FeedOptions) {
    this.#options = {
      now: () => performance.now(),
      pollIntervalMs: 500,
      staleAfterMs: 5_000,
      silentAfterMs: 60_000,
      ...options,
    };
  }

  /** Reads the feed's position and follows it from there. */
  async start(): Promise<void> {
    const startedAt = this.#options.now();
    this.#server = await this.#begin(startedAt);
    this.#lastReadAt = startedAt;
    this.#timer = setInterval(() => this.#poll(), this.#options.pollIntervalMs).unref();
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

  /** The look may hang as well as fail: so silence is noticed by the clock. */
  #poll(): void {
    if (this.lagMs > this.#options.silentAfterMs) this.#options.onSilence();
    void this.#tryCatchUp();
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
    const { isSamePast, revocations } = await findRevocationsSince(this.#options.db, {
      server: this.#server,
      lastId: this.#lastId,
      lastRevokedAt: this.#lastRevokedAt,
      missingIds: [...this.#missing.keys()],
    });
    for (const revocation of isSamePast ? revocations : []) {
      this.#advanceTo(revocation, startedAt);
      this.#options.onRevocation(revocation);
    }
    if (!isSamePast) await this.#beginAnew(startedAt);
    this.#forgetMissing(startedAt);
    this.#lastReadAt = startedAt;
  }

  /** Goes to the feed's end. Returns which run of which server that is. */
  async #begin(now: number): Promise<string> {
    const { server, lastId, lastRevokedAt, missingIds } = await findFeedPosition(this.#options.db);
    this.#lastId = lastId;
    this.#lastRevokedAt = lastRevokedAt;
    this.#missing.clear();
    for (const id of missingIds) this.#missing.set(id, now);
    return server;
  }

  /**
   * A server that crashed, or a standby that took over, may have lost the last transactions, and gives their ids to other
   * revocations. Nothing read before counts: from the feed's end on it is followed, and all up to there is asked for.
   * The server is known by its new name only when that is done.
   */
  async #beginAnew(now: number): Promise<void> {
    this.#server = '';
    const server = await this.#begin(now);
    await this.#options.onNewPast();
    this.#server = server;
  }

  /** Notes which ids were skipped on the way. */
  #advanceTo({ revocationId: id, revokedAt }: FeedEntry, now: number): void {
    this.#missing.delete(id);
    if (id <= this.#lastId) return;
    const firstSkipped = Math.max(this.#lastId + 1, id - maxMissing);
    for (let skipped = firstSkipped; skipped < id; skipped += 1) this.#missing.set(skipped, now);
    this.#lastId = id;
    this.#lastRevokedAt = revokedAt;
  }

  #forgetMissing(now: number): void {
    for (const [id, since] of this.#missing) {
      if (this.#missing.size <= maxMissing && now - since <= missingForMs) return;
      this.#missing.delete(id);
    }
  }
}
