/** How many requests strangers can make this server send: at once, and to one host. */
import { LRUCache } from 'lru-cache';

export interface RequestLimits {
  /** Requests under way at the same moment. */
  readonly maxConcurrent: number;
  /** Requests to one host in a window. */
  readonly maxPerHost: number;
  readonly windowMs: number;
}

/** How many hosts are counted: whoever has more names than this is slowed by `maxConcurrent` alone. */
const maxHosts = 5000;

export class RequestGate {
  readonly #limits: RequestLimits;
  readonly #clock: () => Date;
  readonly #hosts = new LRUCache<string, { count: number; readonly startedAt: number }>({ max: maxHosts });
  #underWay = 0;

  constructor(limits: RequestLimits, clock: () => Date) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Runs `work`, or gives undefined when a limit is reached. */
  async run<T>(host: string, work: () => Promise<T>): Promise<T | undefined> {
    if (this.#underWay >= this.#limits.maxConcurrent || !this.#count(host)) return undefined;
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#underWay -= 1;
    }
  }

  #count(host: string): boolean {
    const now = this.#clock().getTime();
    const counted = this.#hosts.get(host);
    const isCurrent = counted !== undefined && now < counted.startedAt + this.#limits.windowMs;
    const window = isCurrent ? counted : { count: 0, startedAt: now };
    if (window.count >= this.#limits.maxPerHost) return false;
    window.count += 1;
    this.#hosts.set(host, window);
    return true;
  }
}
