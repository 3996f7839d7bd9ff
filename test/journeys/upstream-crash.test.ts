/** The instance that refreshes the provider's token ends at each point of it: what the provider still honours is kept. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { callMcp, register, signIn } from '../support/authorize.ts';
import { describePostgres } from '../support/database.ts';
import { withAdmin } from '../support/postgres.ts';
import { poll } from '../support/process.ts';
import { remote } from './remote.ts';
import { createServerHome } from './server-home.ts';
import { whoami } from './whoami.ts';

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** Someone is signed in, at an instance that is a process of its own. */
async function startSignedIn(provider?: { readonly rotateRefreshToken: boolean }) {
  const home = await createServerHome('postgres', provider);
  onTestFinished(() => home.close());
  const server = await home.start();
  const proxy = remote(home.origin);
  const { accessToken } = await signIn(proxy, await register(proxy));
  const administer = async (statement: string) =>
    withAdmin(home.environment.DATABASE_DSN ?? '', (admin) => admin.query(statement));
  return {
    home,
    server,
    call: async () => callMcp(proxy, accessToken, whoami),
    refreshes: () =>
      home.provider.passed
        .filter(({ requestBody }) => requestBody.includes('grant_type=refresh_token'))
        .map(({ status }) => status),
    expireIn: async (interval: string) =>
      administer(`update upstream_sessions set access_token_expires_at = now() + interval '${interval}'`),
    /** As 90 seconds do. */
    endLease: async () => administer('update upstream_sessions set refresh_leased_until = now()'),
  };
}

/** Takes requests and never answers. */
async function startHangingServer() {
  let count = 0;
  const server = createServer(() => (count += 1)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => server.close().closeAllConnections());
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => count,
  };
}

describePostgres('the provider’s token, when the instance that refreshes it', () => {
  test('is killed before the provider has the request: calls go on, and the next instance refreshes it (issue 4, item 4)', async () => {
    const { home, server, call, refreshes, expireIn, endLease } = await startSignedIn();
    const hanging = await startHangingServer();
    await expireIn('20 seconds');
    home.provider.setTargets([hanging.origin]);
    expect((await call()).statusCode).toBe(200);
    await poll(async () => hanging.requests() > 0);

    await server.kill();
    home.setProviderAway(false);
    await home.start();

    expect((await call()).statusCode).toBe(200);
    await endLease();
    expect((await call()).statusCode).toBe(200);
    await poll(async () => refreshes().includes(200));
  });

  test.each([
    ['keeps the refresh token', { rotateRefreshToken: false }, 200],
    ['has replaced it, which nobody can undo', { rotateRefreshToken: true }, 401],
  ])(
    'is killed before it has stored the answer of a provider that %s (issue 4, item 4)',
    async (_, provider, status) => {
      const { home, server, call, refreshes, expireIn, endLease } = await startSignedIn(provider);
      await expireIn('-1 second');
      home.provider.setLatency(8_000);
      const unanswered = call().catch(() => undefined);
      await poll(async () => refreshes().includes(200));

      await server.kill();
      home.provider.setLatency(0);
      await unanswered;
      await home.start();
      await endLease();

      expect((await call()).statusCode).toBe(status);
    },
  );

  test('is killed after it has stored the answer: the next instance goes on with it (issue 4, item 4)', async () => {
    const { home, server, call, refreshes, expireIn } = await startSignedIn();
    await expireIn('-1 second');
    expect((await call()).statusCode).toBe(200);

    await server.kill();
    await home.start();

    expect((await call()).statusCode).toBe(200);
    expect(refreshes()).toEqual([200]);
  });

  test('is told to stop: it stores the answer first, though nobody waits for it any more (issue 4, item 4)', async () => {
    const { home, server, call, refreshes, expireIn } = await startSignedIn();
    await expireIn('20 seconds');
    home.provider.setLatency(3_000);
    expect((await call()).statusCode).toBe(200);
    await poll(async () => refreshes().includes(200));

    server.signal('SIGTERM');
    expect((await server.exit).code).toBe(0);
    home.provider.setLatency(0);
    await home.start();
    await expireIn('-1 second');

    expect((await call()).statusCode).toBe(200);
    expect(refreshes()).toEqual([200, 200]);
  });
});
