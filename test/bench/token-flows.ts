/**
 * The flows of the token endpoint in a process of their own, without HTTP. The variables of a proxy are its environment.
 * Arguments: how many. Prints a line of JSON for each way: {@link FlowRate}.
 */
import { readEnvironment } from '../../src/config.ts';
import type { Services } from '../../src/flows/services.ts';
import {
  exchange,
  forEachOf,
  openServices,
  refresh,
  type SeededClient,
  type SeededCode,
  seedClient,
  seedCodes,
} from './token-seeds.ts';
import { exchangeInTransaction, refreshInTransaction } from './token-transactions.ts';

export interface FlowRate {
  readonly way: 'statement' | 'transaction';
  /** A second. */
  readonly exchanges: number;
  readonly refreshes: number;
  /** Processor time of this process, in µs. */
  readonly cpuOfExchange: number;
  readonly cpuOfRefresh: number;
}

const atOnce = 32;

interface Way {
  exchange(code: SeededCode): Promise<{ readonly refreshToken: string }>;
  refresh(refreshToken: string): Promise<{ readonly refreshToken: string }>;
}

async function measure(services: Services, seeded: SeededClient, count: number, way: Way) {
  const codes = await seedCodes(services, seeded, count);
  const chains: string[] = [];
  const exchanges = await timed(count, async (index) => {
    const code = codes[index];
    if (code !== undefined) chains[index % atOnce] = (await way.exchange(code)).refreshToken;
  });
  const refreshes = await timed(count, async (_index, worker) => {
    chains[worker] = (await way.refresh(chains[worker] ?? '')).refreshToken;
  });
  return {
    exchanges: exchanges.rate,
    cpuOfExchange: exchanges.cpu,
    refreshes: refreshes.rate,
    cpuOfRefresh: refreshes.cpu,
  };
}

async function timed(count: number, work: (index: number, worker: number) => Promise<void>) {
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await forEachOf(count, atOnce, work);
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { rate: count / seconds, cpu: (user + system) / count };
}

function definedOnly(variables: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

const count = Number(process.argv[2]);
const { services, close } = await openServices(definedOnly(readEnvironment()));
const seeded = await seedClient(services);
const ways = {
  statement: {
    exchange: (code) => exchange(services, seeded, code),
    refresh: (token) => refresh(services, seeded, token),
  },
  transaction: {
    exchange: (code) => exchangeInTransaction(services, seeded, code),
    refresh: (token) => refreshInTransaction(services, seeded, token),
  },
} satisfies Record<FlowRate['way'], Way>;
// The first round warms up.
for (const round of ['warm', 'measured']) {
  for (const way of ['statement', 'transaction'] as const) {
    const rate = await measure(services, seeded, round === 'warm' ? Math.min(count, 500) : count, ways[way]);
    if (round === 'measured') console.log(JSON.stringify({ way, ...rate } satisfies FlowRate));
  }
}
await close();
