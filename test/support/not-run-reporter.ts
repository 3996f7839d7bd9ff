/** Ends a test run by naming what this machine could not run, and why. */
import type { ProvidedContext } from 'vitest';
import type { Reporter, TestModule, TestSuite, Vitest } from 'vitest/node';

export default class NotRunReporter implements Reporter {
  private vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.vitest = vitest;
  }

  onTestRunEnd(testModules: readonly TestModule[]): void {
    const vitest = this.vitest;
    if (vitest === undefined) return;
    const isSelection = vitest.config.testNamePattern !== undefined;
    const lines = [
      ...missingPostgres(vitest),
      ...missingPrograms(vitest),
      ...(isSelection ? [] : testModules.flatMap((module) => skippedIn(module, module.relativeModuleId))),
    ];
    const text = lines.map((line) => `Not run here: ${line}`).join('\n') || 'Everything ran.';
    vitest.logger.log(text);
  }
}

function missingPostgres(vitest: Vitest): string[] {
  const { postgres }: Partial<ProvidedContext> = vitest.getRootProject().getProvidedContext();
  if (postgres === undefined) return [];
  const { dsn, canStart, reason } = postgres;
  if (dsn === undefined) return [`tests on PostgreSQL (${reason})`];
  return canStart ? [] : [`tests that stop a PostgreSQL of their own (${reason})`];
}

function missingPrograms(vitest: Vitest): string[] {
  const { programs }: Partial<ProvidedContext> = vitest.getRootProject().getProvidedContext();
  return programs?.missing === undefined ? [] : [`public suites and clients (${programs.missing})`];
}

/** One line for each outermost suite or test that was skipped. */
function skippedIn(parent: TestModule | TestSuite, name: string): string[] {
  return [...parent.children].flatMap((child) => {
    const path = `${name} > ${child.name}`;
    if (child.type === 'test') {
      const result = child.result();
      if (result.state !== 'skipped') return [];
      return [result.note === undefined ? path : `${path} (${result.note})`];
    }
    const tests = [...child.children.allTests()];
    const isSkipped = tests.length > 1 && tests.every((test) => test.options.mode === 'skip');
    return isSkipped ? [`${path} (${tests.length} tests)`] : skippedIn(child, path);
  });
}
