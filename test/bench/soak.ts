/** `npm run bench -- soak`: ten minutes of mixed load, while processes are killed and access is revoked. */
import { fileURLToPath } from 'node:url';
import type { Bench, BenchReport, BenchTable } from './report.ts';
import { everything } from './soak-disturb.ts';
import type { Limits } from './soak-judge.ts';
import type { Ledger } from './soak-ledger.ts';
import { allowedGrowth, judgeMemory, medianOf } from './soak-memory.ts';
import { runSoak, type SoakResult } from './soak-run.ts';
import { type SoakWorld, startSoakWorld } from './soak-world.ts';

const serverFile = fileURLToPath(new URL('../../dist/server.js', import.meta.url));

const limits: Limits = { feedMs: 1_000, staleMs: 5_000, recoveryMs: 1_000, graceMs: 3_000, slackMs: 500 };

export const soak: Bench = {
  name: 'soak',
  about: 'ten minutes (--quick: one) of mixed load, revocations, restarts and aborts: no answer may be wrong',
  isOnlyByName: true,
  async run({ isQuick, node, say, ...options }) {
    const seconds = options.seconds ?? (isQuick ? 60 : 600);
    const accessTokenSeconds = seconds < 300 ? 40 : 120;
    const graceSeconds = 20;
    const instances = [{}, { WORKERS: '2' }];
    const world = await startSoakWorld({
      node,
      serverFile,
      instances,
      accessTokenSeconds,
      graceSeconds,
      limits,
    });
    try {
      const load = { seconds, perSecond: 250, people: 200, endingsPerSecond: 2 };
      const result = await runSoak(world, {
        ...load,
        accessTokenSeconds,
        graceSeconds,
        schedule: everything,
        say,
      });
      return report(world, result);
    } finally {
      await world.close();
    }
  },
};

function report({ ledger, timeline }: SoakWorld, { memory, skipped }: SoakResult): BenchReport {
  const lives = memory.map(({ name, samples }) => ({ name, samples, verdict: judgeMemory(samples) }));
  const judged = lives.filter(({ verdict }) => verdict !== undefined);
  const steady = judged.filter(({ verdict }) => verdict?.isSteady === true);
  return {
    tables: [
      answersTable(ledger),
      {
        title: 'Disturbances',
        columns: ['at, s', 'part', 'what', 'until, s'],
        rows: timeline.outages.map(({ part, what, from, until }) => [
          ledger.seconds(from),
          part,
          what,
          ledger.seconds(until),
        ]),
      },
      {
        title: 'Memory in RAM (RSS, MiB), of all processes of an instance',
        columns: [
          'process',
          'minutes',
          'median',
          'second minute',
          'last minute',
          'MiB a minute, second half',
          'verdict',
        ],
        rows: lives.map(({ name, samples, verdict }) => [
          name,
          round(samples.length / 60),
          mib(medianOf(samples)),
          ...(verdict === undefined
            ? ['–', '–', '–', 'too short to tell']
            : [
                mib(verdict.early),
                mib(verdict.late),
                mib(verdict.kibPerMinute),
                verdict.isSteady ? 'steady' : 'grows',
              ]),
        ]),
      },
      ...(ledger.wrong.length === 0 ? [] : [wrongTable(ledger)]),
    ],
    goals: [
      {
        goal: 'Wrong answers',
        wanted: '0',
        reached: String(ledger.wrongCount),
        isReached: ledger.wrongCount === 0,
      },
      ...(judged.length === 0
        ? []
        : [
            {
              goal: `Memory: median of the last minute at most ${allowedGrowth} × that of the second`,
              wanted: `${judged.length} of ${judged.length}`,
              reached: `${steady.length} of ${judged.length}`,
              isReached: steady.length === judged.length,
            },
          ]),
    ],
    notes: skipped === 0 ? [] : [`${skipped} calls were not made: this machine is too slow for the rate.`],
  };
}

function answersTable({ counts }: Ledger): BenchTable {
  const outcomes = [...new Set([...counts.values()].flatMap((kinds) => [...kinds.keys()]))].sort();
  return {
    title: 'Answers by kind of request',
    columns: ['request', 'all', ...outcomes],
    rows: [...counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([kind, kinds]) => [
        kind,
        [...kinds.values()].reduce((sum, count) => sum + count, 0),
        ...outcomes.map((outcome) => kinds.get(outcome) ?? ''),
      ]),
  };
}

/** The first of them, as they came. */
function wrongTable({ wrong }: Ledger): BenchTable {
  return {
    title: 'Wrong',
    columns: ['at, s', 'request', 'what'],
    rows: wrong.slice(0, 20).map(({ atSeconds, kind, what }) => [atSeconds, kind, what]),
  };
}

const round = (value: number) => Math.round(value * 10) / 10;
const mib = (kib: number) => round(kib / 1024);
