/** The token endpoint: codes exchanged and tokens refreshed a second, by one core. */
import { execFile } from 'node:child_process';
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startPostgres } from '../support/postgres.ts';
import type { Bench, BenchOptions } from './report.ts';
import {
  pinnedTo,
  pinThisProcess,
  type ProxyEnvironment,
  proxyEnvironment,
  startProxy,
} from './start-proxy.ts';
import { openTokenCaller } from './token-client.ts';
import type { FlowRate } from './token-flows.ts';
import { type Measured, type Rate, reportRates } from './token-report.ts';
import {
  forEachOf,
  openServices,
  type SeededClient,
  type SeededCode,
  seedClient,
  seedCodes,
} from './token-seeds.ts';

const callers = 32;
/** As operators run it: what is acknowledged is on disk. */
const durable = ['fsync=on', 'full_page_writes=on', 'autovacuum=on', 'shared_buffers=256MB'];
/** Nobody is there, and nobody is asked. */
const mcpServerUrl = 'http://127.0.0.1:9/mcp';

export const token: Bench = {
  name: 'token',
  about: 'the token endpoint: code exchanges and refreshes a second, PostgreSQL and embedded',
  async run(options) {
    const free = pinThisProcess(1);
    const postgres = await startPostgres({ settings: durable });
    const dataDir = await mkdtemp(join(tmpdir(), 'mcp-bench-'));
    try {
      const syncs = [countSyncs(postgres.folder)];
      const onPostgres = await measure('PostgreSQL', options, { DATABASE_DSN: postgres.dsn });
      syncs.push(countSyncs(postgres.folder));
      const embedded = await measure('embedded', options, { DATA_DIR: dataDir });
      return reportRates(onPostgres, embedded, { syncs, callers });
    } finally {
      await postgres.remove();
      await rm(dataDir, { recursive: true, force: true });
      free();
    }
  },
};

/** How often in a second a page is written and on disk, one after the other, where the database is. */
function countSyncs(folder: string): number {
  const file = openSync(join(folder, 'syncs'), 'w');
  const page = new Uint8Array(8192);
  writeSync(file, page, 0, page.length, 0);
  let count = 0;
  const end = performance.now() + 1_000;
  for (; performance.now() < end; count += 1) {
    writeSync(file, page, 0, page.length, 0);
    fdatasyncSync(file);
  }
  closeSync(file);
  return count;
}

async function measure(
  database: string,
  options: BenchOptions,
  variables: Readonly<Record<string, string>>,
): Promise<Measured> {
  const { isQuick, rounds = isQuick ? 1 : 3, say } = options;
  const environment = await proxyEnvironment(mcpServerUrl, variables);
  const count = isQuick ? 500 : database === 'embedded' ? 1_500 : 4_000;
  const http: Rate[] = [];
  const flows: FlowRate[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    say(`token: ${database}, round ${round} of ${rounds}`);
    http.push(await measureHttp(options.node, environment, count));
    flows.push(...(await measureFlows(options.node, environment, count)));
  }
  const of = (way: FlowRate['way']) => medians(flows.filter((rate) => rate.way === way));
  return { database, http: medians(http), statement: of('statement'), transaction: of('transaction') };
}

async function measureHttp(node: string, environment: ProxyEnvironment, count: number): Promise<Rate> {
  // The embedded database is for one process: what is exchanged later is there before the proxy starts.
  const { services, close } = await openServices(environment);
  const seeded = await seedClient(services);
  const codes = await seedCodes(services, seeded, count + callers * 10);
  await close();
  const proxy = await startProxy(node, environment);
  try {
    return await callEndpoint(proxy, seeded, codes);
  } finally {
    await proxy.stop();
  }
}

async function callEndpoint(
  { origin, pid }: { readonly origin: string; readonly pid: number },
  seeded: SeededClient,
  codes: readonly SeededCode[],
): Promise<Rate> {
  const open = await Promise.all(Array.from({ length: callers }, () => openTokenCaller(origin, seeded)));
  const chains: string[] = [];
  let next = 0;
  const exchange = async (_index: number, worker: number) => {
    const code = codes[next++];
    if (code !== undefined) chains[worker] = (await open[worker]?.exchange(code)) ?? '';
  };
  const refresh = async (_index: number, worker: number) => {
    chains[worker] = (await open[worker]?.refresh(chains[worker] ?? '')) ?? '';
  };
  const timed = async (count: number, work: typeof refresh) => {
    const cpuBefore = cpuSeconds(pid);
    const startedAt = performance.now();
    await forEachOf(count, callers, work);
    const seconds = (performance.now() - startedAt) / 1000;
    return { rate: count / seconds, cpu: ((cpuSeconds(pid) - cpuBefore) * 1e6) / count };
  };
  const count = codes.length - callers * 10;
  await timed(callers * 10, exchange);
  const exchanges = await timed(count, exchange);
  await timed(callers * 10, refresh);
  const refreshes = await timed(count, refresh);
  for (const caller of open) caller.close();
  return {
    exchanges: exchanges.rate,
    cpuOfExchange: exchanges.cpu,
    refreshes: refreshes.rate,
    cpuOfRefresh: refreshes.cpu,
  };
}

/** User and system time so far: clock ticks of a hundredth of a second on every Linux of today. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function measureFlows(
  node: string,
  environment: ProxyEnvironment,
  count: number,
): Promise<readonly FlowRate[]> {
  const script = fileURLToPath(new URL('token-flows.ts', import.meta.url));
  const [program, ...args] = [...pinnedTo(0), node, '--import', 'tsx', script, String(count)] as const;
  const { stdout } = await promisify(execFile)(program, args, {
    env: { PATH: process.env.PATH, ...environment },
  });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as FlowRate);
}

function medians(rates: readonly Rate[]): Rate {
  const of = (key: keyof Rate) =>
    rates.map((rate) => rate[key]).sort((a, b) => a - b)[Math.floor(rates.length / 2)] ?? NaN;
  return {
    exchanges: of('exchanges'),
    refreshes: of('refreshes'),
    cpuOfExchange: of('cpuOfExchange'),
    cpuOfRefresh: of('cpuOfRefresh'),
  };
}
