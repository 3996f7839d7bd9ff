/** A clock that moves only when a test moves it. */

export interface Duration {
  readonly days?: number;
  readonly hours?: number;
  readonly minutes?: number;
  readonly seconds?: number;
}

export interface TestClock {
  (): Date;
  advance(by: Duration): void;
}

/** Starts at the real time, because the identity provider beside it lives in real time. */
export function createClock(): TestClock {
  let now = Date.now();
  return Object.assign(() => new Date(now), {
    advance({ days = 0, hours = 0, minutes = 0, seconds = 0 }: Duration): void {
      now += (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
    },
  });
}
