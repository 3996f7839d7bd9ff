import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/suites/*.test.ts'],
    globalSetup: ['test/suites/install-programs.ts', 'test/support/global-setup.ts'],
    reporters: ['default', './test/support/not-run-reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
