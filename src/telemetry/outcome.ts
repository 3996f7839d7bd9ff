/** Times what is asked of others, and says in one of few words how it ended. */

/** How a failure is called; the words are labels of metrics. */
export type Outcome = (error: unknown) => string;

/** Told when it is over: how it ended, and after how many seconds. */
export type Observe = (outcome: string, seconds: number) => void;

export async function timed<T>(work: () => Promise<T>, outcomeOf: Outcome, observe: Observe): Promise<T> {
  const startedAt = performance.now();
  const since = (): number => (performance.now() - startedAt) / 1000;
  try {
    const result = await work();
    observe('ok', since());
    return result;
  } catch (error) {
    observe(outcomeOf(error), since());
    throw error;
  }
}
