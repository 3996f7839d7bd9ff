/** One answer to Prometheus for all workers. */
import cluster, { type Worker } from 'node:cluster';
import { setTimeout } from 'node:timers/promises';
import { AggregatorRegistry, Registry } from 'prom-client';
import { type Counted, order, type Report } from './messages.ts';

/** Who has not answered by then is counted as it was when it last did. */
const patienceMs = 1_000;

/**
 * Sums of what the workers count. Who has ended stays in the sums of what only grows: they would otherwise fall, and
 * Prometheus would take that for a restart and count everything again.
 */
export class WorkerMetrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #last = new Map<number, Counted>();
  #ended: Counted = [];
  readonly #waiting = new Map<number, (() => void)[]>();

  constructor() {
    cluster.on('message', ({ id }: Worker, report: Report) => {
      if (report.type !== 'counted') return;
      this.#last.set(id, report.metrics);
      this.#answered(id);
    });
    // The last event of a worker: its messages have all come.
    cluster.on('disconnect', ({ id }: Worker) => {
      this.#keep(this.#last.get(id) ?? []);
      this.#last.delete(id);
      this.#answered(id);
    });
  }

  /** In the format of Prometheus. */
  async metrics(): Promise<string> {
    await Promise.all(Object.values(cluster.workers ?? {}).map(async (worker) => this.#ask(worker)));
    return await AggregatorRegistry.aggregate([[...this.#ended], ...this.#last.values()]).metrics();
  }

  async #ask(worker: Worker | undefined): Promise<void> {
    if (worker === undefined || !worker.isConnected()) return;
    const answer = new Promise<void>((resolve) => {
      this.#waiting.set(worker.id, [...(this.#waiting.get(worker.id) ?? []), resolve]);
    });
    order(worker, 'report');
    const isOver = new AbortController();
    const patience = setTimeout(patienceMs, undefined, { signal: isOver.signal }).catch(() => undefined);
    await Promise.race([answer, patience]);
    isOver.abort();
  }

  #answered(id: number): void {
    for (const resolve of this.#waiting.get(id) ?? []) resolve();
    this.#waiting.delete(id);
  }

  #keep(metrics: Counted): void {
    const growing = metrics.filter(({ type }) => type === 'counter' || type === 'histogram');
    this.#ended = AggregatorRegistry.aggregate([
      [...this.#ended],
      growing,
    ]).getMetricsAsArray() as object as Counted;
  }
}
