/** The soak: a constant mixed load while things go wrong, every answer judged. */
import { setTimeout } from 'node:timers/promises';
import { disturb, type Scheduled } from './soak-disturb.ts';
import { heardBy, instancePart } from './soak-judge.ts';
import { pick, startLoad } from './soak-load.ts';
import type { MemorySample } from './soak-memory.ts';
import { createPeople, type Grant, type Person } from './soak-people.ts';
import { endAccess, possibleEndings } from './soak-endings.ts';
import { connect, refresh, type TokenWorld } from './soak-tokens.ts';
import type { SoakWorld } from './soak-world.ts';

export interface SoakOptions {
  readonly seconds: number;
  readonly perSecond: number;
  readonly people: number;
  readonly endingsPerSecond: number;
  readonly accessTokenSeconds: number;
  readonly graceSeconds: number;
  readonly schedule: readonly Scheduled[];
  say(line: string): void;
}

export interface SoakResult {
  /** One list for each life of each instance. */
  readonly memory: readonly { readonly name: string; readonly samples: readonly MemorySample[] }[];
  /** Calls that were not made, because too many others were open. */
  readonly skipped: number;
}

export async function runSoak(soak: SoakWorld, options: SoakOptions): Promise<SoakResult> {
  const { ledger, calls, timeline, origins } = soak;
  const grants = new Set<Grant>();
  let isOver = false;
  const tokens: TokenWorld = {
    ...soak,
    graceSeconds: options.graceSeconds,
    chooseInstance: () => chooseInstance(soak),
    isOver: () => isOver,
  };
  const people = createPeople(options.people);
  /** Brings a person in, or back in. */
  const enter = async (person: Person): Promise<void> => {
    const client = pick(soak.clients);
    const grant = client && (await connect(tokens, person, client));
    if (grant === undefined) return isOver ? undefined : enter(person);
    grants.add(grant);
    if (person.sessionId === undefined) await openSession(soak, grant);
  };
  for (let index = 0; index < people.length; index += 10)
    await Promise.all(people.slice(index, index + 10).map(enter));
  options.say(`${grants.size} people are signed in`);

  const startedAt = performance.now();
  const memory = watchMemory(soak);
  const load = startLoad({
    calls,
    grants,
    perSecond: options.perSecond,
    longestStreamSeconds: Math.min(30, options.seconds / 3),
    chooseInstance: tokens.chooseInstance,
  });
  const upkeep = setInterval(() => {
    for (const grant of grants) {
      const newest = grant.tokens.at(-1);
      const isDue = newest === undefined || newest.end !== undefined || isWorn(newest.expiresAt, options);
      if (isDue) void refresh(tokens, grant, Math.random() < 0.1);
    }
  }, 200);
  const endings = setInterval(() => {
    const grant = pick(grants);
    if (grant === undefined || grant.isBusy) return;
    void endAndProbe(soak, tokens, grant).then(() => (grants.has(grant) ? undefined : enter(grant.person)));
    if (grant.end !== undefined) grants.delete(grant);
  }, 1000 / options.endingsPerSecond);

  for (const { at, disturbance } of options.schedule) {
    await setTimeout(Math.max(0, startedAt + at * options.seconds * 1000 - performance.now()));
    options.say(`${ledger.seconds()} s: ${JSON.stringify(disturbance)}, ${ledger.wrongCount} wrong so far`);
    await disturb(soak, disturbance);
  }
  await setTimeout(Math.max(0, startedAt + options.seconds * 1000 - performance.now()));

  for (const timer of [upkeep, endings]) clearInterval(timer);
  load.stop();
  const result = { memory: memory.stop(), skipped: load.skipped() };
  for (let waited = 0; calls.open > 0 && waited < 600; waited += 1) await setTimeout(100);
  isOver = true;
  ledger.judge('any', calls.open > 0 ? `${calls.open} calls are never answered` : undefined);
  const open = await openAtEnd(soak);
  ledger.judge(
    'any',
    open > 0 ? `${open} requests are open at the back end, but nobody waits for them` : undefined,
  );
  options.say(
    `${origins.length} instances, ${timeline.outages.length} disturbances, ${ledger.wrongCount} wrong`,
  );
  return result;
}

/** What the back end still has to do, once it has had the time to hear that nobody waits any more. */
async function openAtEnd({ openAtBackend, world }: SoakWorld): Promise<number> {
  const deadline = performance.now() + world.limits.feedMs;
  for (;;) {
    const open = await openAtBackend();
    if (open === 0 || performance.now() > deadline) return open;
    await setTimeout(50);
  }
}

/** Refreshed when two thirds of its time are over. */
function isWorn(expiresAt: number, { accessTokenSeconds }: SoakOptions): boolean {
  return performance.now() > expiresAt - (accessTokenSeconds * 1000) / 3;
}

/** Those that are away get a request now and then, as from a load balancer that has not noticed yet. */
function chooseInstance({ origins, timeline }: SoakWorld): number {
  const now = performance.now();
  const chosen = Math.floor(Math.random() * origins.length);
  const isAway = timeline.during(instancePart(chosen), now, now, 0).length > 0;
  return isAway && Math.random() < 0.9 ? (chosen + 1) % origins.length : chosen;
}

async function openSession({ calls }: SoakWorld, grant: Grant): Promise<void> {
  const [token] = grant.tokens;
  const session = `session-${grant.person.userId}-${Math.random().toString(36).slice(2)}`;
  const query = { do: 'echo', waitMs: 0, session };
  await calls.make({ kind: 'opening a session', instance: 0, token, query });
  grant.person.sessionId = session;
}

/** Ends a grant or a token, and then tries it at every instance: at once, when they should have heard, and later. */
async function endAndProbe(
  { calls, origins, world }: SoakWorld,
  tokens: TokenWorld,
  grant: Grant,
): Promise<void> {
  const how = pick(possibleEndings(tokens, grant));
  if (how === undefined) return;
  grant.isBusy = true;
  const end = await endAccess(tokens, grant, how).finally(() => {
    grant.isBusy = false;
  });
  if (end?.confirmed === undefined) return;
  const ended = grant.tokens.filter((token) => token.ends.includes(end));
  const probe = async (): Promise<void> => {
    const query = { do: 'echo', waitMs: 0 };
    for (const token of ended)
      await Promise.all(
        origins.map((_, instance) => calls.make({ kind: 'after the end', instance, token, query })),
      );
  };
  await probe();
  while (performance.now() <= heardBy(world, end.confirmed.at) && !tokens.isOver()) await setTimeout(20);
  await probe();
  if (grant.end === end && !tokens.isOver()) await refresh(tokens, grant, false);
  await setTimeout(5_000);
  if (!tokens.isOver()) await probe();
}

/** A sample a second of each instance, a list for each of its lives. */
function watchMemory({ instances, timeline }: SoakWorld): { stop(): SoakResult['memory'] } {
  const lives: { name: string; instance: number; startedAt: number; samples: MemorySample[] }[] = [];
  const timer = setInterval(() => {
    const now = performance.now();
    for (const [instance, process] of instances.entries()) {
      const stops = timeline.during(instancePart(instance), 0, now, 0);
      if (stops.some(({ until }) => until === Infinity)) continue;
      const startedAt = Math.max(0, ...stops.map(({ until }) => until));
      let life = lives.findLast((known) => known.instance === instance);
      if (life?.startedAt !== startedAt) {
        const name = stops.length === 0 ? instancePart(instance) : `${instancePart(instance)}, restarted`;
        life = { name, instance, startedAt, samples: [] };
        lives.push(life);
      }
      const kib = process.residentKib();
      if (kib !== undefined) life.samples.push({ seconds: life.samples.length, kib });
    }
  }, 1000);
  return {
    stop() {
      clearInterval(timer);
      return lives.map(({ name, samples }) => ({ name, samples }));
    },
  };
}
