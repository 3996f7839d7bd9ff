/** Whether a process grows: samples of its memory, and what follows from them. Pure. */

export interface MemorySample {
  /** Since the process was started. */
  readonly seconds: number;
  readonly kib: number;
}

export interface MemoryVerdict {
  /** Median of the second minute of the process, in KiB. */
  readonly early: number;
  /** Median of its last minute, in KiB. */
  readonly late: number;
  /** Of the straight line that fits the second half best. */
  readonly kibPerMinute: number;
  readonly isSteady: boolean;
}

/** The last minute's median may be this much above the second minute's: the collector does not give everything back. */
export const allowedGrowth = 1.15;

/** Undefined: too short to tell. */
export function judgeMemory(samples: readonly MemorySample[]): MemoryVerdict | undefined {
  const end = samples.at(-1)?.seconds ?? 0;
  if (end < 180) return undefined;
  const early = medianOf(samples.filter(({ seconds }) => seconds >= 60 && seconds < 120));
  const late = medianOf(samples.filter(({ seconds }) => seconds > end - 60));
  const kibPerMinute = slopeOf(samples.filter(({ seconds }) => seconds > end / 2)) * 60;
  return { early, late, kibPerMinute, isSteady: late <= early * allowedGrowth };
}

export function medianOf(samples: readonly MemorySample[]): number {
  const sorted = samples.map(({ kib }) => kib).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Least squares, in KiB a second. */
function slopeOf(samples: readonly MemorySample[]): number {
  const mean = (of: (sample: MemorySample) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [x, y] = [mean(({ seconds }) => seconds), mean(({ kib }) => kib)];
  const over = samples.reduce((sum, { seconds, kib }) => sum + (seconds - x) * (kib - y), 0);
  return over / samples.reduce((sum, { seconds }) => sum + (seconds - x) ** 2, 0);
}
