/** Event streams that stay open: what each costs, and how fast an event comes through. */
import { execFileSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { startChild } from '../support/child-process.ts';
import { startPostgres } from '../support/postgres.ts';
import type { Bench, BenchOptions, BenchReport, Goal } from './report.ts';
import { proxyEnvironment, residentKib, startProxy } from './start-proxy.ts';
import type { Quantiles } from './streams-quantiles.ts';
import { openServices, seedClient, seedTokens } from './token-seeds.ts';

const leavingAtOnce = 1_000;
const tokenCount = 1_000;

interface Measured {
  readonly count: number;
  readonly openMs: number;
  readonly kibEach: number;
  readonly first: Quantiles;
  readonly toAll: Quantiles;
  readonly lost: number;
  readonly postBefore: Quantiles;
  readonly post: Quantiles;
  readonly oneMoreMs: number;
  readonly closedMs: number;
  readonly busy: (Quantiles & { readonly sent: number; readonly received: number }) | undefined;
}

export const streams: Bench = {
  name: 'streams',
  about: 'open event streams: memory each, delay of events, none lost, requests meanwhile',
  async run(options) {
    const counts = countsWithin(options);
    const postgres = await startPostgres();
    try {
      const measured: Measured[] = [];
      for (const count of counts) {
        options.say(`streams: ${count}`);
        measured.push(await measure(options, postgres.dsn, count));
      }
      return report(measured, options);
    } finally {
      await postgres.remove();
    }
  },
};

/** A stream is two sockets of the proxy. */
function countsWithin({ isQuick, say }: BenchOptions): readonly number[] {
  const limit = execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
  const most = limit === 'unlimited' ? Infinity : Math.floor((Number(limit) - 500) / 2);
  const wanted = isQuick ? [1_000] : [1_000, 5_000, 9_500];
  const counts = wanted.filter((count) => count <= most);
  if (counts.length < wanted.length) say(`streams: at most ${most}, since ulimit -n is ${limit}`);
  return counts;
}

async function measure({ node }: BenchOptions, dsn: string, count: number): Promise<Measured> {
  const backend = startChild(new URL('streams-backend.ts', import.meta.url));
  const environment = await proxyEnvironment(`http://127.0.0.1:${await backend.line()}/mcp`, {
    DATABASE_DSN: dsn,
    // Else the second proxy would refuse the database of the first.
    ENCRYPTION_KEY: Buffer.alloc(32, 'bench').toString('base64'),
  });
  const { services, close } = await openServices(environment);
  const tokens = await seedTokens(services, await seedClient(services), tokenCount);
  await close();
  const proxy = await startProxy(node, environment);
  const clients = startChild(new URL('streams-clients.ts', import.meta.url), environment.PORT ?? '');
  clients.say(JSON.stringify(tokens.map(({ accessToken }) => accessToken)));
  const ask = async <T>(child: typeof clients, line: string): Promise<T> => {
    child.say(line);
    return JSON.parse(await child.line()) as T;
  };
  const settledKib = async () => {
    await setTimeout(3_000);
    return residentKib(proxy.pid) ?? NaN;
  };
  try {
    const postBefore = await ask<Quantiles>(clients, 'post 1');
    const kibBefore = await settledKib();
    const { ms: openMs } = await ask<{ ms: number }>(clients, `open ${count}`);
    const first = await ask<Received>(clients, `take first ${count}`);
    const kibEach = ((await settledKib()) - kibBefore) / count;
    const { sent } = await ask<{ sent: number }>(backend, 'broadcast');
    const toAll = await ask<Received>(clients, `take all ${sent}`);
    const post = await ask<Quantiles>(clients, 'post 1');
    const { ms: oneMoreMs } = await ask<{ ms: number }>(clients, 'open 1');
    const busy = count > 1_000 ? undefined : await keepBusy();
    const left = await ask<{ at: string }>(clients, `leave ${leavingAtOnce}`);
    const closed = await ask<{ at: string }>(backend, `await-closed ${leavingAtOnce}`);
    const lost = count - first.received + (count - toAll.received);
    const closedMs = Number(BigInt(closed.at) - BigInt(left.at)) / 1e6;
    return { count, openMs, kibEach, first, toAll, lost, postBefore, post, oneMoreMs, closedMs, busy };
  } finally {
    await Promise.all([clients.signal('SIGKILL'), backend.signal('SIGKILL'), proxy.kill()]);
  }

  async function keepBusy(): Promise<Measured['busy']> {
    const { sent } = await ask<{ sent: number }>(backend, 'busy 5');
    return { sent, ...(await ask<Received>(clients, `take busy ${sent}`)) };
  }
}

type Received = Quantiles & { readonly received: number };

function report(measured: readonly Measured[], { isQuick }: BenchOptions): BenchReport {
  const busiest = measured.find(({ busy }) => busy !== undefined);
  const most = measured.at(-1);
  return {
    tables: [
      {
        title: 'Open event streams through one process',
        columns: [
          'streams',
          'opened in, s',
          'RSS each, KiB',
          'first event, ms (p50 / p99)',
          'one event to all, ms (p50 / p99 / last)',
          'lost',
          'POST before, ms (p50 / p99)',
          'POST meanwhile, ms (p50 / p99)',
          'one more stream, ms',
          `${leavingAtOnce} clients leave: all closed upstream, ms`,
        ],
        rows: measured.map((one) => [
          one.count,
          (one.openMs / 1000).toFixed(2),
          one.kibEach.toFixed(1),
          pair(one.first),
          `${pair(one.toAll)} / ${one.toAll.max.toFixed(0)}`,
          one.lost,
          pair(one.postBefore),
          pair(one.post),
          one.oneMoreMs.toFixed(1),
          one.closedMs.toFixed(0),
        ]),
      },
      ...(busiest?.busy === undefined
        ? []
        : [
            {
              title: 'Busy event streams: 10 events a second each, for 5 s',
              columns: ['streams', 'events', 'lost', 'delay, ms (p50 / p99 / worst)'],
              rows: [
                [
                  busiest.count + 1,
                  busiest.busy.sent,
                  busiest.busy.sent - busiest.busy.received,
                  `${pair(busiest.busy)} / ${busiest.busy.max.toFixed(0)}`,
                ],
              ],
            },
          ]),
    ],
    goals: isQuick || most === undefined ? [] : goalsOf(measured, most),
    notes: [
      'Proxy on one core; MCP server and clients on the other. RSS each: the difference of the resident memory of the proxy, three seconds after the last stream was opened, to before, divided by the streams; no garbage collection is forced.',
    ],
  };
}

function goalsOf(measured: readonly Measured[], most: Measured): readonly Goal[] {
  const lost = measured.reduce(
    (sum, one) => sum + one.lost + (one.busy === undefined ? 0 : one.busy.sent - one.busy.received),
    0,
  );
  const slowestClose = Math.max(...measured.map(({ closedMs }) => closedMs));
  const goal = (what: string, wanted: string, reached: string, isReached: boolean): Goal => ({
    goal: what,
    wanted,
    reached,
    isReached,
  });
  const isAll = most.count === 9_500;
  return [
    goal(
      'RSS per stream, 9,500 open',
      '≤ 30 KiB',
      `${most.kibEach.toFixed(1)} KiB at ${most.count}`,
      isAll && most.kibEach <= 30,
    ),
    goal(
      'One event to 9,500 streams',
      '≤ 0.4 s',
      `${(most.toAll.max / 1000).toFixed(2)} s to ${most.count}`,
      isAll && most.toAll.max <= 400,
    ),
    goal('Events lost', '0', String(lost), lost === 0),
    goal(
      'Client gone: closed upstream',
      '≤ 1 s',
      `${slowestClose.toFixed(0)} ms for ${leavingAtOnce} at once`,
      slowestClose <= 1_000,
    ),
  ];
}

function pair({ p50, p99 }: Quantiles): string {
  return `${p50.toFixed(1)} / ${p99.toFixed(1)}`;
}
