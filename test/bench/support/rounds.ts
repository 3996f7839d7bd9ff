/** Measures subjects in interleaved rounds, so that a noisy minute hits all of them alike. */
import { readFileSync } from 'node:fs';
import { request } from 'undici';
import type { Subject } from '../subjects/subject.ts';
import type { MeasuredProcess } from './measured-process.ts';
import { type LoadResult, runWrk } from './wrk.ts';
import { requestBody, type World } from './world.ts';

export interface Round extends LoadResult {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
  readonly rssMiB: number;
}

export interface RoundOptions {
  readonly rounds: number;
  readonly seconds: number;
  say(line: string): void;
}

/** The rounds of each subject, by its name. */
export async function runRounds(
  world: World,
  subjects: readonly Subject[],
  { rounds, seconds, say }: RoundOptions,
): Promise<ReadonlyMap<string, readonly Round[]>> {
  const results = new Map<string, Round[]>(subjects.map(({ name }) => [name, []]));
  const running = new Map<string, Running>();
  try {
    for (let round = 1; round <= rounds; round += 1) {
      for (const subject of subjects) {
        const measured = running.get(subject.name) ?? (await start(world, subject, seconds));
        running.set(subject.name, measured);
        const result = await measure(world, measured, seconds);
        results.get(subject.name)?.push(result);
        say(`round ${round}: ${subject.name} ${Math.round(result.perSecond)}/s`);
      }
    }
  } finally {
    await Promise.all([...running.values()].map(({ measured }) => measured.stop()));
  }
  return results;
}

interface Running {
  readonly subject: Subject;
  readonly measured: MeasuredProcess;
  /** How many tokens have been sent: the next load goes on from there, since a new token must not come again soon. */
  sent: number;
}

/** Starts it, sees that it does its work, and lets its code get warm. */
async function start(world: World, subject: Subject, seconds: number): Promise<Running> {
  const measured = await subject.start(world);
  const running = { subject, measured, sent: 0 };
  try {
    await expectAnswers(world, subject, measured);
    await warmUp(world, running, seconds);
    return running;
  } catch (error) {
    await measured.stop();
    throw error;
  }
}

/** Node compiles what is called often, so it is the number of requests that counts, on slow machines too. */
const warmRequests = 20_000;
const maxWarmUps = 5;

async function warmUp(world: World, running: Running, seconds: number): Promise<void> {
  for (let run = 0; run < maxWarmUps && running.sent < warmRequests; run += 1) {
    await load(world, running, seconds);
  }
}

async function load(world: World, running: Running, seconds: number): Promise<LoadResult> {
  const { subject, measured, sent } = running;
  const result = await runWrk(world.folder, {
    port: measured.port,
    host: new URL(world.issuer).host,
    body: requestBody,
    tokenFile: world.tokenFile(subject.tokens),
    firstToken: sent,
    seconds,
  });
  running.sent += result.requests;
  return result;
}

async function measure(world: World, running: Running, seconds: number): Promise<Round> {
  const { measured } = running;
  const before = measured.cpuSeconds();
  const result = await load(world, running, seconds);
  return {
    ...result,
    perSecond: result.requests / result.seconds,
    cpuMicroseconds: ((measured.cpuSeconds() - before) / result.requests) * 1e6,
    rssMiB: measured.rssMiB(),
  };
}

const knownKind = ({ tokens }: Subject) => (tokens === 'new' ? 'ES256' : tokens);

/** It lets a good token through, and nothing else if it checks any. @throws Error otherwise */
export async function expectAnswers(
  world: World,
  subject: Subject,
  measured: MeasuredProcess,
): Promise<void> {
  const [token = ''] = readFileSync(world.tokenFile(knownKind(subject)), 'utf8').split('\n', 1);
  await expectStatus(world, measured, token, 200);
  if (subject.isChecking) await expectStatus(world, measured, 'no.e30.token', 401);
}

async function expectStatus(
  { issuer }: World,
  { port }: MeasuredProcess,
  token: string,
  status: number,
): Promise<void> {
  const { statusCode, body } = await request(`http://127.0.0.1:${port}/mcp`, {
    method: 'POST',
    headers: {
      host: new URL(issuer).host,
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: requestBody,
  });
  const text = await body.text();
  if (statusCode !== status) throw new Error(`it answered ${statusCode} instead of ${status}: ${text}`);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return (low + high) / 2;
}
