/** `WORKERS`: several processes are one server, whatever happens to one of them (issue 6, "All cores, many machines"). */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  authorize,
  callMcp,
  redeem,
  refresh,
  register,
  revoke,
  signIn,
  tokensOf,
} from '../support/authorize.ts';
import { databaseKinds, describePostgres } from '../support/database.ts';
import { withAdmin } from '../support/postgres.ts';
import { freePort, poll, type ServerProcess } from '../support/process.ts';
import { scrape, valueOf } from '../telemetry/scrape.ts';
import { remote } from './remote.ts';
import { createServerHome, type ServerHome } from './server-home.ts';
import { answerersOf, ask, constantLoad, linesAbout, until, workersOf } from './worker-server.ts';

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

/** The MCP server's own answer to a request that accepts nothing: the proxy has let it through. */
const reachedMcpServer = 406;

describePostgres('two workers', () => {
  let home: ServerHome;
  beforeAll(async () => {
    home = await createServerHome('postgres');
  });
  afterAll(() => home.close());

  const proxy = () => remote(home.origin);
  const health = () => `${home.origin}/health`;
  const times = async <T>(count: number, work: () => Promise<T>) =>
    Promise.all(Array.from({ length: count }, work));

  async function start(changed: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    const server = await home.start({ SHUTDOWN_GRACE_SECONDS: '60', ...changed }, 'WORKERS=2\n');
    await until(server, 'ready');
    return server;
  }

  describe('that run', () => {
    let server: ServerProcess;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(async () => void (await server.kill()));

    test('answer on one port, and the process that supervises them answers nothing', async () => {
      await poll(async () => {
        await times(20, async () => ask(health(), { agent: false }));
        return answerersOf(server, '/health').size === 2;
      });

      const workers = workersOf(server);
      expect(workers).toHaveLength(2);
      expect(workers).not.toContain(server.pid);
      expect(answerersOf(server, '/health')).toEqual(new Set(workers));
    });

    test('act as one: a code is good once, a refresh has one successor (design §3.6, §3.7)', async () => {
      const client = await register(proxy());
      const authorization = await authorize(proxy(), client);

      const redeemed = await times(10, async () => redeem(proxy(), client, authorization));
      const { refreshToken } = await signIn(proxy(), client);
      const refreshed = await times(10, async () => refresh(proxy(), client, refreshToken));

      expect(redeemed.filter(({ statusCode }) => statusCode === 200)).toHaveLength(1);
      expect(new Set(refreshed.map((answer) => tokensOf(answer).refreshToken)).size).toBe(1);
    });

    test('a token that was revoked at one is refused by both, from the moment on that both know (design §3.4)', async () => {
      const client = await register(proxy());
      const { accessToken } = await signIn(proxy(), client);
      const call = async () => (await callMcp(proxy(), accessToken, { method: 'POST' })).statusCode;
      expect(new Set(await times(10, call))).toEqual(new Set([reachedMcpServer]));

      await revoke(proxy(), client, accessToken);
      await poll(async () => (await times(10, call)).every((status) => status === 401));

      expect(new Set(await times(40, call))).toEqual(new Set([401]));
    });

    test('one that is killed is replaced, and only who was being answered by it notices', async () => {
      const ready = workersOf(server);
      const [victim = 0] = ready;
      const load = constantLoad(health(), [false, false, false, new Agent({ keepAlive: true })]);
      await poll(async () => load.answered() > 50);

      process.kill(victim, 'SIGKILL');
      await until(server, 'a worker is ready', ready.length + 1);
      const [answered, lost] = [load.answered(), load.failures.length];
      await poll(async () => load.answered() > answered + 100);
      await load.stop();

      expect(lost).toBeLessThanOrEqual(4);
      expect(load.failures).toEqual(Array(lost).fill('ECONNRESET'));
      expect(linesAbout(server, 'a worker ended')).toMatchObject([{ worker: victim, signal: 'SIGKILL' }]);
    });

    test('SIGHUP replaces both under load: no request fails, no answer is cut, and .env is read anew', async () => {
      const before = workersOf(server);
      const { accessToken } = await signIn(proxy(), await register(proxy()));
      const agents = [false, false, new Agent({ keepAlive: true }), new Agent({ keepAlive: true })] as const;
      const load = constantLoad(health(), agents);
      const answer = await callTool(home.origin, accessToken, { from: 50, stepMs: 100 });

      await writeFile(join(server.directory, '.env'), 'WORKERS=3\nSCOPES_SUPPORTED=openid\n');
      server.signal('SIGHUP');
      await until(server, 'restarted');
      expect(await text(answer)).toContain('"countedDownFrom":50');
      await poll(async () => !before.some(isRunning));
      const answered = load.answered();
      await poll(async () => load.answered() > answered + 50);
      await load.stop();

      expect(load.failures).toEqual([]);
      const after = workersOf(server).slice(before.length);
      expect(after).toHaveLength(3);
      expect(after.filter((pid) => before.includes(pid))).toEqual([]);
      const metadata = await proxy().send({ url: '/.well-known/oauth-authorization-server' });
      expect(metadata.json()).toMatchObject({ scopes_supported: ['openid', 'offline_access'] });
    });

    test('a new one that does not start leaves the others as they are, and is tried less and less often', async () => {
      const refusal = 'not restarted to the end: the workers that are there go on';
      await writeFile(join(server.directory, '.env'), 'WORKERS=2\nACCESS_TOKEN_TTL_SECONDS=soon\n');
      server.signal('SIGHUP');
      await until(server, refusal);
      await writeFile(join(server.directory, '.env'), 'WORKERS=2\n');
      const ready = workersOf(server);

      await allowConnections(home.environment.DATABASE_DSN ?? '', false);
      onTestFinished(async () => allowConnections(home.environment.DATABASE_DSN ?? '', true));
      server.signal('SIGHUP');
      await until(server, refusal, 2);
      const since = linesAbout(server, 'a worker is started in its place').length;
      process.kill(ready.at(-3) ?? 0, 'SIGKILL');
      await until(server, 'a worker does not start; it is tried again', 2);
      expect(await ask(health())).toBe(200);
      await allowConnections(home.environment.DATABASE_DSN ?? '', true);
      await until(server, 'a worker is ready', ready.length + 1);
      const survivors = ready.slice(-2).filter(isRunning);
      const restarts = linesAbout(server, 'restarted').length;
      server.signal('SIGHUP');
      await until(server, 'restarted', restarts + 1);
      await poll(async () => !ready.some(isRunning));

      const [wrongValue, noDatabase] = linesAbout(server, refusal);
      expect(wrongValue?.reason).toEqual([expect.stringContaining('ACCESS_TOKEN_TTL_SECONDS must be')]);
      expect(noDatabase?.reason).toMatch(/database/i);
      const delays = linesAbout(server, 'a worker is started in its place').slice(since);
      expect(delays.length).toBeGreaterThan(2);
      for (const [index, { delayMs = 0 }] of delays.slice(1).entries())
        expect(delayMs).toBe(Math.max(1000, 2 * (delays[index]?.delayMs ?? 0)));
      expect(survivors).toEqual(ready.slice(-2));
      expect(workersOf(server).filter(isRunning)).toHaveLength(2);
    });
  });

  describe('with ports for proxies and for metrics', () => {
    let server: ServerProcess;
    const ports = { auth: 0, metrics: 0 };
    beforeAll(async () => {
      [ports.auth, ports.metrics] = [await freePort(), await freePort()];
      server = await start({
        MODE: 'forward_auth',
        TRUST_PROXY: '127.0.0.1',
        AUTH_PORT: String(ports.auth),
        METRICS_PORT: String(ports.metrics),
        METRICS_HOST: '127.0.0.1',
      });
    });
    afterAll(async () => void (await server.kill()));

    test('share the port for proxies too, and say that rate limits are not shared', async () => {
      await poll(async () => {
        await times(20, async () => ask(`http://127.0.0.1:${ports.auth}/nothing`, { agent: false }));
        return answerersOf(server, '/nothing').size === 2;
      });

      expect(linesAbout(server, rateLimitWarning)).toMatchObject([{ pid: server.pid, workers: 2 }]);
    });

    test('one scrape tells of both, and what only grows never falls, also when one ends', async () => {
      const read = async () => scrape(`http://127.0.0.1:${ports.metrics}/metrics`);
      const counted = async () =>
        valueOf(
          await read(),
          `mcp_oauth_proxy_http_request_duration_seconds_count{route="discovery",status="2xx"}`,
        );
      const discover = async () =>
        ask(`${home.origin}/.well-known/oauth-authorization-server`, { agent: false });

      await times(40, discover);
      await poll(async () => (await counted()) === 40);
      process.kill(workersOf(server)[0] ?? 0, 'SIGKILL');
      await until(server, 'a worker ended');
      expect(await counted()).toBe(40);
      await until(server, 'a worker is ready', 3);
      await times(10, discover);
      server.signal('SIGHUP');
      await until(server, 'restarted');
      await poll(async () => !workersOf(server).slice(0, 3).some(isRunning));

      const metrics = await read();
      expect(await counted()).toBe(50);
      expect(metrics).toMatch(/^mcp_oauth_proxy_build_info\{version="[^"]+"\} 1$/m);
      expect(valueOf(metrics, 'mcp_oauth_proxy_revocation_feed_fresh')).toBe(1);
      expect(valueOf(metrics, 'mcp_oauth_proxy_provider_ready{provider="oauth"}')).toBe(1);
    });
  });

  test('SIGTERM stops all of them, with 0 (issue 2, "graceful shutdown")', async () => {
    const server = await start();

    server.signal('SIGTERM');
    // Resolves when nobody can write to its output any more: no worker is left.
    const { code, stderr } = await server.exit;

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await expect(ask(health())).rejects.toThrow('ECONNREFUSED');
  });

  test('a second signal ends all of them at once, with 1', async () => {
    const server = await start({ SHUTDOWN_GRACE_SECONDS: '600' });
    const { accessToken } = await signIn(proxy(), await register(proxy()));
    const answer = await callTool(home.origin, accessToken, { from: 600, stepMs: 1000 });
    answer.on('error', () => undefined);
    server.signal('SIGINT');
    await until(server, 'stopping', 3);

    server.signal('SIGINT');

    expect((await server.exit).code).toBe(1);
  });

  test('when the process that supervises is killed, they finish what is open, and end', async () => {
    const server = await start();
    const { accessToken } = await signIn(proxy(), await register(proxy()));
    const answer = await callTool(home.origin, accessToken, { from: 10, stepMs: 100 });

    const ended = server.kill();

    expect(await text(answer)).toContain('"countedDownFrom":10');
    // Resolves when nobody can write to its output any more: no worker is left.
    expect((await ended).signal).toBe('SIGKILL');
    expect(linesAbout(server, 'the primary process is gone: stopping')).toHaveLength(2);
  });

  test('a start that fails ends all, with 1 and the same words as with one process', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const taken = String((other.address() as { port: number }).port);
    const closed = await freePort();

    const ends = await Promise.all(
      [
        { PORT: taken },
        { MODE: 'forward_auth', TRUST_PROXY: '127.0.0.1', AUTH_PORT: taken },
        { METRICS_PORT: taken, METRICS_HOST: '127.0.0.1' },
        { DATABASE_DSN: `postgres://user:the-database-password@127.0.0.1:${closed}/mcp` },
      ].map(
        async (wrong) => (await home.spawn({ PORT: String(await freePort()), WORKERS: '2', ...wrong })).exit,
      ),
    );

    expect(ends.map(({ code }) => code)).toEqual([1, 1, 1, 1]);
    const words = ends.map(({ stderr }) => stderr.trim());
    for (const said of words) expect(said).toMatch(/^mcp-oauth-proxy cannot start: [^\n]+$/);
    expect(words.slice(0, 3).map((said) => said.split('or set ')[1])).toEqual([
      'PORT to another port',
      'AUTH_PORT to another port',
      'METRICS_PORT to another port',
    ]);
    expect(words[3]).toContain(`127.0.0.1:${closed}`);
    expect(words[3]).not.toContain('the-database-password');
  });
});

const rateLimitWarning =
  'REDIS_URL is not set: each worker counts requests by itself, so that up to so many times the rate limits pass';

test('one process that gets SIGHUP goes on, and says how restarts work', async () => {
  const home = await createServerHome(databaseKinds[0] ?? 'embedded');
  onTestFinished(() => home.close());
  const server = await home.start();

  server.signal('SIGHUP');
  await until(server, 'nothing is restarted: with WORKERS=2 or more, SIGHUP restarts one after the other');

  expect(await ask(`${home.origin}/health`)).toBe(200);
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** For those that are not made yet; whoever is connected stays. */
async function allowConnections(dsn: string, isAllowed: boolean): Promise<void> {
  const elsewhere = new URL(dsn);
  const name = elsewhere.pathname.slice(1);
  elsewhere.pathname = '/postgres';
  await withAdmin(elsewhere.href, (admin) =>
    admin.query(`alter database "${name}" with allow_connections ${isAllowed}`),
  );
}

const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** Calls a tool that answers step by step, on a connection of its own, and resolves when the answer begins. */
async function callTool(
  origin: string,
  accessToken: string,
  countdown: { readonly from: number; readonly stepMs: number },
): Promise<IncomingMessage> {
  const post = async (message: object, headers: object = {}): Promise<IncomingMessage> => {
    const outgoing = httpRequest(`${origin}/mcp`, {
      method: 'POST',
      agent: false,
      headers: { ...json, authorization: `Bearer ${accessToken}`, ...headers },
    });
    outgoing.end(JSON.stringify({ jsonrpc: '2.0', ...message }));
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    return response;
  };
  const version = '2025-11-25';
  const clientInfo = { name: 'journey', version: '1.0.0' };
  const params = { protocolVersion: version, capabilities: {}, clientInfo };
  const opened = await post({ id: 1, method: 'initialize', params });
  await text(opened);
  return post(
    { id: 2, method: 'tools/call', params: { name: 'countdown', arguments: countdown } },
    { 'mcp-session-id': String(opened.headers['mcp-session-id']), 'mcp-protocol-version': version },
  );
}
