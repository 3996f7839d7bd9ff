/** Where metrics and traces go: variables of our own for Prometheus, those of the OpenTelemetry specification for traces. */
import { z } from 'zod';
import { defaultAuthPort, defaultPort } from './config-mode.ts';
import type { Environment } from './config-provider.ts';
import { flag, httpUrl, text, wholeNumber } from './config-schema.ts';

export interface ObservabilityConfig {
  /** Where Prometheus reads metrics. Undefined: nothing is counted. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  /** Undefined: no traces are made. */
  readonly tracing: TracingConfig | undefined;
}

export interface TracingConfig {
  /** Where spans are posted: `http://collector:4318/v1/traces`. */
  readonly endpoint: string;
  /** May hold a credential: never printed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly compression: 'gzip' | 'none';
  readonly sampler: SamplerName;
  /** The share of traces that a ratio sampler keeps. */
  readonly sampledShare: number;
  /** Whether the caller's `traceparent` may say what is recorded. */
  readonly trustsSampling: boolean;
  /** `service.name` is among them. */
  readonly resource: Readonly<Record<string, string>>;
}

const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof samplers)[number];

const endpoint = text(httpUrl, 'must be an http or https URL. Example: http://localhost:4318');
const protocol = text(
  (value) => value === 'http/protobuf',
  'must be http/protobuf, which collectors take at port 4318. Example: http/protobuf',
);
const timeout = wholeNumber(10_000, 1, 600_000);
const compression = z.enum(['gzip', 'none'], { error: 'must be gzip or none. Example: gzip' });

/** `name=value` with commas between and percent-encoding (OpenTelemetry specification, as in W3C Baggage). */
const pairs = z.string().transform((value, context): Record<string, string> => {
  const entries = value
    .split(',')
    .filter((pair) => pair.trim() !== '')
    .map(readPair);
  if (entries.every((entry) => entry !== undefined)) return Object.fromEntries(entries);
  context.addIssue({
    code: 'custom',
    message: 'must be name=value with commas between. Example: name=value,other=with%20space',
  });
  return z.NEVER;
});

const schema = z
  .object({
    METRICS_PORT: wholeNumber(9464, 0, 65535),
    METRICS_HOST: z.string(),
    OTEL_SDK_DISABLED: z.string().transform((value) => value.toLowerCase() === 'true'),
    OTEL_TRACES_EXPORTER: z.enum(['otlp', 'none'], { error: 'must be otlp or none. Example: otlp' }),
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol,
    OTEL_EXPORTER_OTLP_HEADERS: pairs,
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: pairs,
    OTEL_EXPORTER_OTLP_TIMEOUT: timeout,
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: timeout,
    OTEL_EXPORTER_OTLP_COMPRESSION: compression,
    OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: compression,
    OTEL_TRACES_SAMPLER: z.enum(samplers, {
      error: `must be one of ${samplers.join(', ')}. Example: parentbased_traceidratio`,
    }),
    OTEL_TRACES_SAMPLER_ARG: text(
      (value) => /^(0?\.\d{1,20}|0|1(\.0{1,20})?)$/.test(value),
      'must be a number from 0 to 1: the share of traces to keep. Example: 0.05',
    ).transform(Number),
    OTEL_SERVICE_NAME: z.string(),
    OTEL_RESOURCE_ATTRIBUTES: pairs,
    TRACE_TRUST_SAMPLING: flag,
  })
  .partial();

/** `present` has the variables that are set; what is wrong with them is added to `problems`. */
export function readObservability(present: Environment, problems: string[]): ObservabilityConfig {
  const read = schema.safeParse(present);
  if (!read.success) {
    problems.push(...read.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`));
    return { metrics: undefined, tracing: undefined };
  }
  const metrics = readMetrics(read.data);
  if (metrics !== undefined) problems.push(...portProblems(present, metrics.port));
  return { metrics, tracing: readTracing(read.data) };
}

type Values = z.infer<typeof schema>;

/** Only this machine can read them, unless it is said otherwise: they tell strangers how busy the server is, and when it is not well. */
function readMetrics({ METRICS_HOST, METRICS_PORT }: Values): ObservabilityConfig['metrics'] {
  return METRICS_PORT === undefined ? undefined : { host: METRICS_HOST ?? 'localhost', port: METRICS_PORT };
}

function portProblems({ MODE, PORT, AUTH_PORT }: Environment, port: number): string[] {
  const others = {
    PORT: PORT ?? defaultPort,
    ...(MODE === 'forward_auth' && { AUTH_PORT: AUTH_PORT ?? defaultAuthPort }),
  };
  return Object.entries(others)
    .filter(([, other]) => port !== 0 && Number(other) === port)
    .map(
      ([name]) =>
        `METRICS_PORT must be another port than ${name}: metrics are not for clients. Example: 9464`,
    );
}

function readTracing(values: Values): TracingConfig | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = values;
  const url = own ?? (base === undefined ? undefined : `${base.replace(/\/$/, '')}/v1/traces`);
  if (url === undefined || values.OTEL_SDK_DISABLED === true || values.OTEL_TRACES_EXPORTER === 'none')
    return undefined;
  return {
    endpoint: url,
    headers: { ...values.OTEL_EXPORTER_OTLP_HEADERS, ...values.OTEL_EXPORTER_OTLP_TRACES_HEADERS },
    timeoutMs: values.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT ?? values.OTEL_EXPORTER_OTLP_TIMEOUT ?? 10_000,
    compression:
      values.OTEL_EXPORTER_OTLP_TRACES_COMPRESSION ?? values.OTEL_EXPORTER_OTLP_COMPRESSION ?? 'none',
    sampler: values.OTEL_TRACES_SAMPLER ?? 'parentbased_always_on',
    sampledShare: values.OTEL_TRACES_SAMPLER_ARG ?? 1,
    trustsSampling: values.TRACE_TRUST_SAMPLING ?? false,
    resource: {
      'service.name': 'mcp-oauth-proxy',
      ...values.OTEL_RESOURCE_ATTRIBUTES,
      ...(values.OTEL_SERVICE_NAME !== undefined && { 'service.name': values.OTEL_SERVICE_NAME }),
    },
  };
}

function readPair(pair: string): readonly [string, string] | undefined {
  const [, name, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
  try {
    return name === undefined ? undefined : [decodeURIComponent(name), decodeURIComponent(value ?? '')];
  } catch {
    return undefined;
  }
}
