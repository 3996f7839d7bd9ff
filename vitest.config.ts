import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/browser/**', 'test/suites/**'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: [
      'default',
      './test/support/not-run-reporter.ts',
      './test/conformance/requirements-reporter.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
