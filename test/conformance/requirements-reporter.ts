/** Ends a test run by counting the requirements that were verified; one that was not fails a run of the whole suite. */
import { relative } from 'node:path';
import type { Reporter, TestModule, TestSpecification, Vitest } from 'vitest/node';
import { type Requirement, requirements } from './requirements.ts';
import './verifies.ts';

export default class RequirementsReporter implements Reporter {
  private vitest: Vitest | undefined;
  private isWholeSuite = false;

  onInit(vitest: Vitest): void {
    this.vitest = vitest;
  }

  /** Single files and single tests can be run without a word about the rest. */
  async onTestRunStart(specifications: readonly TestSpecification[]): Promise<void> {
    const { vitest } = this;
    if (vitest === undefined) return;
    const running = new Set(specifications.map(({ moduleId }) => moduleId));
    const suite = (await vitest.globTestSpecifications())
      .map(({ moduleId }) => moduleId)
      .filter((file) => isRequirementTest(relative(vitest.config.root, file)));
    this.isWholeSuite =
      vitest.config.testNamePattern === undefined &&
      suite.length > 0 &&
      suite.every((file) => running.has(file));
  }

  onTestRunEnd(testModules: readonly TestModule[]): void {
    if (this.vitest === undefined || !this.isWholeSuite) return;
    const { summary, missing } = countVerified(requirements, new Set(testModules.flatMap(verifiedIn)));
    this.vitest.logger.log([summary, ...missing].join('\n'));
    if (missing.length > 0) process.exitCode = 1;
  }
}

/** The run's last line, and a line for each requirement that no passed test verified. */
export function countVerified(
  table: Readonly<Record<string, Requirement>>,
  verified: ReadonlySet<string>,
): { readonly summary: string; readonly missing: readonly string[] } {
  const rows = Object.entries(table);
  const count = (status: Requirement['status']): number =>
    rows.filter(([id, row]) => row.status === status && verified.has(id)).length;
  const missing = rows
    .filter(([id]) => !verified.has(id))
    .map(([id, { says, source }]) => `  no passed test verifies '${id}': ${says} ${source}`);
  const words = [
    `${count(undefined)} verified`,
    `${count('diverges')} diverge (docs/divergences.md)`,
    `${count('not offered')} not offered`,
    ...(missing.length === 0 ? [] : [`${missing.length} NOT VERIFIED`]),
  ];
  return { summary: `requirements: ${words.join(', ')}`, missing };
}

function isRequirementTest(path: string): boolean {
  return /^test\/conformance\/[^/]+\.test\.ts$/.test(path.replaceAll('\\', '/'));
}

function verifiedIn(testModule: TestModule): readonly string[] {
  return [...testModule.children.allTests('passed')].flatMap((test) => test.meta().verifies ?? []);
}
