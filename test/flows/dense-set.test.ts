/** A set for what comes and goes with every request behaves as a `Set`, but for the order. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { DenseSet, type Member } from '../../src/flows/dense-set.ts';

test('whatever is added and deleted, it has the members that a Set has', () => {
  const step = fc.record({ isAdded: fc.boolean(), which: fc.nat({ max: 9 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const candidates = Array.from({ length: 10 }, (_, name): Member & { name: number } => ({ name }));
      const [dense, plain] = [new DenseSet<Member & { name: number }>(), new Set<Member>()];
      for (const { isAdded, which } of steps) {
        const candidate = candidates[which] ?? { name: -1 };
        if (isAdded) {
          dense.add(candidate);
          plain.add(candidate);
        } else {
          dense.delete(candidate);
          plain.delete(candidate);
        }
        expect(dense.size).toBe(plain.size);
        expect(new Set(dense.members)).toEqual(plain);
      }
    }),
  );
});

test('members may leave while they are looked at', () => {
  const set = new DenseSet<Member>();
  const members = [{}, {}, {}];
  for (const member of members) set.add(member);
  for (const member of set.members) set.delete(member);
  expect(set.size).toBe(0);
});
