/** The public MCP conformance runner against an MCP server: the proxy before it must not change a single verdict. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ServedMcp } from '../../scripts/serve-mcp.ts';
import { remote } from '../journeys/remote.ts';
import { register, signIn } from '../support/authorize.ts';
import { databaseKinds } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { startConformanceServer } from './conformance-server.ts';
import { type Checks, runConformance, verdicts } from './conformance.ts';
import { describeWithPrograms } from './programs.ts';

/** The SDK does not have the extension for tasks; the runner tries it, and does not score it. */
const ofTasks = [
  'tasks-capability-negotiation',
  'tasks-dispatch-and-envelope',
  'tasks-lifecycle',
  'tasks-mrtr-composition',
  'tasks-mrtr-input',
  'tasks-request-headers',
  'tasks-request-state-removal',
  'tasks-required-task-error',
  'tasks-wire-fields',
];

const revisions: readonly (readonly [string, number, number, readonly string[]])[] = [
  ['2025-11-25', 84, 0, []],
  ['2026-07-28', 164, 30, ofTasks],
];

describeWithPrograms('conformance server', () => {
  let server: ServedMcp;
  let site: Site;
  beforeAll(async () => {
    server = await startConformanceServer();
    site = await startSite(databaseKinds[0] ?? 'embedded', { environment: { MCP_SERVER_URL: server.url } });
    const proxy = remote(site.front.origin);
    const { accessToken } = await signIn(proxy, await register(proxy));
    site.front.addHeaders({ authorization: `Bearer ${accessToken}` });
  });
  afterAll(async () => {
    await site.close();
    await server.close();
  });

  const measure = async (url: string, revision: string) => {
    const runner = await runConformance('server', { url, requirements: revision });
    return runner.checks();
  };

  test.each(revisions)(
    'MCP %s: %i checks succeed, %i fail for want of an extension, and the proxy changes none (protocol.md 125–132)',
    async (revision, succeeding, failing, scenariosThatFail) => {
      const direct = await measure(server.url, revision);
      const proxied = await measure(`${site.front.origin}/mcp`, revision);

      expect(verdicts(proxied)).toEqual(verdicts(direct));
      expect(failures(direct)).toEqual(scenariosThatFail);
      expect(countOf(direct, 'SUCCESS')).toBe(succeeding);
      expect(countOf(direct, 'FAILURE')).toBe(failing);
      expect(countOf(direct, 'WARNING')).toBe(0);
    },
    300_000,
  );
});

const failures = (checks: Checks) =>
  [...checks].filter(([, found]) => found.some(({ status }) => status === 'FAILURE')).map(([name]) => name);

const countOf = (checks: Checks, status: string) =>
  [...checks.values()].flat().filter((check) => check.status === status).length;
