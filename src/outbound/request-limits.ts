/** How many requests strangers can make this server send: at once, and to one place. */
import { LRUCache } from 'lru-cache';

export interface RequestLimits {
  /** Requests under way at the same moment. */
  readonly maxConcurrent: number;
  /** Requests to one host, or for one entry of the catalogue, in a window. */
  readonly maxPerHost: number;
  readonly windowMs: number;
}

/** How many hosts are counted: whoever has more names than this is slowed by `maxConcurrent` alone. */
const maxHosts = 5000;

/** What requests are counted by. */
export interface AskedPlace {
  readonly name: string;
  /** Whether the catalogue has it, so that strangers cannot make more of its kind. */
  readonly isKnown: boolean;
}

export class RequestGate {
  readonly #limits: RequestLimits;
  readonly #clock: () => Date;
  readonly #hosts = new LRUCache<string, { count: number; readonly startedAt: number }>({ max: maxHosts });
  #underWay = 0;

  constructor(limits: RequestLimits, clock: () => Date) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /**
   * Runs `work`, or gives undefined when a limit is reached. The last quarter of the room is for known places: names that
   * answer slowly cost a stranger nothing, and there is no end of them.
   */
  async run<T>({ name, isKnown }: AskedPlace, work: () => Promise<T>): Promise<T | undefined> {
    const { maxConcurrent } = this.#limits;
    const room = isKnown ? maxConcurrent : Math.ceil(maxConcurrent * 0.75);
    if (this.#underWay >= room || !this.#count(name)) return undefined;
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#underWay -= 1;
    }
  }

  #count(name: string): boolean {
    const now = this.#clock().getTime();
    const counted = this.#hosts.get(name);
    const isCurrent = counted !== undefined && now < counted.startedAt + this.#limits.windowMs;
    const window = isCurrent ? counted : { count: 0, startedAt: now };
    if (window.count >= this.#limits.maxPerHost) return false;
    window.count += 1;
    this.#hosts.set(name, window);
    return true;
  }
}
