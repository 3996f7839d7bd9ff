/** Traces by OpenTelemetry. Loaded only when they are wanted. */
import { setTimeout as wait } from 'node:timers/promises';
import {
  type Context,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import type { TracingConfig } from '../config-observability.ts';
import { createSampler } from './sampler.ts';
import { type ActiveSpan, activeSpan, type OpenSpan, type SpanAttributes, type Tracing } from './tracing.ts';

/** How long a collector that does not answer may hold up the end of the process. */
const patienceMs = 3_000;

export function startTracing(config: TracingConfig, log: Logger): Tracing {
  const { endpoint, headers, timeoutMs, compression } = config;
  const exporter = new OTLPTraceExporter({
    url: endpoint,
    headers,
    timeoutMillis: timeoutMs,
    // The exporter knows no others than these two words.
    compression: compression as never,
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes(config.resource),
    sampler: createSampler(config),
    spanLimits: { attributeValueLengthLimit: 256 },
    spanProcessors: [new BatchSpanProcessor({ exporter: reporting(exporter, log) })],
  });
  const tracer = provider.getTracer('mcp-oauth-proxy');
  const start = (name: string, kind: SpanKind, attributes: SpanAttributes, parent: Context) =>
    new RecordedSpan(tracer.startSpan(name, { kind, attributes }, parent), parent);
  const active = (): RecordedSpan | undefined => {
    const span = activeSpan.getStore();
    return span instanceof RecordedSpan ? span : undefined;
  };
  return {
    get isActive() {
      return active() !== undefined;
    },
    startRequest(name, incoming, attributes) {
      const span = start(name, SpanKind.SERVER, attributes, readParent(incoming));
      return span.isRecorded ? span : undefined;
    },
    startCall(name, attributes) {
      const parent = active();
      if (parent === undefined) return undefined;
      const span = start(name, SpanKind.CLIENT, attributes, parent.context);
      return { span, headers: span.headers };
    },
    async span(name, attributes, work) {
      const parent = active();
      if (parent === undefined) return work();
      const span = start(name, SpanKind.CLIENT, attributes, parent.context);
      try {
        const result = await span.run(work);
        span.end();
        return result;
      } catch (error) {
        span.end(error instanceof Error ? error.name : 'failed');
        throw error;
      }
    },
    async stop() {
      await Promise.race([
        provider.shutdown().catch(() => undefined),
        wait(patienceMs, undefined, { ref: false }),
      ]);
    },
  };
}

class RecordedSpan implements OpenSpan, ActiveSpan {
  readonly context: Context;
  readonly #span: Span;

  constructor(span: Span, parent: Context) {
    this.#span = span;
    this.context = trace.setSpan(parent, span);
  }

  get isRecorded(): boolean {
    return this.#span.isRecording();
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  get spanId(): string {
    return this.#span.spanContext().spanId;
  }

  /** W3C Trace Context §3.2, §3.3. */
  get headers(): Readonly<Record<string, string>> {
    const { traceState } = this.#span.spanContext();
    return {
      traceparent: `00-${this.traceId}-${this.spanId}-01`,
      // Also when it is empty: it takes the place of one that could not be read.
      tracestate: traceState?.serialize() ?? '',
    };
  }

  run<T>(work: () => T): T {
    return activeSpan.run(this, work);
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributes);
  }

  end(failure?: string): void {
    if (!this.#span.isRecording()) return;
    if (failure !== undefined) {
      this.#span.setAttribute('error.type', failure);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }
}

/** W3C Trace Context §3.2.2: a `traceparent` that cannot be read is none, and then `tracestate` is none either. */
function readParent({ traceparent, tracestate }: IncomingHttpHeaders): Context {
  const [, version, traceId = '', spanId = '', flags = '', more] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(text(traceparent)) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined))
    return ROOT_CONTEXT;
  const isSampled = (Number.parseInt(flags, 16) & TraceFlags.SAMPLED) !== 0;
  const parent = {
    traceId,
    spanId,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    traceState: createTraceState(text(tracestate)),
    isRemote: true,
  };
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}

function text(header: string | string[] | undefined): string {
  return [header ?? []].flat().join(',');
}

/** Says when traces begin to be lost, and when they arrive again; not each time. */
function reporting(exporter: SpanExporter, log: Logger): SpanExporter {
  let isFailing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const hasFailed = result.error !== undefined;
        if (hasFailed && !isFailing) log.warn({ err: result.error }, 'traces cannot be sent');
        if (!hasFailed && isFailing) log.info('traces are sent again');
        isFailing = hasFailed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}
