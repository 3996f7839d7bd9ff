import { expect, it } from 'vitest';
import { shareInCollections } from './collections.ts';

it('adds up pauses and steps of incremental marking, as Node 20, 24 and 26 print them, of one stretch of time', () => {
  const trace = [
    '[1:0x2f]       78 ms: Scavenge 3.8 (4.0) -> 3.4 (5.0) MB, 99.0 / 0.00 ms  (average mu = 1.000) allocation failure;',
    '[1:0x2f]     1078 ms: Scavenge 3.8 (4.0) -> 3.4 (5.0) MB, 1.5 / 0.00 ms  (average mu = 1.000) allocation failure;',
    '{"level":30,"msg":"ready"}',
    '[1:0x2f]     1400 ms: Mark-Compact 9.1 (9.9) -> 3.3 (9.9) MB, pooled: 18 MB, 6.0 / 0.00 ms  (+ 2.0 ms in 4 steps since start of marking, biggest step 0.4 ms)',
    '[1:0x2f]     1500 ms: Incremental Mark-Compact (reduce) 9.1 (9.9) -> 3.3 (9.9) MB, pooled: 0.0 MB, 0.5 / 0.00 ms (+ 0.0 ms in 1 steps)',
    '[1:0x2f]     2001 ms: Scavenge 3.8 (4.0) -> 3.4 (5.0) MB, 99.0 / 0.00 ms  (average mu = 1.000) allocation failure;',
  ].join('\n');

  expect(shareInCollections(trace, 1000, 2000)).toBeCloseTo(0.01);
});
