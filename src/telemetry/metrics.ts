/** Every metric that is recorded as it happens: names, labels and buckets. Each is explained in docs/operations. */
import { Histogram, Registry } from 'prom-client';

/** From a cached answer to a tool that thinks for minutes. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const streamBuckets = [1, 10, 60, 300, 1800, 3600, 21_600, 86_400];

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const registry = new Registry();
  const histogram = <T extends string>(name: string, help: string, labelNames: readonly T[], of = buckets) =>
    new Histogram<T>({
      name: `mcp_oauth_proxy_${name}_seconds`,
      help,
      labelNames: [...labelNames],
      buckets: of,
      registers: [registry],
    });
  return {
    registry,
    requests: histogram(
      'http_request_duration',
      'From the first byte of a request to the last of its answer. Event streams that a GET opens are not in it.',
      ['route', 'status'],
    ),
    streams: histogram(
      'stream_duration',
      'How long event streams that a GET opened were open.',
      [],
      streamBuckets,
    ),
    backend: histogram(
      'backend_response',
      'From sending a request to the MCP server until its answer begins.',
      ['status'],
    ),
    providers: histogram('provider_call_duration', 'What an identity provider was asked.', [
      'provider',
      'operation',
      'outcome',
    ]),
    database: histogram(
      'database_duration',
      'Statements and transactions, waiting for a connection included.',
      ['operation', 'outcome'],
    ),
    clientFetches: histogram('client_fetch_duration', 'What was read at addresses that clients named.', [
      'what',
      'outcome',
    ]),
  };
}
