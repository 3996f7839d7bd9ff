/** How long a document may be used without asking again (RFC 9111 §4.2). */
import { assert, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { freshnessBounds, freshUntil } from '../../src/protocol/document-freshness.ts';

const now = new Date('2026-01-01T12:00:00Z');
const nothing = { cacheControl: undefined, expires: undefined, date: undefined, age: undefined };
const minutes = (headers: Partial<Record<keyof typeof nothing, string>>) =>
  (freshUntil({ ...nothing, ...headers }, now).getTime() - now.getTime()) / 60_000;

describe('by what the origin says', () => {
  test.each<[Partial<Record<keyof typeof nothing, string>>, number]>([
    [{}, 60],
    [{ cacheControl: 'max-age=1200' }, 20],
    [{ cacheControl: 'public, Max-Age="1200"' }, 20],
    [{ cacheControl: 'max-age=1200', age: '300' }, 15],
    [{ cacheControl: 'max-age=1200, s-maxage=1800' }, 30],
    [{ cacheControl: 'max-age=1200, max-age=2400' }, 20],
    [{ cacheControl: 'max-age=1200', expires: 'Thu, 01 Jan 2026 18:00:00 GMT' }, 20],
    [{ expires: 'Thu, 01 Jan 2026 12:30:00 GMT' }, 30],
    [{ expires: 'Thu, 01 Jan 2026 12:30:00 GMT', date: 'Thu, 01 Jan 2026 12:10:00 GMT' }, 20],
    [{ cacheControl: 'no-store, max-age=1200' }, 5],
    [{ cacheControl: 'no-cache' }, 5],
    [{ cacheControl: 'max-age=0' }, 5],
    [{ cacheControl: 'max-age=-1' }, 5],
    [{ cacheControl: 'max-age=soon' }, 5],
    [{ cacheControl: 'max-age=60', age: '900' }, 5],
    [{ expires: '0' }, 5],
    [{ cacheControl: 'max-age=31536000' }, 1440],
  ])('%j: %i minutes', (headers, expected) => {
    expect(minutes(headers)).toBe(expected);
  });
});

test('never outside the bounds, whatever is written there', () => {
  assert(
    property(string(), string(), string(), string(), (cacheControl, expires, date, age) => {
      const ms = minutes({ cacheControl, expires, date, age }) * 60_000;
      expect(ms).toBeGreaterThanOrEqual(freshnessBounds.minMs);
      expect(ms).toBeLessThanOrEqual(freshnessBounds.maxMs);
    }),
  );
});
