/** Ends a test run by naming what this machine could not run, and why. */
import type { Reporter, TestModule, Vitest } from 'vitest/node';

export default class NotRunReporter implements Reporter {
  private vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.vitest = vitest;
  }

  onTestRunEnd(testModules: readonly TestModule[]): void {
    const lines = [...this.missing(), ...testModules.flatMap(skippedIn)];
    const text =
      lines.length === 0 ? 'Everything ran.' : lines.map((line) => `Not run here: ${line}`).join('\n');
    this.vitest?.logger.log(`${text}\n`);
  }

  private *missing(): Generator<string> {
    const { postgres } = this.vitest?.getRootProject().getProvidedContext() ?? {};
    if (postgres === undefined) return;
    if (postgres.dsn === undefined) yield `tests on PostgreSQL (${postgres.reason})`;
    else if (!postgres.canStart) yield `tests that stop a PostgreSQL of their own (${postgres.reason})`;
  }
}

/** One line for each outermost suite or test that was skipped. */
function skippedIn(testModule: TestModule): string[] {
  const lines: string[] = [];
  for (const test of testModule.children.allTests('skipped')) {
    const result = test.result();
    const note = result.state === 'skipped' && result.note ? ` (${result.note})` : '';
    lines.push(`${testModule.relativeModuleId}: ${test.fullName}${note}`);
  }
  return lines;
}
