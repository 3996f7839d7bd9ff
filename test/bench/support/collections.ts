/** How long the garbage collector held everything up, from what `--trace-gc` prints. */

/** `[1:0x2f]  1234 ms: Scavenge 5.1 (7.0) -> 4.0 (8.0) MB, pooled: 0 MB, 0.85 / 0.00 ms  (+ 1.5 ms in 9 steps …)` */
const collection =
  /^\[\d+:0x[\da-f]+\]\s+([\d.]+) ms: .*? MB, ([\d.]+) \/ [\d.]+ ms(?: +\(\+ ([\d.]+) ms in)?/gm;

/**
 * The share of a stretch of time that was spent in pauses, those of incremental marking among them.
 * @param fromMs since the process was started, like `untilMs`
 */
export function shareInCollections(trace: string, fromMs: number, untilMs: number): number {
  let pausedMs = 0;
  for (const [, at, pause, steps = '0'] of trace.matchAll(collection)) {
    if (Number(at) >= fromMs && Number(at) < untilMs) pausedMs += Number(pause) + Number(steps);
  }
  return pausedMs / (untilMs - fromMs);
}
