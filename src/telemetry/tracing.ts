/** What the rest of the program knows of traces: nothing of OpenTelemetry, which is loaded only where it is wanted. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingHttpHeaders } from 'node:http';

export type SpanAttributes = Readonly<Record<string, string | number>>;

/** The part of a trace that is being worked on, wherever the work goes. */
export interface ActiveSpan {
  readonly traceId: string;
  readonly spanId: string;
}
export const activeSpan = new AsyncLocalStorage<ActiveSpan>();

/** For log lines: which trace they belong to. */
export function traceFields(): object {
  const active = activeSpan.getStore();
  return active === undefined ? {} : { trace_id: active.traceId, span_id: active.spanId };
}

/** A span that somebody else ends. */
export interface OpenSpan {
  /** Runs work as a part of it. */
  run<T>(work: () => T): T;
  set(attributes: SpanAttributes): void;
  /** Once; `failure` is one of few words. */
  end(failure?: string): void;
}

export interface Tracing {
  /** Whether the work at hand belongs to a trace. */
  readonly isActive: boolean;
  /** Undefined for a request that is not recorded. */
  startRequest(name: string, headers: IncomingHttpHeaders, attributes: SpanAttributes): OpenSpan | undefined;
  /** A call of the work at hand to the MCP server, and the headers that continue the trace there. */
  startCall(
    name: string,
    attributes: SpanAttributes,
  ): { readonly span: OpenSpan; readonly headers: Readonly<Record<string, string>> } | undefined;
  span<T>(name: string, attributes: SpanAttributes, work: () => Promise<T>): Promise<T>;
  /** Sends what is left, for a while at most. */
  stop(): Promise<void>;
}
