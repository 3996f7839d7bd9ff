/** Metrics that are read off what is there anyway, at the moment someone reads them: between two reads they cost nothing. */
import { type Aggregator, collectDefaultMetrics, Counter, Gauge, type Registry } from 'prom-client';
import type { Services } from '../flows/services.ts';
import { readVersion } from './version.ts';

export function exposeState(registry: Registry, services: Services): void {
  const { db, identityProviders, openRequests, revocationFeed, verifiedTokens, counts } = services;
  const gauge = <T extends string>(
    name: string,
    help: string,
    read: (gauge: Gauge<T>) => void,
    {
      labelNames = [],
      ofWorkers = 'sum',
    }: { readonly labelNames?: readonly T[]; readonly ofWorkers?: Aggregator } = {},
  ) =>
    new Gauge<T>({
      name: `mcp_oauth_proxy_${name}`,
      help,
      labelNames: [...labelNames],
      aggregator: ofWorkers,
      registers: [registry],
      collect() {
        read(this);
      },
    });
  const counter = <T extends string>(
    name: string,
    help: string,
    labelNames: readonly T[],
    read: () => Iterable<readonly [Record<T, string>, number]>,
  ) =>
    new Counter<T>({
      name: `mcp_oauth_proxy_${name}_total`,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        for (const [labels, count] of read()) this.inc(labels, count);
      },
    });

  collectDefaultMetrics({ register: registry });
  gauge('build_info', 'Always 1: the label is what counts.', (it) => it.set({ version: readVersion() }, 1), {
    labelNames: ['version'],
    ofWorkers: 'first',
  });

  counter('connection_steps', 'How far connections come.', ['step'], () =>
    Object.entries(counts.steps).map(([step, count]) => [{ step }, count] as const),
  );
  counter('refusals', 'What was refused, by code.', ['endpoint', 'code'], () =>
    [...counts.refusals].flatMap(([code, routes]) =>
      [...routes].map(([endpoint, count]) => [{ endpoint, code }, count] as const),
    ),
  );
  counter('reuse_detected', 'Grants that ended because a code or token was used twice.', ['what'], () =>
    Object.entries(counts.reused).map(([what, count]) => [{ what }, count] as const),
  );

  gauge('calls_open', 'Requests that are at the MCP server or being answered.', (it) =>
    it.set(openRequests.count),
  );
  gauge('streams_open', 'Of these, those that are answered with an event stream.', (it) =>
    it.set(openRequests.streamCount),
  );
  gauge(
    'revocation_feed_lag_seconds',
    'Since revocations were last read. About half a second is normal.',
    (it) => it.set(revocationFeed.lagMs / 1000),
    { ofWorkers: 'max' },
  );
  gauge(
    'revocation_feed_fresh',
    '1 while verified tokens are trusted from memory, 0 when each asks the database.',
    (it) => it.set(revocationFeed.isFresh ? 1 : 0),
    { ofWorkers: 'min' },
  );
  gauge(
    'provider_ready',
    '1 while people can sign in there.',
    (it) => {
      for (const { id, status } of identityProviders.all)
        it.set({ provider: id }, status().state === 'ready' ? 1 : 0);
    },
    { labelNames: ['provider'], ofWorkers: 'min' },
  );
  gauge('verified_tokens', 'Access tokens kept in memory.', (it) => it.set(verifiedTokens.size));
  counter('verified_token_lookups', 'Whether a presented token was in memory.', ['result'], () => [
    [{ result: 'hit' }, verifiedTokens.hits],
    [{ result: 'miss' }, verifiedTokens.misses],
  ]);
  const { pool } = db;
  if (pool === undefined) return;
  gauge(
    'database_connections',
    'Connections to PostgreSQL that requests share.',
    (it) => {
      const { total, idle } = pool();
      it.set({ state: 'idle' }, idle);
      it.set({ state: 'in_use' }, total - idle);
    },
    { labelNames: ['state'] },
  );
  gauge('database_waiting', 'How many wait for a connection to PostgreSQL.', (it) => it.set(pool().waiting));
}

/** What prom-client would average over workers, or leave out: one that is stuck must be seen. */
function ofWorkers(name: string): Aggregator | undefined {
  if (name === 'nodejs_eventloop_lag_min_seconds') return 'min';
  return name.startsWith('nodejs_eventloop_lag_') || name === 'process_start_time_seconds'
    ? 'max'
    : undefined;
}

/** What a worker tells of itself, with how that is put together with what others tell. */
export async function reportOf(registry: Registry) {
  const metrics = await registry.getMetricsAsJSON();
  return metrics.map((metric) => ({
    ...metric,
    type: String(metric.type),
    aggregator: ofWorkers(metric.name) ?? metric.aggregator,
  }));
}
