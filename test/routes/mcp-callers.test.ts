/** `/mcp`: from which browsers, under which names, and how often. */
import { beforeAll, describe, expect, test } from 'vitest';
import { publicUrl, startTestApp, type TestApp } from '../support/app.ts';
import { callMcp, register, signIn, type TestClient, type Tokens } from '../support/authorize.ts';

let proxy: TestApp;
let client: TestClient;
let tokens: Tokens;
beforeAll(async () => {
  proxy = await startTestApp();
  client = await register(proxy);
  tokens = await signIn(proxy, client);
  return proxy.close;
});

describe('browsers and names (MCP transports: DNS rebinding)', () => {
  const statusWith = async (app: TestApp, headers: Readonly<Record<string, string>>): Promise<number> =>
    (await callMcp(app, tokens.accessToken, { headers })).statusCode;

  test.each(['evil.example.com', 'localhost.evil.example', 'localhost@evil.example', '192.168.1.2:8080'])(
    'a local server has no other name: Host %j is 421, even with a good token (RFC 9110 §15.5.20)',
    async (host) => {
      expect(await statusWith(proxy, { host, origin: `http://${host}` })).toBe(421);
    },
  );

  test.each(['localhost', 'localhost:8080', '127.0.0.1:9', '[::1]:8080', 'LOCALHOST'])(
    'Host %j is ours',
    async (host) => {
      expect(await statusWith(proxy, { host })).toBe(200);
    },
  );

  test('with a list of origins any other is 403 before the token is looked at (MCP transports)', async () => {
    const own = await startTestApp({
      db: proxy.db,
      config: { ...proxy.config, corsAllowedOrigins: ['https://app.example'] },
    });
    const statuses = [];
    for (const origin of [
      'https://app.example',
      'http://localhost:8080',
      'https://evil.example',
      'null',
      'https://app.example.evil.example',
    ]) {
      statuses.push(await statusWith(own, { origin }));
    }
    const withoutOrigin = await callMcp(own, tokens.accessToken);
    const json = await callMcp(own, undefined, {
      headers: { origin: 'https://evil.example', accept: 'text/html' },
    });
    await own.close();
    expect(statuses).toEqual([200, 200, 403, 403, 403]);
    expect(withoutOrigin.statusCode).toBe(200);
    expect([json.statusCode, json.json<{ error: string }>().error]).toEqual([403, 'access_denied']);
  });

  test('behind a public name the host is for what stands in front to check', async () => {
    const own = await startTestApp({ db: proxy.db, config: { ...proxy.config, baseUrl: publicUrl } });
    const answer = await callMcp(own, undefined, { headers: { host: 'internal:8080' } });
    await own.close();
    expect(answer.headers['www-authenticate']).toContain('resource_metadata="https://mcp.example.com/');
  });
});

test('a person’s calls are counted over all their tokens: too many are 429 with Retry-After, others go on', async () => {
  const own = await startTestApp({ db: proxy.db, config: { ...proxy.config, mcpRateLimitMax: 3 } });
  const again = await signIn(own, client);
  const eve = await signIn(own, client, {}, { name: 'Eve', email: 'eve@example.com' });
  const answers = [];
  for (const token of [tokens, again, tokens, again].map(({ accessToken }) => accessToken)) {
    answers.push(await callMcp(own, token));
  }
  const another = await callMcp(own, eve.accessToken);
  await own.close();
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 429]);
  expect(Number(answers[3]?.headers['retry-after'])).toBeGreaterThan(0);
  expect(answers[3]?.json()).toMatchObject({ error: 'temporarily_unavailable' });
  expect(another.statusCode).toBe(200);
});
