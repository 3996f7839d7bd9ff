/** Metrics and traces, where they are wanted: what is not configured is not loaded, and costs nothing. */
import type { Logger } from 'pino';
import type { Histogram } from 'prom-client';
import type { Config } from '../config.ts';
import type { Metrics } from './metrics.ts';
import { type Outcome, timed } from './outcome.ts';
import type { SpanAttributes, Tracing } from './tracing.ts';

type Observed = 'database' | 'providers' | 'clientFetches';

export interface Telemetry {
  readonly metrics: Metrics | undefined;
  readonly tracing: Tracing | undefined;
  /** Times `work` under these labels, and makes a span of it inside of a request that is traced. */
  observe<T>(
    what: Observed,
    labels: SpanAttributes,
    outcomeOf: Outcome,
    work: () => Promise<T>,
    span?: { readonly name: () => string },
  ): Promise<T>;
}

const spanNames: Readonly<Record<Observed, string>> = {
  database: 'database',
  providers: 'identity provider',
  clientFetches: 'client metadata',
};

/** Undefined: neither is wanted. */
export async function startTelemetry(
  config: Pick<Config, 'metrics' | 'tracing'>,
  log: Logger,
): Promise<Telemetry | undefined> {
  if (config.metrics === undefined && config.tracing === undefined) return undefined;
  const metrics = config.metrics && (await import('./metrics.ts')).createMetrics();
  const tracing = config.tracing && (await import('./open-telemetry.ts')).startTracing(config.tracing, log);
  return {
    metrics,
    tracing,
    observe(what, labels, outcomeOf, work, span) {
      const counted =
        metrics === undefined
          ? work
          : () =>
              timed(work, outcomeOf, (outcome, seconds) =>
                (metrics[what] as Histogram).observe({ ...labels, outcome }, seconds),
              );
      if (tracing === undefined || !tracing.isActive) return counted();
      return tracing.span(
        span?.name() ?? `${spanNames[what]} ${Object.values(labels).join(' ')}`,
        labels,
        counted,
      );
    },
  };
}
