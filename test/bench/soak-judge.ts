/**
 * What a right answer is. Everything here is pure: facts in, `undefined` or what is wrong with them out.
 *
 * A token is *good* until somebody asks for its end, and *dead* from when that was visible: at once at the instance that
 * confirmed it, and after the revocation feed has had its time at all others (docs/decisions/0005). In between it is
 * neither, and both answers are right.
 */
import type { Part, Timeline } from './soak-timeline.ts';

/** The end of a token or of its grant. */
export interface End {
  /** Before anybody was asked for it. */
  readonly askedAt: number;
  /** When it was confirmed, and by which instance; undefined: by one that may not have heard of it itself. */
  confirmed?: { readonly at: number; readonly instance: number | undefined };
}

export interface JudgedToken {
  readonly expiresAt: number;
  /** Its own end, and its grant's. */
  readonly ends: readonly End[];
}

export interface Limits {
  /** How long the others take to hear of a revocation while the database is there. */
  readonly feedMs: number;
  /** How long an instance that cannot read the feed trusts what it knows. */
  readonly staleMs: number;
  /** How long after an outage one may still notice it. */
  readonly recoveryMs: number;
  /** How long open answers may take after SIGTERM. */
  readonly graceMs: number;
  /** What a busy machine adds to each of the server's own limits. */
  readonly slackMs: number;
}

export interface World {
  readonly timeline: Timeline;
  readonly limits: Limits;
  /** Whether an instance is several processes, which hear from one another by the feed only. */
  readonly isSeveral: (instance: number) => boolean;
}

export interface Asked {
  readonly instance: number;
  readonly token: JudgedToken | undefined;
  readonly sentAt: number;
}

export const instancePart = (instance: number): Part => `instance ${instance}`;

/** From when on an instance must refuse. Infinity: there is no such time. */
export function deadFrom(world: World, token: JudgedToken, instance: number): number {
  return Math.min(token.expiresAt, ...token.ends.map((end) => visibleFrom(world, end, instance)));
}

function visibleFrom(world: World, { confirmed }: End, instance: number): number {
  if (confirmed === undefined) return Infinity;
  if (confirmed.instance === instance && !world.isSeveral(instance)) return confirmed.at;
  const { staleMs, slackMs } = world.limits;
  return Math.min(heardBy(world, confirmed.at), confirmed.at + staleMs + slackMs);
}

/** When every instance has heard of what was committed before `at`: later when the database was away meanwhile. */
export function heardBy({ timeline, limits }: World, at: number): number {
  let by = at + limits.feedMs;
  for (;;) {
    const outages = timeline.during('database', at, by, limits.feedMs);
    const later = Math.max(by, ...outages.map(({ until }) => until + limits.feedMs));
    if (later === by) return by;
    by = later;
  }
}

function isGood(token: JudgedToken | undefined, until: number): boolean {
  return token !== undefined && token.expiresAt > until && token.ends.every(({ askedAt }) => askedAt > until);
}

/** The status of an answer whose headers came at `headersAt`. A 200 is judged by its content as well, elsewhere. */
export function judgeStatus(
  world: World,
  asked: Asked,
  answer: { readonly status: number; readonly retryAfter: string | undefined; readonly headersAt: number },
  expected = 200,
): string | undefined {
  const { timeline, limits } = world;
  const { sentAt, token, instance } = asked;
  const { status, headersAt } = answer;
  const seen = (part: Part, afterMs: number) => timeline.during(part, sentAt, headersAt, afterMs).length > 0;
  if (status === expected && status !== 401) return judgeAcceptance(world, asked, headersAt);
  switch (status) {
    case 401:
      return isGood(token, headersAt) ? '401 for a good token' : undefined;
    case 502:
      return seen('back end', limits.slackMs) ? undefined : '502 while the back end was there';
    case 503:
      if (seen(instancePart(instance), limits.slackMs)) return undefined;
      if (!seen('database', limits.recoveryMs)) return '503 while the database was there';
      return answer.retryAfter === undefined ? '503 without Retry-After' : undefined;
    default:
      return `${status}, which nothing explains`;
  }
}

/** Whether a request may have been let through that was seen at the back end, or answered by it, at `seenAt`. */
export function judgeAcceptance(
  world: World,
  { sentAt, token, instance }: Asked,
  seenAt: number,
): string | undefined {
  const { timeline, limits } = world;
  if (token === undefined) return 'let through without a good token';
  if (sentAt > deadFrom(world, token, instance)) return 'let through with a token that was dead';
  const isGuess = timeline
    .during('database', sentAt, sentAt, 0)
    .some(({ goneAt, startedAt }) => sentAt > goneAt + limits.staleMs + limits.slackMs && seenAt < startedAt);
  return isGuess ? 'let through on a guess: the database had been away for too long' : undefined;
}

/** A request that got no answer at all. One that was under way when its instance was told to stop gets an answer. */
export function judgeSilence(
  { timeline, limits }: World,
  asked: Asked,
  { arrivedAt = Infinity, endedAt }: { readonly arrivedAt?: number | undefined; readonly endedAt: number },
): string | undefined {
  const outages = timeline.during(instancePart(asked.instance), asked.sentAt, endedAt, limits.slackMs);
  if (outages.length === 0) return 'no answer from an instance that was there';
  const isOwed = outages.every(
    ({ from }) => arrivedAt < from && endedAt < from + limits.graceMs - limits.slackMs,
  );
  return isOwed ? 'no answer, though it was under way when the instance was told to stop' : undefined;
}

/** How an answer ended that is not whole. `clean`: as if it were. */
export function judgeEnding(
  world: World,
  asked: Asked,
  {
    ending,
    endedAt,
    isStandingStream,
  }: { readonly ending: 'cut' | 'clean'; readonly endedAt: number; readonly isStandingStream: boolean },
): string | undefined {
  const { timeline, limits } = world;
  const stopping = timeline.during(instancePart(asked.instance), asked.sentAt, endedAt, limits.slackMs);
  if (ending === 'clean') {
    return isStandingStream && stopping.length > 0
      ? undefined
      : 'a part of an answer that looks like the whole';
  }
  if (stopping.some(({ from }) => endedAt >= from + limits.graceMs - limits.slackMs)) return undefined;
  if (timeline.during('back end', asked.sentAt, endedAt, limits.slackMs).length > 0) return undefined;
  const isRevoked = asked.token?.ends.some(({ askedAt }) => askedAt <= endedAt) ?? true;
  return isRevoked ? undefined : 'an answer that was cut off for no reason';
}

/** Whether an answer that was open when its grant ended was over in time, however it ended. */
export function judgeDuration(world: World, { token }: Asked, endedAt: number): string | undefined {
  const confirmed = (token?.ends ?? []).flatMap((end) => end.confirmed ?? []);
  const by = Math.min(...confirmed.map(({ at }) => heardBy(world, at)));
  if (endedAt <= by + world.limits.slackMs) return undefined;
  return `open ${Math.round(endedAt - by + world.limits.feedMs)} ms after its grant had ended`;
}
