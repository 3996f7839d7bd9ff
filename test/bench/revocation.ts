/** How long a revocation takes until every instance has heard of it, with notifications and without. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { IssuedTokens } from '../../src/flows/issue-tokens.ts';
import { freePort, startPostgres, withAdmin } from '../support/postgres.ts';
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import type { Bench, BenchOptions, BenchReport, Goal } from './report.ts';
import { call, revokeAndWatch, type Sample, type Watched } from './revocation-sample.ts';
import { proxyEnvironment, startProxy } from './start-proxy.ts';
import { type Quantiles, quantiles } from './streams-quantiles.ts';
import { openServices, seedClient, seedTokens } from './token-seeds.ts';

const instanceCount = 3;
const tokenCount = 1_000;
const atATime = 20;
/** How often an instance looks by itself: revocations come at any moment between two looks. */
const lookEveryMs = 500;

interface Way {
  readonly name: string;
  readonly samples: number;
  /** What the database is like, and the way there. Returns its DSN for the instances, and what to do in the end. */
  prepare(dsn: string): Promise<{ readonly dsn: string; readonly stop: () => Promise<void> }>;
}

interface Measured {
  readonly way: Way;
  readonly refused: Quantiles;
  readonly ended: Quantiles;
  /** Answers to the tokens that nobody revoked, which were not 200. */
  readonly wrong: number;
}

const nothing = async () => undefined;

function waysOf({ isQuick, say }: BenchOptions): readonly Way[] {
  if (!hasPgBouncer) say('revocation: not through PgBouncer, which is not installed');
  return [
    { name: 'notifications', samples: isQuick ? 30 : 300, prepare: async (dsn) => ({ dsn, stop: nothing }) },
    {
      name: 'no notification at all',
      samples: isQuick ? 10 : 100,
      async prepare(dsn) {
        await withAdmin(dsn, (admin) =>
          admin.query('alter table revocations disable trigger revocations_notify'),
        );
        return { dsn, stop: nothing };
      },
    },
    ...(hasPgBouncer
      ? [
          {
            name: 'through PgBouncer, transaction mode',
            samples: isQuick ? 10 : 100,
            prepare: async (dsn: string) => startPgBouncer(dsn),
          },
        ]
      : []),
  ];
}

export const revocation: Bench = {
  name: 'revocation',
  about: `from a revocation to the last of ${instanceCount} instances refusing, and to the end of open streams`,
  async run(options) {
    const measured: Measured[] = [];
    for (const way of waysOf(options)) {
      options.say(`revocation: ${way.name}`);
      measured.push(await measure(options, way));
    }
    return report(measured);
  },
};

async function measure({ node }: BenchOptions, way: Way): Promise<Measured> {
  const postgres = await startPostgres();
  const backend = await startBackend();
  const stops = [async () => postgres.remove(), async () => close(backend)];
  try {
    const { port } = backend.address() as AddressInfo;
    const environment = await proxyEnvironment(`http://127.0.0.1:${port}/mcp`, {
      DATABASE_DSN: postgres.dsn,
    });
    const { services, close: closeServices } = await openServices(environment);
    const seeded = await seedClient(services);
    const tokens = await seedTokens(services, seeded, tokenCount);
    await closeServices();
    const database = await way.prepare(postgres.dsn);
    stops.unshift(database.stop);
    const origins: string[] = [];
    for (let count = 0; count < instanceCount; count += 1) {
      const PORT = count === 0 ? environment.PORT : String(await freePort());
      const proxy = await startProxy(
        node,
        { ...environment, PORT: PORT ?? '', DATABASE_DSN: database.dsn },
        'all',
      );
      stops.unshift(async () => proxy.kill());
      origins.push(proxy.origin);
    }
    const { client, clientSecret } = seeded;
    return await watch(way, { origins, clientId: client.clientId, clientSecret }, tokens);
  } finally {
    for (const stop of stops) await stop();
  }
}

async function watch(way: Way, watched: Watched, tokens: readonly IssuedTokens[]): Promise<Measured> {
  const statusesOf = async (some: readonly IssuedTokens[]): Promise<number[]> => {
    const statuses: number[] = [];
    for (let index = 0; index < some.length; index += atATime)
      for (const origin of watched.origins)
        statuses.push(
          ...(await Promise.all(
            some.slice(index, index + atATime).map(async ({ accessToken }) => call(origin, accessToken)),
          )),
        );
    return statuses;
  };
  const accepted = await statusesOf(tokens);
  if (accepted.some((status) => status !== 200)) throw new Error('A good token is refused');
  const samples: Sample[] = [];
  for (const [index, { accessToken, refreshToken }] of tokens.slice(0, way.samples).entries()) {
    if (refreshToken === undefined) throw new Error('There is no refresh token');
    await setTimeout(Math.random() * lookEveryMs);
    samples.push(await revokeAndWatch(watched, { accessToken, refreshToken }, index));
  }
  const others = await statusesOf(tokens.slice(way.samples));
  return {
    way,
    refused: quantiles(samples.map(({ refusedAfterMs }) => refusedAfterMs)),
    ended: quantiles(samples.map(({ endedAfterMs }) => endedAfterMs)),
    wrong: others.filter((status) => status !== 200).length,
  };
}

/** An MCP server that answers calls at once, and leaves streams open. */
async function startBackend(): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === 'GET')
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': open\n\n');
    else
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"jsonrpc":"2.0","id":1,"result":{}}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

function report(measured: readonly Measured[]): BenchReport {
  const show = ({ p50, p99, max }: Quantiles) => `${p50.toFixed(0)} / ${p99.toFixed(0)} / ${max.toFixed(0)}`;
  const withinASecond = (what: string, worst: number): Goal => ({
    goal: `${what} after a revocation`,
    wanted: 'within 1 s',
    reached: `${worst.toFixed(0)} ms at the most`,
    isReached: worst <= 1_000,
  });
  return {
    tables: [
      {
        title: `From the answer to a revocation, ${instanceCount} instances`,
        columns: [
          'the instances hear by',
          'revocations',
          'the last refuses, ms (p50 / p99 / max)',
          'the last stream ends, ms (p50 / p99 / max)',
          'wrong answers to other tokens',
        ],
        rows: measured.map(({ way, refused, ended, wrong }) => [
          way.name,
          way.samples,
          show(refused),
          show(ended),
          wrong,
        ]),
      },
    ],
    goals: [
      withinASecond('every instance refuses', Math.max(...measured.map(({ refused }) => refused.max))),
      withinASecond('every open stream has ended', Math.max(...measured.map(({ ended }) => ended.max))),
    ],
    notes: [
      `${tokenCount.toLocaleString('en')} tokens that every instance knows; one grant at a time is revoked, at each instance in turn, with a stream of it open on every instance. Asked without a pause until 401.`,
      `Without notifications an instance looks every ${lookEveryMs} ms. Through PgBouncer some may arrive by chance. PostgreSQL does not wait for its disk here.`,
    ],
  };
}
