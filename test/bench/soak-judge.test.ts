/** The soak's judge: what it excuses, and that it excuses nothing else. */
import { describe, expect, test } from 'vitest';
import { NumberedEvents } from './soak-events.ts';
import {
  type End,
  judgeDuration,
  judgeEnding,
  judgeSilence,
  judgeStatus,
  type JudgedToken,
  type World,
} from './soak-judge.ts';
import { judgeMemory } from './soak-memory.ts';
import { type Outage, type Part, Timeline } from './soak-timeline.ts';

const limits = { feedMs: 1_000, staleMs: 5_000, recoveryMs: 1_000, graceMs: 3_000, slackMs: 500 };

/** A world in which these parts were away, from … until … */
function worldWith(...outages: readonly (readonly [Part, number, number])[]): World {
  let now = 0;
  const timeline = new Timeline(() => now);
  for (const [part, from, until] of outages) {
    now = from;
    const outage: Outage = timeline.begin(part, 'killed');
    timeline.gone(outage);
    now = until;
    timeline.starting(outage);
    timeline.end(outage);
  }
  return { timeline, limits, isSeveral: (instance) => instance === 2 };
}

const tokenWith = (...ends: readonly End[]): JudgedToken => ({ expiresAt: 1_000_000, ends });
const confirmedAt = (at: number): End => ({ askedAt: at - 10, confirmed: { at, instance: 0 } });
const quiet = worldWith();

const ask = (token: JudgedToken | undefined, sentAt: number, instance = 0) => ({ token, sentAt, instance });
const answer = (status: number, headersAt: number, retryAfter?: string) => ({
  status,
  headersAt,
  retryAfter,
});

describe('a token whose end was confirmed by instance 0 at 100,000', () => {
  const token = tokenWith(confirmedAt(100_000));
  const accepted = (world: World, instance: number, sentAt: number) =>
    judgeStatus(world, ask(token, sentAt, instance), answer(200, sentAt + 1)) === undefined;

  test.each([
    ['there at once', quiet, 0, 100_000],
    ['elsewhere within a second', quiet, 1, 101_000],
    [
      'elsewhere later, after the database was away meanwhile',
      worldWith(['database', 100_500, 103_000]),
      1,
      104_000,
    ],
    [
      'but no later than a memory that cannot be checked is trusted',
      worldWith(['database', 100_500, 900_000]),
      1,
      105_500,
    ],
  ])('is dead %s (docs/decisions/0005)', (_when, world, instance, lastAt) => {
    expect(accepted(world, instance, lastAt)).toBe(true);
    expect(accepted(world, instance, lastAt + 1)).toBe(false);
  });

  test('may live for a second at an instance of several processes, though one of them confirmed its end', () => {
    const ended = tokenWith({ askedAt: 99_990, confirmed: { at: 100_000, instance: 2 } });
    expect(judgeStatus(quiet, ask(ended, 101_000, 2), answer(200, 101_001))).toBeUndefined();
    expect(judgeStatus(quiet, ask(ended, 101_001, 2), answer(200, 101_002))).toContain('dead');
  });

  test('may be refused as soon as its end was asked for, and not before', () => {
    expect(judgeStatus(quiet, ask(token, 99_000), answer(401, 99_990))).toBeUndefined();
    expect(judgeStatus(quiet, ask(token, 99_000), answer(401, 99_989))).toBe('401 for a good token');
  });

  test('ends what is open within a second, however it is open', () => {
    expect(judgeDuration(quiet, ask(token, 90_000), 101_500)).toBeUndefined();
    expect(judgeDuration(quiet, ask(token, 90_000), 101_501)).toContain('after its grant had ended');
  });
});

test.each([
  [502, 'back end', 501],
  [503, 'database', 1_001],
  [503, 'instance 0', 501],
] as const)('%i is right only while the %s is away or just back', (status, part, afterMs) => {
  const world = worldWith([part, 10_000, 20_000]);
  const judge = (sentAt: number, headersAt: number) =>
    judgeStatus(world, ask(tokenWith(), sentAt), answer(status, headersAt, '5'));

  expect(judge(9_000, 9_999)).toContain('was there');
  expect(judge(9_000, 10_000)).toBeUndefined();
  expect(judge(20_000 + afterMs - 1, 30_000)).toBeUndefined();
  expect(judge(20_000 + afterMs, 30_000)).toContain('was there');
});

test('503 for want of a database says when to try again', () => {
  const world = worldWith(['database', 10_000, 20_000]);

  expect(judgeStatus(world, ask(tokenWith(), 11_000), answer(503, 11_001))).toBe('503 without Retry-After');
});

test('nobody is let through on a guess: not when the database has been away for more than five seconds', () => {
  const world = worldWith(['database', 10_000, 30_000]);
  const judge = (sentAt: number, headersAt: number) =>
    judgeStatus(world, ask(tokenWith(), sentAt), answer(200, headersAt));

  expect(judge(15_500, 15_501)).toBeUndefined();
  expect(judge(15_501, 15_502)).toContain('on a guess');
  expect(judge(15_501, 30_000)).toBeUndefined();
});

test('nobody is let through without a good token, or into another person’s session', () => {
  expect(judgeStatus(quiet, ask(undefined, 1), answer(200, 2), 401)).toContain('200');
  expect(judgeStatus(quiet, ask(undefined, 1), answer(401, 2), 401)).toBeUndefined();
  expect(judgeStatus(quiet, ask(tokenWith(), 1), answer(200, 2), 404)).toContain('200');
  expect(judgeStatus(quiet, ask(tokenWith(), 1), answer(404, 2), 404)).toBeUndefined();
  expect(judgeStatus(quiet, ask(tokenWith(), 1), answer(404, 2))).toContain('404');
});

describe('an answer that is not whole', () => {
  const cut = { ending: 'cut', endedAt: 10_000, isStandingStream: true } as const;
  const clean = { ...cut, ending: 'clean' } as const;

  test('is cut off by the end of its grant, or of the back end, and by nothing else', () => {
    const revoked = tokenWith({ askedAt: 9_999 });
    expect(judgeEnding(quiet, ask(revoked, 0), cut)).toBeUndefined();
    expect(judgeEnding(worldWith(['back end', 9_999, 20_000]), ask(tokenWith(), 0), cut)).toBeUndefined();
    expect(judgeEnding(quiet, ask(tokenWith(), 0), cut)).toContain('for no reason');
    expect(judgeEnding(worldWith(['database', 9_000, 20_000]), ask(tokenWith(), 0), cut)).toContain(
      'for no reason',
    );
  });

  test('looks whole only where a standing stream is ended by an instance that stops', () => {
    const stopping = worldWith(['instance 0', 9_999, 20_000]);
    expect(judgeEnding(stopping, ask(tokenWith(), 0), clean)).toBeUndefined();
    expect(judgeEnding(stopping, ask(tokenWith(), 0), { ...clean, isStandingStream: false })).toContain(
      'the whole',
    );
    expect(judgeEnding(quiet, ask(tokenWith({ askedAt: 9_999 }), 0), clean)).toContain('the whole');
  });

  test('is cut off by an instance that stops after its grace, and not before', () => {
    expect(judgeEnding(worldWith(['instance 0', 7_500, 20_000]), ask(tokenWith(), 0), cut)).toBeUndefined();
    expect(judgeEnding(worldWith(['instance 0', 7_501, 20_000]), ask(tokenWith(), 0), cut)).toContain(
      'for no reason',
    );
  });
});

test('no answer at all comes only from an instance that is away, to a request that was not under way before', () => {
  const world = worldWith(['instance 0', 10_000, 20_000]);

  expect(judgeSilence(quiet, ask(tokenWith(), 9_000), { endedAt: 11_000 })).toContain('was there');
  expect(judgeSilence(world, ask(tokenWith(), 9_000), { endedAt: 11_000 })).toBeUndefined();
  expect(judgeSilence(world, ask(tokenWith(), 9_000), { endedAt: 11_000, arrivedAt: 9_500 })).toContain(
    'under way',
  );
  expect(judgeSilence(world, ask(tokenWith(), 9_000), { endedAt: 13_000, arrivedAt: 9_500 })).toBeUndefined();
});

describe('numbered events', () => {
  const eventText = (event: number, number = 7) =>
    `id: ${event}\ndata: {"number":${number},"event":${event}}\n\n`;
  const read = (...pieces: readonly string[]) => {
    const events = new NumberedEvents(7);
    for (const text of pieces) events.add(Buffer.from(text));
    return events;
  };

  test('come in order, in any pieces, with comments between them', () => {
    const text = `${eventText(1)}: hello\n\n${eventText(2)}event: end\ndata: {}\n\n`;
    expect(read(...text.split(''))).toMatchObject({
      count: 2,
      comments: 1,
      isOver: true,
      problem: undefined,
    });
  });

  test.each([
    ['lost', eventText(1) + eventText(3), 'event 3 came instead of 2'],
    ['doubled', eventText(1) + eventText(1), 'event 1 came instead of 2'],
    ['another stream’s', eventText(1, 8), 'an event of stream 8'],
    ['broken by a comment', 'id: 1\n: hello\ndata: {}\n\n', 'a comment inside event 1'],
    ['broken by bytes', 'id: 1\ndata: {"num: hello\n\n', 'event 1 is broken'],
  ])('that are %s are noticed', (_how, text, problem) => {
    expect(read(text).problem).toContain(problem);
  });
});

test('memory is steady when its last minute is like its second, and grows when it is not', () => {
  const samples = (kibAt: (seconds: number) => number) =>
    Array.from({ length: 600 }, (_, seconds) => ({ seconds, kib: kibAt(seconds) }));

  expect(
    judgeMemory(samples((seconds) => (seconds < 60 ? 50_000 : 100_000 + (seconds % 10) * 1_000))),
  ).toMatchObject({
    isSteady: true,
  });
  const growing = judgeMemory(samples((seconds) => 100_000 + seconds * 100));
  expect(growing).toMatchObject({ isSteady: false, early: 109_000 });
  expect(growing?.kibPerMinute).toBeCloseTo(6_000);
  expect(judgeMemory(samples(() => 1).slice(0, 179))).toBeUndefined();
});
