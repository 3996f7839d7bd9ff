/** How a test says which requirements it verifies. */
import type { RequirementId } from './requirements.ts';

declare module 'vitest' {
  interface TaskMeta {
    verifies?: readonly RequirementId[];
  }
}

/**
 * The options of a test: `test('…', verifies('challenge'), async () => {…})`, also of `test.each(…)`. They count when
 * the test passes. On `describe` they are those of every test inside that has none of its own.
 */
export function verifies(...ids: readonly [RequirementId, ...RequirementId[]]): {
  readonly meta: { readonly verifies: readonly RequirementId[] };
} {
  return { meta: { verifies: ids } };
}
