/** How long a document that was read over HTTP may be used without asking again (RFC 9111), within bounds of ours. */

const minute = 60_000;

export const freshnessBounds = {
  /** Whatever the origin says: one document is not read more often than this. */
  minMs: 5 * minute,
  /** Nor is it believed longer than this. */
  maxMs: 24 * 60 * minute,
  /** When the origin says nothing. */
  defaultMs: 60 * minute,
} as const;

interface ResponseTimes {
  readonly cacheControl: string | undefined;
  readonly expires: string | undefined;
  readonly date: string | undefined;
  readonly age: string | undefined;
}

/**
 * `no-store` and `no-cache` mean the shortest time: the snapshot is our registration of the client, which the token
 * endpoint needs in any case.
 */
export function freshUntil(headers: ResponseTimes, now: Date): Date {
  const ms = Math.min(Math.max(lifetimeMs(headers, now), freshnessBounds.minMs), freshnessBounds.maxMs);
  return new Date(now.getTime() + ms);
}

/** RFC 9111 §4.2.1: `s-maxage`, since what is kept serves many people, then `max-age`, then `Expires`. */
function lifetimeMs(headers: ResponseTimes, now: Date): number {
  const directives = readDirectives(headers.cacheControl ?? '');
  if (directives.has('no-store') || directives.has('no-cache')) return 0;
  const seconds = directives.get('s-maxage') ?? directives.get('max-age');
  if (seconds !== undefined) {
    // A value that cannot be read is stale (RFC 9111 §4.2.1).
    return /^\d{1,10}$/.test(seconds) ? (Number(seconds) - ageSeconds(headers)) * 1000 : 0;
  }
  if (headers.expires === undefined) return freshnessBounds.defaultMs;
  const expires = Date.parse(headers.expires);
  const sentAt = Date.parse(headers.date ?? '');
  const until = expires - (Number.isNaN(sentAt) ? now.getTime() : sentAt);
  return Number.isNaN(until) ? 0 : until - ageSeconds(headers) * 1000;
}

function ageSeconds({ age }: ResponseTimes): number {
  return age !== undefined && /^\d{1,10}$/.test(age) ? Number(age) : 0;
}

/** The first of a repeated directive counts (RFC 9111 §4.2.1). */
function readDirectives(cacheControl: string): ReadonlyMap<string, string> {
  const directives = new Map<string, string>();
  for (const part of cacheControl.split(',')) {
    const [name = '', value = ''] = part.trim().split('=', 2);
    const key = name.trim().toLowerCase();
    if (!directives.has(key)) directives.set(key, value.trim().replaceAll('"', ''));
  }
  return directives;
}
