/** Small JSON requests with a good token, at saturation: how much of what the hardware can do gets through. */
import type { Bench, BenchOptions, BenchReport, BenchTable, Goal } from './report.ts';
import { haproxy, haproxyEs256, haproxyRs256, nginx } from './subjects/installed.ts';
import { bare, lookUp, ours, stock, withMetrics } from './subjects/node.ts';
import type { Subject } from './subjects/subject.ts';
import { pinningNote } from './support/pinning.ts';
import { median, type Round, runRounds } from './support/rounds.ts';
import { requestBody, startWorld } from './support/world.ts';
import { wrkProgram } from './support/wrk.ts';

/** What our proxy must reach, as multiples of others in the same round. */
const wanted = [
  { of: 'ours', over: 'bare', atLeast: 0.85 },
  { of: 'ours', over: 'haproxy-rs256', atLeast: 1.3 },
  { of: 'ours', over: 'haproxy-es256', atLeast: 1.7 },
  { of: 'ours', over: 'nginx', atLeast: 0.45 },
  { of: 'ours', over: 'look-up', atLeast: 3 },
  { of: 'ours', over: 'stock', atLeast: 3.5 },
  { of: 'ours-new-tokens', over: 'bare', atLeast: 0.27 },
] as const;

/** Three times as many as the proxy remembers: when one comes again, it has long been forgotten. */
const newTokens = 60_000;

function subjectsFor({ profileFolder }: BenchOptions): readonly Subject[] {
  const flags = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  return [
    bare,
    ours({ name: 'ours', label: 'This proxy', flags }),
    ours({ name: 'ours-metrics', label: 'This proxy, METRICS_PORT set', env: withMetrics }),
    ours({
      name: 'ours-new-tokens',
      label: 'This proxy, every token seen for the first time',
      tokens: 'new',
    }),
    haproxyRs256,
    haproxyEs256,
    haproxy,
    nginx,
    stock,
    lookUp,
  ];
}

async function run(options: BenchOptions): Promise<BenchReport> {
  if (wrkProgram === undefined) {
    return { tables: [], goals: [], notes: ['Not measured: wrk, which makes the load, is not installed.'] };
  }
  const { isQuick, only, node, say } = options;
  const seconds = isQuick ? 2 : 4;
  const rounds = options.rounds ?? (isQuick ? 2 : 5);
  const chosen = subjectsFor(options).filter(({ name }) => only?.includes(name) ?? true);
  const subjects = chosen.filter(({ missing }) => missing === undefined);
  const isNew = subjects.some(({ tokens }) => tokens === 'new');
  const tokens = { ES256: 1_000, RS256: 1_000, ...(isNew && { new: newTokens }) };
  const world = await startWorld({ node, tokens, say });
  try {
    const results = await runRounds(world, subjects, { rounds, seconds, say });
    return {
      tables: [tableOf(subjects, results)],
      goals: goalsOf(results),
      notes: [
        `${rounds} interleaved rounds of ${seconds} s; medians, and ratios of the same round. 64 connections, 1,000 tokens, ${requestBody.length} bytes asked, 300 bytes answered by ${world.backendName}.`,
        pinningNote,
        'CPU is that of the row’s own processes; PostgreSQL’s is not in it.',
        ...chosen.flatMap(({ name, missing }) => (missing === undefined ? [] : [`No ${name}: ${missing}.`])),
      ],
    };
  } finally {
    await world.close();
  }
}

type Results = ReadonlyMap<string, readonly Round[]>;

/** Answers that were no success, of all rounds: one alone makes the row worthless. */
function failuresOf(results: Results, name: string): number {
  return (results.get(name) ?? []).reduce((sum, { failures }) => sum + failures, 0);
}

/** The median of what one reached over another in each round. Undefined: one of them was not measured. */
function ratio(results: Results, of: string, over: string): number | undefined {
  const others = results.get(over) ?? [];
  const ratios = (results.get(of) ?? []).map(
    ({ perSecond }, at) => perSecond / (others[at]?.perSecond ?? NaN),
  );
  const middle = median(ratios);
  return Number.isNaN(middle) ? undefined : middle;
}

function tableOf(subjects: readonly Subject[], results: Results): BenchTable {
  const rows = subjects.map(({ name, label }) => {
    const rounds = results.get(name) ?? [];
    const middle = (of: (round: Round) => number, digits: number): string =>
      median(rounds.map(of)).toFixed(digits);
    const failures = failuresOf(results, name);
    if (failures > 0) return [label, `void: ${failures} failed`];
    return [
      label,
      middle(({ perSecond }) => perSecond, 0),
      ratio(results, name, 'bare')?.toFixed(2) ?? '–',
      middle(({ cpuMicroseconds }) => cpuMicroseconds, 0),
      middle(({ p50Ms }) => p50Ms, 1),
      middle(({ p99Ms }) => p99Ms, 1),
      middle(({ rssMiB }) => rssMiB, 0),
    ];
  });
  const columns = ['What', 'req/s', 'vs bare Node', 'CPU µs/req', 'p50 ms', 'p99 ms', 'RSS MiB'];
  return { title: 'Small JSON requests at saturation', columns, rows };
}

function goalsOf(results: Results): readonly Goal[] {
  return wanted.flatMap(({ of, over, atLeast }) => {
    const reached = ratio(results, of, over);
    if (reached === undefined) return [];
    const failures = failuresOf(results, of) + failuresOf(results, over);
    return {
      goal: `${of} over ${over}`,
      wanted: `≥ ${atLeast}`,
      reached: failures > 0 ? 'void' : reached.toFixed(2),
      isReached: failures === 0 && reached >= atLeast,
    };
  });
}

export const requests: Bench = {
  name: 'requests',
  about: 'small JSON requests with a good token at saturation, beside other proxies',
  run,
};
