/** A worker that cannot live must not take the machine with it (issue 6, "All cores, many machines"). */
import { expect, test } from 'vitest';
import { restartDelayMs } from '../../src/workers/restart-delay.ts';

test('who ends once is replaced at once; who ends again and again waits twice as long each time, 30 seconds at most', () => {
  const delays = Array.from({ length: 9 }, (_, quickEnds) => restartDelayMs(quickEnds));

  expect(delays).toEqual([0, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  expect(restartDelayMs(5000)).toBe(30_000);
});
