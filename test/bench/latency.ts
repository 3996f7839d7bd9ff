/** What a request takes at a constant rate, far from saturation, and how long the garbage collector holds ours up. */
import { readFileSync } from 'node:fs';
import type { Bench, BenchOptions, BenchReport, BenchTable, Goal } from './report.ts';
import { haproxyEs256, haproxyRs256, nginx } from './subjects/installed.ts';
import { bare, ours } from './subjects/node.ts';
import { direct, type Subject } from './subjects/subject.ts';
import { shareInCollections } from './support/collections.ts';
import { type ConstantRateResult, runConstantRate } from './support/constant-rate.ts';
import type { MeasuredProcess } from './support/measured-process.ts';
import { pinningNote } from './support/pinning.ts';
import { expectAnswers, median } from './support/rounds.ts';
import { startWorld, type World } from './support/world.ts';

const perSecond = 3_000;
/** Code that is not compiled yet could not keep the rate, so load grows to it. */
const warmUpShares = [0.1, 0.25, 0.5, 0.75, 1];
const collecting = ours({
  name: 'ours-gc',
  label: 'This proxy, garbage collection traced',
  flags: ['--trace-gc'],
});
const subjects = [
  direct,
  nginx,
  haproxyRs256,
  haproxyEs256,
  bare,
  ours({ name: 'ours', label: 'This proxy' }),
  collecting,
];

interface Stretch extends ConstantRateResult {
  /** Since the process was started. */
  readonly fromMs: number;
  readonly untilMs: number;
}

type Results = ReadonlyMap<string, readonly Stretch[]>;

async function run({ isQuick, only, node, rounds, say }: BenchOptions): Promise<BenchReport> {
  const chosen = subjects.filter(({ name }) => only?.includes(name) ?? true);
  const there = chosen.filter(({ missing }) => missing === undefined);
  const shape = { rounds: rounds ?? (isQuick ? 2 : 5), seconds: isQuick ? 2 : 4 };
  const world = await startWorld({ node, tokens: { ES256: 1_000, RS256: 1_000 }, say });
  const running = new Map<string, MeasuredProcess>();
  try {
    for (const subject of there) running.set(subject.name, await startWarm(world, subject));
    const results = await measure(world, there, running, { ...shape, say });
    await Promise.all([...running.values()].map((measured) => measured.stop()));
    const share = collectionShare(running.get(collecting.name), results.get(collecting.name) ?? []);
    return {
      tables: [tableOf(there, results)],
      goals: goalsOf(results, share),
      notes: [
        `${shape.rounds} interleaved rounds of ${shape.seconds} s at ${perSecond} requests a second; medians. Times are from the writing of a request to the end of its answer, as the load generator in Node sees them: the direct row is its floor.`,
        pinningNote,
        ...chosen.flatMap(({ name, missing }) => (missing === undefined ? [] : [`No ${name}: ${missing}.`])),
      ],
    };
  } finally {
    await Promise.all([...running.values()].map((measured) => measured.stop()));
    await world.close();
  }
}

async function startWarm(world: World, subject: Subject): Promise<MeasuredProcess> {
  const measured = await subject.start(world);
  await expectAnswers(world, subject, measured);
  for (const share of warmUpShares) {
    await runConstantRate(world, measured, {
      kind: kindOf(subject),
      perSecond: perSecond * share,
      seconds: 2,
    });
  }
  return measured;
}

const kindOf = ({ tokens }: Subject) => (tokens === 'RS256' ? tokens : 'ES256');

async function measure(
  world: World,
  there: readonly Subject[],
  running: ReadonlyMap<string, MeasuredProcess>,
  { rounds, seconds, say }: { rounds: number; seconds: number; say(line: string): void },
): Promise<Results> {
  const results = new Map<string, Stretch[]>(there.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const subject of there) {
      const measured = running.get(subject.name);
      if (measured === undefined) continue;
      const fromMs = performance.now() - measured.startedAt;
      const result = await runConstantRate(world, measured, { kind: kindOf(subject), perSecond, seconds });
      const untilMs = performance.now() - measured.startedAt;
      results.get(subject.name)?.push({ ...result, fromMs, untilMs });
      say(
        `round ${round}: ${subject.name} ${result.failures} failed, p50 ${Math.round(result.p50)} µs, p99 ${Math.round(result.p99)} µs`,
      );
    }
  }
  return results;
}

/** Of the time under load. NaN: it was not measured, or the rate was not kept. */
function collectionShare(measured: MeasuredProcess | undefined, stretches: readonly Stretch[]): number {
  if (measured === undefined || stretches.some(({ failures }) => failures > 0)) return NaN;
  const trace = readFileSync(measured.output, 'utf8');
  return median(stretches.map(({ fromMs, untilMs }) => shareInCollections(trace, fromMs, untilMs)));
}

/** The median of the rounds. Undefined: it was not measured, or a request failed. */
function middle(results: Results, name: string, of: (result: Stretch) => number): number | undefined {
  const rounds = results.get(name) ?? [];
  const isGood = rounds.length > 0 && rounds.every(({ failures }) => failures === 0);
  return isGood ? median(rounds.map(of)) : undefined;
}

const p50 = (result: Stretch): number => result.p50;
const p99 = (result: Stretch): number => result.p99;

function tableOf(there: readonly Subject[], results: Results): BenchTable {
  const floor = middle(results, direct.name, p50);
  const rows = there.map(({ name, label }) => {
    const [half, most] = [middle(results, name, p50), middle(results, name, p99)];
    if (half === undefined || most === undefined) return [label, 'void: the rate was not kept'];
    const added = floor === undefined ? '–' : Math.round(half - floor);
    const late = middle(results, name, ({ late99 }) => late99) ?? NaN;
    return [label, Math.round(half), added, Math.round(most), Math.round(late)];
  });
  const columns = ['What', 'p50 µs', 'added p50 µs', 'p99 µs', 'sent late, p99 µs'];
  return { title: `Small JSON requests, ${perSecond} a second`, columns, rows };
}

function goalsOf(results: Results, share: number): readonly Goal[] {
  const floor = middle(results, direct.name, p50) ?? NaN;
  const added = (name: string): number => (middle(results, name, p50) ?? NaN) - floor;
  const most = (name: string): number => middle(results, name, p99) ?? NaN;
  const atMost = (goal: string, limit: number, value: number): Goal => {
    const reached = Number.isNaN(value) ? 'not measured' : value.toFixed(2);
    return { goal, wanted: `≤ ${limit}`, reached, isReached: value <= limit };
  };
  return [
    atMost('added p50 over that of nginx', 1.5, added('ours') / added('nginx')),
    atMost('p99 over that of HAProxy with RS256', 1.5, most('ours') / most('haproxy-rs256')),
    atMost('p99 over that of HAProxy with ES256', 1.5, most('ours') / most('haproxy-es256')),
    atMost('garbage collection, % of the time', 5, share * 100),
  ];
}

export const latency: Bench = {
  name: 'latency',
  about: 'what a request takes at 3,000 a second, beside other proxies',
  run,
};
