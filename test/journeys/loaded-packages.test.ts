/** What is not used is not loaded: it would cost memory in every process, and time at every start. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { describePostgres } from '../support/database.ts';
import type { ServerEnvironment } from '../support/process.ts';
import { createServerHome, type ServerHome } from './server-home.ts';

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const coverage = z.object({ result: z.array(z.object({ url: z.string() })) });

describePostgres('a process on PostgreSQL', () => {
  let home: ServerHome;
  beforeAll(async () => {
    home = await createServerHome('postgres');
  });
  afterAll(() => home.close());

  /** The packages that a process has loaded from its start to its end: V8 writes the scripts down. */
  async function loadedPackages(changed: ServerEnvironment): Promise<ReadonlySet<string>> {
    const folder = await mkdtemp(join(tmpdir(), 'mcp-loaded-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const server = await home.start({ NODE_V8_COVERAGE: folder, ...changed });
    server.signal('SIGTERM');
    await server.exit;
    const files = await readdir(folder);
    const reports = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
    const urls = reports.flatMap((text) => coverage.parse(JSON.parse(text)).result.map(({ url }) => url));
    return new Set(urls.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []));
  }

  const optional = ['@electric-sql/pglite', 'ioredis', 'prom-client', '@opentelemetry/sdk-trace'];

  test('loads neither the embedded database nor what is for variables that are not set (design §2)', async () => {
    const loaded = await loadedPackages({});

    expect(loaded).toContain('pg');
    expect(optional.filter((name) => loaded.has(name))).toEqual([]);
  });

  test('loads the client of Redis when there is one (design §2, `REDIS_URL`)', async () => {
    const loaded = await loadedPackages({ REDIS_URL: 'redis://127.0.0.1:9' });

    expect(optional.filter((name) => loaded.has(name))).toEqual(['ioredis']);
  });
});
