/** What the primary and its workers say to each other. */
import type { Cluster, Worker } from 'node:cluster';

/**
 * `retire`: another one listens in your place; finish what is open. `stop`: the server stops.
 * `report`: tell what you have counted.
 */
export type Order = 'retire' | 'stop' | 'report';

export type Report =
  | { readonly type: 'ready' }
  /** It does not start. The words are for the operator. */
  | { readonly type: 'failed'; readonly reason: string }
  | { readonly type: 'counted'; readonly metrics: Counted };

/** What prom-client calls JSON. */
export type Counted = readonly { readonly name: string; readonly type: string }[];

/** Others start programs as cluster workers too: ours have this argument. */
export const workerArgument = 'worker';

export function isWorkerOf(cluster: Cluster): cluster is Cluster & { readonly worker: Worker } {
  return cluster.isWorker && process.argv[2] === workerArgument;
}

/** Nothing happens when it does not arrive: whoever should have got it is gone, and that is noticed. */
export function order(worker: Worker, what: Order): void {
  if (worker.isConnected()) worker.send(what, () => undefined);
}

/** Resolves when it is on its way, or cannot be. */
export async function tell(report: Report): Promise<void> {
  if (!process.connected) return;
  await new Promise<void>((resolve) => {
    process.send?.(report, undefined, undefined, () => resolve());
  });
}
