/** How long to wait before a worker that ended is started anew. */

/** Who has served for so long is not in a loop of crashes. */
export const steadyMs = 10_000;
const longestMs = 30_000;

/** Milliseconds. The first time at once; then 1, 2, 4 … seconds, 30 at most. */
export function restartDelayMs(quickEnds: number): number {
  return quickEnds === 0 ? 0 : Math.min(longestMs, 1000 * 2 ** (quickEnds - 1));
}
