/** Starting: what is wrong is said in words, with exit code 1, and what can wait is waited for (issue 2, "Configuration"). */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest';
import { askConsent, callMcp, register, signIn } from '../support/authorize.ts';
import { databaseKinds } from '../support/database.ts';
import { type Exit, freePort, poll, type ServerEnvironment } from '../support/process.ts';
import { remote } from './remote.ts';
import { createServerHome, type ServerHome } from './server-home.ts';

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** The MCP server's own answer to a request that accepts nothing: the proxy has let it through. */
const reachedMcpServer = 406;

let home: ServerHome;
beforeAll(async () => {
  home = await createServerHome(databaseKinds[0] ?? 'embedded');
});
afterAll(() => home.close());

/** Starts it with something wrong, and says how it ended. */
async function failToStart(changed: ServerEnvironment): Promise<Exit> {
  return (await home.spawn(changed)).exit;
}

describe('a configuration that is wrong', () => {
  test('all problems are told at once, one a line, with an example; no stack, no secret (issue 2, "Configuration")', async () => {
    const secrets = { OAUTH_CLIENT_SECRET: 'the-client-secret', ENCRYPTION_KEY: 'the-encryption-key' };
    const { code, stderr, stdout } = await failToStart({
      ...secrets,
      MCP_SERVER_URL: '',
      BASE_URL: 'http://mcp.example.com',
      PORT: 'eighty',
      DATABASE_DSN: 'mysql://root:the-database-password@db/mcp',
      OAUTH_CLIENT_ID: '',
    });

    expect(code).toBe(1);
    for (const name of [
      'MCP_SERVER_URL',
      'BASE_URL',
      'PORT',
      'DATABASE_DSN',
      'OAUTH_CLIENT_ID',
      'ENCRYPTION_KEY',
    ]) {
      const lines = stderr.split('\n').filter((line) => line.trim().startsWith(`${name} `));
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(/Example: |openssl/);
    }
    expect(stderr).not.toMatch(/^\s+at /m);
    for (const secret of [...Object.values(secrets), 'the-database-password']) {
      expect(stderr + stdout).not.toContain(secret);
    }
  });

  test('a port that another program has is named, with exit code 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const port = String((other.address() as { port: number }).port);

    const { code, stderr } = await failToStart({ PORT: port });

    expect(code).toBe(1);
    expect(stderr).toContain(port);
    expect(stderr).toContain('in use');
    expect(stderr).toContain('set PORT');
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test('so is the port for proxies, by its own variable', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const port = String((other.address() as { port: number }).port);

    const { code, stderr } = await failToStart({
      MODE: 'forward_auth',
      TRUST_PROXY: '127.0.0.1',
      AUTH_PORT: port,
    });

    expect(code).toBe(1);
    expect(stderr).toContain(`${port}. Stop the other program, or set AUTH_PORT`);
  });

  test('and the port for metrics', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const port = String((other.address() as { port: number }).port);

    const { code, stderr } = await failToStart({ METRICS_PORT: port, METRICS_HOST: '127.0.0.1' });

    expect(code).toBe(1);
    expect(stderr).toContain(`${port}. Stop the other program, or set METRICS_PORT`);
  });

  test('a database that cannot be reached is named, without its password, with exit code 1', async () => {
    const port = await freePort();

    const { code, stderr, stdout } = await failToStart({
      DATABASE_DSN: `postgres://user:the-database-password@127.0.0.1:${port}/mcp`,
    });

    expect(code).toBe(1);
    expect(stderr).toMatch(/database/i);
    expect(stderr).toContain(`127.0.0.1:${port}`);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stderr + stdout).not.toContain('the-database-password');
  });
});

describe.each(databaseKinds)('ENCRYPTION_KEY on %s', (kind) => {
  const [old, fresh] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
  let own: ServerHome;
  beforeAll(async () => {
    own = await createServerHome(kind);
  });
  afterAll(() => own.close());

  test('new,old goes on where old stopped; new alone is refused, and harms nothing (design §3.2)', async () => {
    const proxy = remote(own.origin);
    const before = await own.start({ ENCRYPTION_KEY: old });
    const { accessToken } = await signIn(proxy, await register(proxy));
    await before.kill();

    const refused = await (await own.spawn({ ENCRYPTION_KEY: fresh })).exit;
    const after = await own.start({ ENCRYPTION_KEY: `${fresh},${old}` });

    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('ENCRYPTION_KEY does not fit this database');
    expect(refused.stderr).toContain('ENCRYPTION_KEY=new,old');
    expect(refused.stderr).not.toContain(fresh);
    expect((await callMcp(proxy, accessToken, { method: 'POST' })).statusCode).toBe(reachedMcpServer);
    await after.kill();
  });
});

describe('the embedded database', () => {
  let own: ServerHome;
  beforeEach(async () => {
    own = await createServerHome('embedded');
  });
  afterEach(() => own.close());

  test('a second process on the same directory is refused, with what to do, and the first goes on (issue 2, "Storage")', async () => {
    await own.start();

    const { code, stderr } = await (await own.spawn({ PORT: String(await freePort()) })).exit;

    expect(code).toBe(1);
    expect(stderr).toContain('Another process is using the data directory');
    expect(stderr).toContain('DATABASE_DSN');
    expect((await register(remote(own.origin))).clientId).not.toBe('');
  });

  test('a key is made where none is set, for its owner alone, with a warning; the next start uses it (issue 2, "Secrets")', async () => {
    const proxy = remote(own.origin);
    const first = await own.start({ ENCRYPTION_KEY: '' });
    const { accessToken } = await signIn(proxy, await register(proxy));
    const { stdout } = await first.kill();

    await own.start({ ENCRYPTION_KEY: '' });

    const file = join(own.environment.DATA_DIR ?? '', 'encryption.key');
    expect(stdout).toContain('ENCRYPTION_KEY is not set: a key was made');
    expect(stdout).not.toContain(readFileSync(file, 'utf8').trim());
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await callMcp(proxy, accessToken, { method: 'POST' })).statusCode).toBe(reachedMcpServer);
  });

  test('a signal that comes while it starts ends it, with 0', async () => {
    const server = await own.spawn({ ENCRYPTION_KEY: '' });
    await poll(async () => server.stdout().includes('a key was made'));

    server.signal('SIGTERM');

    expect((await server.exit).code).toBe(0);
  });
});

test('while the identity provider is away the server starts, says so, and recovers by itself (issue 2, "The identity provider side")', async () => {
  home.setProviderAway(true);
  onTestFinished(() => home.setProviderAway(false));
  const server = await home.start();
  const proxy = remote(home.origin);
  const providerState = async () =>
    (await proxy.send({ url: '/health' })).json<{ identity_provider: string }>().identity_provider;
  const client = await register(proxy);

  expect(await providerState()).toBe('unavailable');
  expect((await proxy.send({ url: '/health/ready' })).json()).toMatchObject({ status: 'degraded' });
  const { page } = await askConsent(proxy, client);
  expect(page.body).toContain('cannot be reached right now');

  home.setProviderAway(false);
  await poll(async () => (await providerState()) === 'ready');
  const { accessToken } = await signIn(proxy, client);
  expect((await callMcp(proxy, accessToken, { method: 'POST' })).statusCode).toBe(reachedMcpServer);
  await server.kill();
});
