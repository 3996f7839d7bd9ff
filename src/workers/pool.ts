/** Keeps so many workers running, whatever happens to them, and replaces them one after the other when asked to. */
import cluster, { type Worker } from 'node:cluster';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import { order, type Report } from './messages.ts';
import { restartDelayMs, steadyMs } from './restart-delay.ts';

/** The place of one worker. */
interface Place {
  /** Who serves there. Undefined: it has ended, and the next one is not ready yet. */
  worker: Worker | undefined;
  /** On the monotonic clock, in milliseconds. */
  readySince: number;
  /** How many in a row ended soon after they began, or did not begin. */
  quickEnds: number;
  /** Its next worker is being started beside the one that serves. */
  isChanging: boolean;
  /** Ends the wait before the next attempt. */
  wake: AbortController;
}

export class WorkerPool {
  readonly #log: Logger;
  readonly #places: Place[] = [];
  /** All that have not ended: also those that start, and those that finish what is open. */
  readonly #alive = new Set<Worker>();
  #isStopping = false;
  /** Workers up to this number began before the last restart was asked for. */
  #outdated = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * The first one alone: it brings the database up to date, and makes the key where there is none.
   * @throws Error with words for the operator, when one of them does not start
   */
  async start(count: number): Promise<void> {
    await this.#add();
    await Promise.all(Array.from({ length: count - 1 }, async () => this.#add()));
  }

  /**
   * Puts a new worker into every place, one after the other: it listens before the one before it is told to go. Who goes
   * is not waited for.
   * @throws Error when a new one does not start: those that are not replaced yet go on
   */
  async restart(count: number): Promise<void> {
    this.#outdated = Math.max(this.#outdated, ...[...this.#alive].map(({ id }) => id));
    for (const place of this.#places.slice(0, count)) {
      if (place.worker === undefined) place.wake.abort();
      else if (!place.isChanging) await this.#change(place, place.worker);
    }
    while (this.#places.length < count) await this.#add();
    for (const { worker, wake } of this.#places.splice(count)) {
      wake.abort();
      if (worker !== undefined) order(worker, 'retire');
    }
  }

  /** Nothing is started any more. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Resolves when all have ended: whether each of them could finish. */
  async stop(): Promise<boolean> {
    this.#isStopping = true;
    for (const { wake } of this.#places) wake.abort();
    const ends = await Promise.all(
      [...this.#alive].map(async (worker) => {
        const end = new Promise<number | null>((resolve) => {
          worker.once('exit', (code: number | null) => resolve(code));
        });
        order(worker, 'stop');
        return (await end) === 0;
      }),
    );
    return ends.every(Boolean);
  }

  /** At once. */
  kill(): void {
    this.#isStopping = true;
    for (const worker of this.#alive) worker.process.kill('SIGKILL');
  }

  async #add(): Promise<void> {
    const worker = await this.#launch();
    this.#places.push({
      worker,
      readySince: performance.now(),
      quickEnds: 0,
      isChanging: false,
      wake: new AbortController(),
    });
  }

  /** @throws Error with the reason why it did not start */
  async #launch(): Promise<Worker> {
    if (this.#isStopping) throw new Error('everything is stopping');
    const worker = cluster.fork();
    this.#alive.add(worker);
    const { promise, resolve, reject } = withResolvers<Worker>();
    let reason: string | undefined;
    worker.on('message', (report: Report) => {
      if (report.type === 'ready') resolve(worker);
      // It could not hear that while it was starting.
      if (report.type === 'ready' && this.#isStopping) order(worker, 'stop');
      if (report.type === 'failed') ({ reason } = report);
    });
    worker.on('error', (error) => {
      // It could not even be made: then it does not end either.
      if (worker.process.pid === undefined) worker.emit('exit', null, null);
      this.#log.error({ err: error, worker: worker.process.pid }, 'a worker failed');
    });
    worker.once('exit', (code: number | null, signal: string | null) => {
      this.#alive.delete(worker);
      reject(
        new Error(reason ?? `a worker process ended (${signal ?? code ?? 'not made'}) while it started`),
      );
      const place = this.#places.find((one) => one.worker === worker);
      if (place !== undefined && !this.#isStopping)
        this.#ended(place, { worker: worker.process.pid, code, signal });
    });
    await promise;
    this.#log.info({ worker: worker.process.pid }, 'a worker is ready');
    return worker;
  }

  #ended(place: Place, end: object): void {
    place.worker = undefined;
    if (performance.now() - place.readySince >= steadyMs) place.quickEnds = 0;
    this.#log.error(end, 'a worker ended');
    if (!place.isChanging) void this.#refill(place);
  }

  /** Until there is one again. */
  async #refill(place: Place): Promise<void> {
    while (!this.#isStopping && place.worker === undefined && this.#places.includes(place)) {
      const delayMs = restartDelayMs(place.quickEnds);
      place.quickEnds += 1;
      this.#log.warn({ delayMs }, 'a worker is started in its place');
      place.wake = new AbortController();
      await setTimeout(delayMs, undefined, { signal: place.wake.signal }).catch(() => undefined);
      if (this.#isStopping) return;
      try {
        this.#fill(place, await this.#launch());
      } catch (error) {
        this.#logFailure(error, 'a worker does not start; it is tried again');
      }
    }
    if (place.worker !== undefined && !this.#places.includes(place)) order(place.worker, 'retire');
    // What it read may have changed since it began.
    else if (place.worker !== undefined && place.worker.id <= this.#outdated)
      await this.#change(place, place.worker).catch((error: unknown) =>
        this.#logFailure(error, 'a worker is not restarted'),
      );
  }

  #fill(place: Place, worker: Worker): void {
    place.worker = worker;
    place.readySince = performance.now();
  }

  async #change(place: Place, before: Worker): Promise<void> {
    place.isChanging = true;
    try {
      this.#fill(place, await this.#launch());
      order(before, 'retire');
    } finally {
      place.isChanging = false;
      if (place.worker === undefined) void this.#refill(place);
    }
  }

  #logFailure(error: unknown, message: string): void {
    if (!this.#isStopping) this.#log.error({ reason: (error as Error).message }, message);
  }
}

/** `Promise.withResolvers` of Node 22. */
function withResolvers<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
