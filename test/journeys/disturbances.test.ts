/**
 * The soak (`npm run bench -- soak`) in short: everything goes wrong once under a mixed load, and no answer is wrong.
 * How fast each thing has to happen is for the soak to say, on a machine that does nothing else.
 */
import { expect, onTestFinished, test } from 'vitest';
import { runSoak } from '../bench/soak-run.ts';
import { startSoakWorld } from '../bench/soak-world.ts';
import { describePrivatePostgres } from '../support/database.ts';
import { compileServer } from '../support/process.ts';

const limits = { feedMs: 20_000, staleMs: 5_000, recoveryMs: 20_000, graceMs: 3_000, slackMs: 20_000 };
const times = { accessTokenSeconds: 60, graceSeconds: 60 };

describePrivatePostgres('two instances under load', () => {
  test(
    'while the MCP server and the database are killed, an instance restarts, clients leave and access is revoked: no 200 after a revoke was visible, no 401 for a good token, nobody else’s identity, no event or byte lost or doubled (design §3.4, §3.8)',
    { timeout: 180_000 },
    async () => {
      const server = await compileServer();
      onTestFinished(() => server.remove());
      const instances = [{}, {}];
      const options = { node: process.execPath, serverFile: server.file, instances, limits, ...times };
      const world = await startSoakWorld(options);
      onTestFinished(() => world.close());

      await runSoak(world, {
        ...times,
        seconds: 8,
        perSecond: 40,
        people: 12,
        endingsPerSecond: 3,
        say: () => undefined,
        schedule: [
          { at: 0.2, disturbance: { what: 'back end killed', awayMs: 200 } },
          { at: 0.4, disturbance: { what: 'database killed', awayMs: 300 } },
          { at: 0.6, disturbance: { what: 'instance restarted', instance: 1 } },
          { at: 0.8, disturbance: { what: 'database connections dropped' } },
        ],
      });

      expect(world.ledger.wrong).toEqual([]);
      const seen = (kind: string, outcome: string) => world.ledger.counts.get(kind)?.get(outcome) ?? 0;
      expect(seen('small POST', '200')).toBeGreaterThan(10);
      expect(seen('after the end', '401')).toBeGreaterThan(10);
    },
  );
});
