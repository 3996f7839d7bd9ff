/** How long the proxy takes from the start of its process to its first answer that it is ready, and what it needs when idle. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { startPostgres } from '../support/postgres.ts';
import type { Bench, BenchOptions, Goal } from './report.ts';
import { type ProxyEnvironment, proxyEnvironment, residentKib, startProxy } from './start-proxy.ts';

/** Nobody is there: an MCP server that is away keeps no proxy from starting. */
const mcpServerUrl = 'http://127.0.0.1:9/mcp';
const idleMs = 5_000;

interface Measured {
  readonly name: string;
  readonly firstMs: number;
  readonly readyMs: number;
  readonly readyOnOneCoreMs: number;
  readonly idleMib: number;
}

export const start: Bench = {
  name: 'start',
  about: 'from the start of the process to ready, and memory when idle',
  async run(options) {
    const postgres = await startPostgres();
    const dataDir = await mkdtemp(join(tmpdir(), 'mcp-bench-'));
    try {
      const onPostgres = await measure('PostgreSQL', options, { DATABASE_DSN: postgres.dsn });
      const embedded = await measure('embedded', options, { DATA_DIR: dataDir });
      return {
        tables: [
          {
            title: 'Start',
            columns: [
              'database',
              'empty database, ms',
              'existing database, ms',
              'existing, on one core, ms',
              'RSS idle, MiB',
            ],
            rows: [onPostgres, embedded].map((one) => [
              one.name,
              one.firstMs.toFixed(0),
              one.readyMs.toFixed(0),
              one.readyOnOneCoreMs.toFixed(0),
              one.idleMib.toFixed(0),
            ]),
          },
        ],
        goals: goalsOf(onPostgres, embedded),
        notes: [
          `Until \`/health/ready\` answers 200; medians. RSS: ${idleMs / 1000} s after that, without a request.`,
        ],
      };
    } finally {
      await postgres.remove();
      await rm(dataDir, { recursive: true, force: true });
    }
  },
};

async function measure(
  name: string,
  { node, isQuick, rounds = isQuick ? 2 : 5, say }: BenchOptions,
  database: Readonly<Record<string, string>>,
): Promise<Measured> {
  say(`start: ${name}`);
  const environment = await proxyEnvironment(mcpServerUrl, database);
  const first = await startProxy(node, environment, 'all');
  await first.stop();
  const readyMs: number[] = [];
  const readyOnOneCoreMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    readyMs.push(await startOnce(node, environment, 'all'));
    readyOnOneCoreMs.push(await startOnce(node, environment, 'one'));
  }
  const idle = await startProxy(node, environment, 'all');
  await setTimeout(idleMs);
  const idleMib = (residentKib(idle.pid) ?? NaN) / 1024;
  await idle.stop();
  return {
    name,
    firstMs: first.readyAfterMs,
    readyMs: median(readyMs),
    readyOnOneCoreMs: median(readyOnOneCoreMs),
    idleMib,
  };
}

async function startOnce(node: string, environment: ProxyEnvironment, cores: 'one' | 'all'): Promise<number> {
  const proxy = await startProxy(node, environment, cores);
  await proxy.stop();
  return proxy.readyAfterMs;
}

function goalsOf(onPostgres: Measured, embedded: Measured): readonly Goal[] {
  const atMost = (goal: string, limit: number, reached: number, unit: string): Goal => ({
    goal,
    wanted: `< ${limit} ${unit}`,
    reached: `${reached.toFixed(0)} ${unit}`,
    isReached: reached < limit,
  });
  return [
    atMost('Ready, existing database, PostgreSQL', 1_000, onPostgres.readyMs, 'ms'),
    atMost('Ready, existing database, embedded', 2_500, embedded.readyMs, 'ms'),
    atMost('RSS idle, PostgreSQL', 120, onPostgres.idleMib, 'MiB'),
  ];
}

function median(measured: readonly number[]): number {
  return [...measured].sort((a, b) => a - b)[Math.floor(measured.length / 2)] ?? NaN;
}
