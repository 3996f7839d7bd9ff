/** What goes wrong during the soak, and when. Each disturbance is written down before it begins. */
import { setTimeout } from 'node:timers/promises';
import type { PostgresServer } from '../support/postgres.ts';
import { instancePart } from './soak-judge.ts';
import type { Timeline } from './soak-timeline.ts';
import type { BackendProcess, InstanceProcess } from './soak-processes.ts';

export type Disturbance =
  | { readonly what: 'back end killed'; readonly awayMs: number }
  | { readonly what: 'database stopped' | 'database killed'; readonly awayMs: number }
  | { readonly what: 'database connections dropped' }
  | { readonly what: 'instance restarted'; readonly instance: number };

export interface Scheduled {
  /** As a part of the whole time. */
  readonly at: number;
  readonly disturbance: Disturbance;
}

/** Eight seconds without a database are more than the five for which an instance trusts its memory. */
export const everything: readonly Scheduled[] = [
  { at: 0.08, disturbance: { what: 'back end killed', awayMs: 500 } },
  { at: 0.15, disturbance: { what: 'database stopped', awayMs: 1_500 } },
  { at: 0.22, disturbance: { what: 'back end killed', awayMs: 0 } },
  { at: 0.3, disturbance: { what: 'database killed', awayMs: 500 } },
  { at: 0.36, disturbance: { what: 'instance restarted', instance: 1 } },
  { at: 0.48, disturbance: { what: 'database connections dropped' } },
  { at: 0.53, disturbance: { what: 'back end killed', awayMs: 1_500 } },
  { at: 0.6, disturbance: { what: 'database stopped', awayMs: 8_000 } },
  { at: 0.78, disturbance: { what: 'back end killed', awayMs: 200 } },
  { at: 0.8, disturbance: { what: 'database killed', awayMs: 2_000 } },
  { at: 0.9, disturbance: { what: 'back end killed', awayMs: 1_000 } },
];

export interface Parts {
  readonly timeline: Timeline;
  readonly postgres: PostgresServer;
  readonly backend: BackendProcess;
  readonly instances: readonly InstanceProcess[];
}

/** Returns when the part serves again. */
export async function disturb(parts: Parts, disturbance: Disturbance): Promise<void> {
  const { timeline, postgres, backend, instances } = parts;
  switch (disturbance.what) {
    case 'back end killed': {
      const outage = timeline.begin('back end', disturbance.what);
      await backend.kill();
      timeline.gone(outage);
      await setTimeout(disturbance.awayMs);
      timeline.starting(outage);
      await backend.start();
      return timeline.end(outage);
    }
    case 'database stopped':
    case 'database killed': {
      const outage = timeline.begin('database', disturbance.what);
      await (disturbance.what === 'database stopped' ? postgres.stop() : postgres.kill());
      timeline.gone(outage);
      await setTimeout(disturbance.awayMs);
      timeline.starting(outage);
      await postgres.start();
      return timeline.end(outage);
    }
    case 'database connections dropped': {
      const outage = timeline.begin('database', disturbance.what);
      await postgres.dropConnections();
      return timeline.end(outage);
    }
    case 'instance restarted': {
      const instance = instances[disturbance.instance];
      const outage = timeline.begin(instancePart(disturbance.instance), disturbance.what);
      const code = await instance?.stop();
      if (code !== 0) throw new Error(`an instance that was told to stop ended with ${code}`);
      timeline.gone(outage);
      timeline.starting(outage);
      await instance?.start();
      return timeline.end(outage);
    }
  }
}
