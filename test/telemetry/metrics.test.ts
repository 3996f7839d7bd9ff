/** What operators can measure, and what strangers cannot put into it. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { askConsent, authorize, redeem, refresh, register, signIn } from '../support/authorize.ts';
import { databaseKinds } from '../support/database.ts';
import { freePort } from '../support/process.ts';
import { createMachine, machineToken } from '../support/servers.ts';
import { metricsUrl, namesIn, scrape, valueOf } from './scrape.ts';

const operations = new URL('../../docs/operations/', import.meta.url);
const promtool = spawnSync('promtool', ['--version']).status === 0;
const isOnPostgres = databaseKinds.includes('postgres');

let proxy: TestApp;
let url: string;
beforeAll(async () => {
  proxy = await startTestApp({
    environment: { METRICS_PORT: '0', METRICS_HOST: '127.0.0.1', RATE_LIMIT_MAX: '1000' },
  });
  url = await metricsUrl(proxy);
  await connect(proxy);
});
afterAll(async () => proxy.close());

/** Everything that a connection goes through, and the first call. */
async function connect(app: TestApp): Promise<void> {
  await app.send({ method: 'POST', url: '/mcp' });
  await app.send({ url: '/.well-known/oauth-protected-resource/mcp' });
  const client = await register(app);
  const tokens = (await redeem(app, client, await authorize(app, client))).json();
  await call(app, tokens.access_token);
  await refresh(app, client, tokens.refresh_token);
}

async function call(app: TestApp, token: string) {
  return app.send({
    method: 'POST',
    url: '/mcp',
    headers: { authorization: `Bearer ${token}` },
    payload: '{}',
  });
}

test('each step of a connection is counted', async () => {
  const text = await scrape(url);

  for (const step of [
    'challenge_sent',
    'discovery_read',
    'client_registered',
    'authorize_opened',
    'consent_shown',
    'consent_approved',
    'sign_in_begun',
    'signed_in',
    'code_exchanged',
    'refreshed',
  ])
    expect([step, valueOf(text, `mcp_oauth_proxy_connection_steps_total{step="${step}"}`)]).toEqual([
      step,
      1,
    ]);
  expect(valueOf(text, 'mcp_oauth_proxy_connection_steps_total{step="consent_denied"}')).toBe(0);
});

test('a code that comes twice is counted as reuse', async () => {
  const client = await register(proxy);
  const authorization = await authorize(proxy, client);
  await redeem(proxy, client, authorization);
  await redeem(proxy, client, authorization);

  expect(valueOf(await scrape(url), 'mcp_oauth_proxy_reuse_detected_total{what="code"}')).toBe(1);
});

test('a person who says no is counted, and the refusal by its code', async () => {
  const asked = await askConsent(proxy, await register(proxy));
  await asked.browser.submit('/consent', { request_id: asked.requestId, decision: 'deny' });

  const text = await scrape(url);
  expect(valueOf(text, 'mcp_oauth_proxy_connection_steps_total{step="consent_denied"}')).toBe(1);
  expect(valueOf(text, 'mcp_oauth_proxy_refusals_total{endpoint="consent",code="access_denied"}')).toBe(1);
});

test('requests are timed by route and status, calls to others by how they ended', async () => {
  const text = await scrape(url);

  for (const sample of [
    'http_request_duration_seconds_count{route="mcp",status="2xx"}',
    'http_request_duration_seconds_count{route="mcp",status="4xx"}',
    'backend_response_seconds_count{status="2xx"}',
    'provider_call_duration_seconds_count{provider="oauth",operation="sign_in",outcome="ok"}',
    'database_duration_seconds_count{operation="transaction",outcome="ok"}',
    'provider_ready{provider="oauth"}',
    'revocation_feed_fresh',
    'verified_token_lookups_total{result="miss"}',
  ])
    expect([sample, valueOf(text, `mcp_oauth_proxy_${sample}`)]).toEqual([sample, expect.any(Number)]);
  expect(valueOf(text, 'mcp_oauth_proxy_provider_ready{provider="oauth"}')).toBe(1);
  expect(text).toMatch(/^mcp_oauth_proxy_build_info\{version="\d+\.\d+\.\d+"\} 1$/m);
});

test('event streams of a GET are timed apart, and who leaves before the end is told apart', async () => {
  const mcpServer = createServer((request, response) => {
    request.resume();
    if (request.method === 'GET')
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    else response.writeHead(200, { 'content-type': 'application/json' }).write('{');
  });
  await once(mcpServer.listen(0, '127.0.0.1'), 'listening');
  const app = await startTestApp({
    environment: {
      METRICS_PORT: '0',
      METRICS_HOST: '127.0.0.1',
      MCP_SERVER_URL: `http://127.0.0.1:${(mcpServer.address() as AddressInfo).port}/mcp`,
    },
  });
  onTestFinished(async () => {
    await app.close();
    mcpServer.closeAllConnections();
    mcpServer.close();
  });
  const { accessToken } = await signIn(app, await register(app));
  const origin = await app.app.listen({ host: '127.0.0.1', port: 0 });
  const where = await metricsUrl(app);
  const leave = new AbortController();
  const ask = async (method: string) =>
    fetch(`${origin}/mcp`, {
      method,
      headers: { authorization: `Bearer ${accessToken}`, accept: 'application/json, text/event-stream' },
      signal: leave.signal,
      ...(method === 'POST' && { body: '{}' }),
    });
  const [stream] = await Promise.all([ask('GET'), ask('POST')]);

  expect(stream.status).toBe(200);
  const during = await scrape(where);
  expect(valueOf(during, 'mcp_oauth_proxy_calls_open')).toBe(2);
  expect(valueOf(during, 'mcp_oauth_proxy_streams_open')).toBe(1);
  expect(valueOf(during, 'mcp_oauth_proxy_stream_duration_seconds_count')).toBe(0);

  leave.abort();
  await vi.waitFor(async () => {
    const after = await scrape(where);
    expect(valueOf(after, 'mcp_oauth_proxy_calls_open')).toBe(0);
    expect(valueOf(after, 'mcp_oauth_proxy_stream_duration_seconds_count')).toBe(1);
    expect(
      valueOf(after, 'mcp_oauth_proxy_http_request_duration_seconds_count{route="mcp",status="left"}'),
    ).toBe(1);
  });
});

test('forward-auth mode has them on the same port of their own, and counts what the proxy in front asks', async () => {
  const authPort = await freePort();
  const app = await startTestApp({
    environment: {
      MODE: 'forward_auth',
      AUTH_PORT: String(authPort),
      TRUST_PROXY: '127.0.0.1',
      HOST: '127.0.0.1',
      METRICS_PORT: '0',
      METRICS_HOST: '127.0.0.1',
    },
  });
  onTestFinished(app.close);
  const where = await metricsUrl(app);
  const asked = await fetch(`http://127.0.0.1:${authPort}/auth`, { headers: { 'x-original-uri': '/mcp' } });
  expect(asked.status).toBe(401);
  expect((await fetch(`http://127.0.0.1:${authPort}/metrics`)).status).toBe(404);

  const text = await scrape(where);
  expect(
    valueOf(text, 'mcp_oauth_proxy_http_request_duration_seconds_count{route="auth",status="4xx"}'),
  ).toBe(1);
  expect(valueOf(text, 'mcp_oauth_proxy_connection_steps_total{step="challenge_sent"}')).toBe(1);
});

test('too many requests are counted as such', async () => {
  const app = await startTestApp({
    environment: { METRICS_PORT: '0', METRICS_HOST: '127.0.0.1', RATE_LIMIT_MAX: '1' },
  });
  onTestFinished(app.close);
  for (let attempt = 0; attempt < 3; attempt += 1) await app.send({ url: '/authorize' });

  expect(
    valueOf(
      await scrape(await metricsUrl(app)),
      'mcp_oauth_proxy_refusals_total{endpoint="authorize",code="rate_limited"}',
    ),
  ).toBe(2);
});

test('a provider that is away, and an MCP server that is, can be seen', async () => {
  const app = await startTestApp({
    environment: {
      METRICS_PORT: '0',
      METRICS_HOST: '127.0.0.1',
      OAUTH_AUTHORIZE_URL: `http://127.0.0.1:${await freePort()}`,
      MCP_SERVER_URL: `http://127.0.0.1:${await freePort()}/mcp`,
    },
  });
  onTestFinished(app.close);
  const where = await metricsUrl(app);
  const answer = await call(app, await machineToken(app, await createMachine(app.db)));
  expect(answer.statusCode).toBe(502);

  const text = await scrape(where);
  expect(valueOf(text, 'mcp_oauth_proxy_provider_ready{provider="oauth"}')).toBe(0);
  expect(valueOf(text, 'mcp_oauth_proxy_backend_response_seconds_count{status="failed"}')).toBe(1);
});

test('nothing that a stranger writes becomes a label: paths, methods, codes, names, addresses', async () => {
  const before = labelsIn(await scrape(url));
  const evil = 'evil"}\\n\u202e';
  for (const path of ['/%00', `/${encodeURIComponent(evil)}`, '/mcp/%2e%2e/evil', '/evil/.well-known/evil'])
    await proxy.send({ url: path, headers: { 'user-agent': evil, traceparent: evil } });
  await proxy.send({ method: 'PROPFIND', url: '/evil' });
  await proxy.send({ url: `/callback?state=evil&error=evil` });
  await proxy.send({ url: `/authorize?client_id=evil&error=evil` });
  await proxy.send({ method: 'POST', url: '/register', payload: { client_name: 'evil', redirect_uris: [] } });
  await proxy.send({ method: 'POST', url: '/token', payload: 'grant_type=evil' });
  await call(proxy, 'evil');

  const text = await scrape(url);
  expect(text).not.toMatch(/evil/i);
  const words = labelsIn(text).filter((label) => !before.includes(label));
  expect(
    words.filter(
      (label) =>
        !/^(le|route|endpoint|status|code|outcome|kind|type|operation)="[a-z0-9_.+-]+"$/i.test(label),
    ),
  ).toEqual([]);
});

test('metrics are on their own port, and nothing else is', async () => {
  expect((await proxy.send({ url: '/metrics' })).statusCode).toBe(404);
  expect((await fetch(new URL('/health', url))).status).toBe(404);
  expect((await fetch(url, { method: 'POST', body: 'x' })).status).toBe(405);
});

test('without METRICS_PORT nothing listens, and the port closes with the app', async () => {
  const quiet = await startTestApp();
  await quiet.app.ready();
  expect(quiet.log.join('')).not.toContain('metrics are served');
  await quiet.close();

  const app = await startTestApp({ environment: { METRICS_PORT: '0', METRICS_HOST: '127.0.0.1' } });
  const where = await metricsUrl(app);
  await scrape(where);
  await app.close();
  await expect(fetch(where)).rejects.toThrow('fetch failed');
});

describe('docs/operations', () => {
  const read = (name: string): string => readFileSync(new URL(name, operations), 'utf8');

  test.skipIf(process.platform !== 'linux')('explains every metric there is, and no other', async () => {
    const documented = [...read('README.md').matchAll(/^\| `([a-z][a-z0-9_]+)` \|/gm)].map(
      ([, name]) => name,
    );
    // The embedded database has no pool of connections.
    const expected = documented.filter(
      (name) => isOnPostgres || !/_database_(connections|waiting)$/.test(name ?? ''),
    );
    expect(new Set(expected)).toEqual(new Set(namesIn(await scrape(url))));
    expect(new Set(documented).size).toBe(documented.length);
  });

  test.skipIf(!isOnPostgres)(
    'names no metric in the dashboard and the alerts that is not exposed',
    async () => {
      const exposed = namesIn(await scrape(url));
      const used = `${read('grafana-dashboard.json')}\n${read('alerts.yaml')}`.matchAll(
        /\b(?:mcp_oauth_proxy|process|nodejs)_[a-z0-9_]+/g,
      );
      const names = new Set([...used].map(([name]) => name.replace(/_(bucket|count|sum)$/, '')));
      expect(names.size).toBeGreaterThan(10);
      expect([...names].filter((name) => !exposed.includes(name))).toEqual([]);
    },
  );

  test('has a dashboard that Grafana can import: every panel asks the data source that is chosen', () => {
    const { panels, templating } = JSON.parse(read('grafana-dashboard.json'));
    expect(templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource' });
    for (const { title, datasource, targets } of panels) {
      expect([title, datasource.uid]).toEqual([title, '${datasource}']);
      expect(targets.length).toBeGreaterThan(0);
    }
  });

  test('explains each alert', () => {
    const alerts = [...read('alerts.yaml').matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
    const explained = [...read('README.md').matchAll(/^### (Mcp\w+)/gm)].map(([, name]) => name);
    expect(explained).toEqual(alerts);
  });

  test.skipIf(!promtool)('promtool finds nothing wrong with the metrics', async () => {
    const { status, stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], {
      input: await scrape(url),
      encoding: 'utf8',
    });
    // Names that prom-client gives by itself are not ours to choose.
    const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('mcp_oauth_proxy'));
    expect(complaints).toEqual([]);
    expect([0, 3]).toContain(status);
  });

  test.skipIf(!promtool)('promtool runs the alert rules, and each of its examples', () => {
    for (const command of [
      ['check', 'rules', 'alerts.yaml'],
      ['test', 'rules', '../../test/telemetry/alerts.test.yaml'],
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', command, {
        cwd: operations,
        encoding: 'utf8',
      });
      expect([status, status === 0 ? '' : `${stdout}${stderr}`]).toEqual([0, '']);
    }
  });
});

function labelsIn(text: string): readonly string[] {
  const samples = text.split('\n').filter((line) => !line.startsWith('#'));
  return [...new Set(samples.flatMap((line) => line.match(/\w+="(?:[^"\\]|\\.)*"/g) ?? []))];
}
