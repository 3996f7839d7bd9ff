/** What holds everywhere: https, guessing, logs, data at rest, clocks. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServerHome } from '../journeys/server-home.ts';
import {
  approve,
  askConsent,
  authorize,
  callMcp,
  locationOf,
  redeem,
  refresh,
  register,
  revoke,
  signIn,
  tokensOf,
} from '../support/authorize.ts';
import { postForm } from '../support/browser.ts';
import { createClock } from '../support/clock.ts';
import { databaseKinds } from '../support/database.ts';
import { signInAt } from '../support/sample-provider.ts';
import { openSite, type Outside, startAnother, startBackend } from './outside.ts';
import { verifies } from './verifies.ts';

let local: Outside;
beforeAll(async () => {
  local = await openSite();
});
afterAll(() => local.site.close());

test(
  'a public address without https is no address: the server does not start, and says why (OAuth 2.1 §1.5)',
  { ...verifies('https-only'), timeout: 60_000 },
  async () => {
    const home = await createServerHome(databaseKinds[0] ?? 'embedded');
    const { exit } = await home.spawn({ BASE_URL: 'http://mcp.example.com' });
    const { code, stderr } = await exit;
    await home.close();

    expect(code).toBe(1);
    expect(stderr).toMatch(/BASE_URL .*https/);
  },
);

test(
  'browsers are told to stay on https, on every answer (OAuth 2.1 §1.5, RFC 6797 §7.1)',
  verifies('https-only'),
  async () => {
    const named = await openSite({ isPublic: true });
    const paths = [
      '/',
      '/mcp',
      '/authorize',
      '/token',
      '/register',
      '/jwks',
      '/health',
      '/nothing',
      '/callback',
    ];
    const answers = await Promise.all(
      [...paths, '/.well-known/oauth-authorization-server'].map(async (path) => named.ask(path)),
    );
    await named.site.close();

    for (const { headers } of answers) {
      expect(headers['strict-transport-security']).toMatch(/^max-age=\d{8}/);
    }
    expect((await local.ask('/')).headers).not.toHaveProperty('strict-transport-security');
  },
);

test('every secret has at least 128 random bits (RFC 6749 §10.10)', verifies('guessing'), async () => {
  const client = await register(local.proxy, { token_endpoint_auth_method: 'client_secret_post' });
  const { authorization, refreshToken, accessToken } = await signIn(local.proxy, client);
  const secrets = [client.clientSecret, authorization.code, refreshToken, authorization.requestId];
  const { jti } = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()) as {
    jti: string;
  };

  for (const secret of secrets) expect(secret).toMatch(/[\w-]{43}$/);
  expect(jti.length).toBeGreaterThanOrEqual(22);
});

test(
  'a caller cannot choose the address by which it is limited: X-Forwarded-For is believed from TRUST_PROXY alone (RFC 6749 §10.10)',
  verifies('guessing'),
  async () => {
    const doubting = await openSite({ environment: { RATE_LIMIT_MAX: '3' } });
    const trusting = await openSite({ environment: { RATE_LIMIT_MAX: '3', TRUST_PROXY: '127.0.0.1' } });
    const guess = async (at: Outside, address: string, path = '/token') =>
      (
        await at.ask(path, {
          method: 'POST',
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            'x-forwarded-for': address,
            'x-real-ip': address,
            forwarded: `for=${address}`,
          },
          body: 'grant_type=refresh_token&refresh_token=x&client_id=x',
        })
      ).statusCode;
    const addresses = [1, 2, 3, 4, 5].map((last) => `203.0.113.${last}`);
    const spoofed = [];
    const told = [];
    for (const address of addresses) {
      spoofed.push(await guess(doubting, address));
      told.push(await guess(trusting, address));
    }
    for (let again = 0; again < 3; again += 1) told.push(await guess(trusting, '203.0.113.1'));
    const others = [];
    for (const path of ['/revoke', '/authorize', '/consent', '/callback']) {
      const statuses = [];
      for (let again = 0; again < 5; again += 1) {
        statuses.push(
          path === '/callback'
            ? (await doubting.ask(path)).statusCode
            : await guess(doubting, addresses[again] ?? '', path),
        );
      }
      others.push([path, statuses.at(-1)]);
    }
    await doubting.site.close();
    await trusting.site.close();

    expect(spoofed).toEqual([401, 401, 401, 429, 429]);
    expect(told).toEqual([401, 401, 401, 401, 401, 401, 401, 429]);
    expect(others.map(([, status]) => status)).toEqual([429, 429, 429, 429]);
  },
);

test(
  'no token, code, secret, cookie or query of a whole life is in the log, at its most talkative (OAuth 2.1 §7.1)',
  verifies('nothing-secret-logged', 'provider-token-header'),
  async () => {
    const backend = await startBackend((_request, response) => response.end('{}'));
    const at = await openSite({ environment: { MCP_SERVER_URL: backend.url } });
    const client = await register(at.proxy, { token_endpoint_auth_method: 'client_secret_post' });
    const asked = await askConsent(at.proxy, client, { state: 'the-clients-own-state' });
    const signInUrl = await approve(asked);
    const returned = await signInAt(signInUrl, { name: 'Ada', email: 'ada@example.com' });
    const cookies = [...asked.browser.cookies.values()];
    const location = locationOf(await asked.browser.get(`/callback${returned.search}`));
    const code = location.searchParams.get('code') ?? '';
    const first = tokensOf(await redeem(at.proxy, client, { ...asked, code }));
    await redeem(at.proxy, client, { ...asked, code }, { code_verifier: 'a-wrong-verifier'.repeat(3) });
    await callMcp(at.proxy, first.accessToken, { url: `/mcp?access_token=${first.accessToken}` });
    await callMcp(at.proxy, `${first.accessToken}x`);
    await callMcp(at.proxy, `${first.accessToken} two words`);
    const second = tokensOf(await refresh(at.proxy, client, first.refreshToken));
    await refresh(at.proxy, client, second.refreshToken, { scope: 'admin' });
    await postForm(at.proxy, `/token?refresh_token=${second.refreshToken}`, { grant_type: 'x' });
    await revoke(at.proxy, client, second.accessToken);
    const providerToken = String(backend.arrived[0]?.headers['x-forwarded-access-token']);
    const log = at.site.instances.flatMap((instance) => instance.log).join('\n');
    await at.site.close();
    await backend.close();

    const secrets = [
      ...cookies,
      code,
      asked.codeVerifier,
      'a-wrong-verifier',
      'the-clients-own-state',
      asked.requestId,
      client.clientSecret ?? '',
      first.accessToken,
      first.accessToken.split('.')[2] ?? '',
      first.refreshToken,
      second.accessToken,
      second.refreshToken,
      providerToken,
      signInUrl.searchParams.get('state') ?? '',
      signInUrl.searchParams.get('nonce') ?? '',
      returned.searchParams.get('code') ?? '',
      at.site.environment.ENCRYPTION_KEY ?? '',
      at.site.environment.OAUTH_CLIENT_SECRET ?? '',
    ];
    expect(secrets.filter((secret) => secret.length < 12)).toEqual([]);
    expect(secrets.filter((secret) => log.includes(secret))).toEqual([]);
    expect(log).toContain('"path":"/token"');
  },
);

test.each(databaseKinds)(
  'whoever reads the database (%s) finds no code, token or secret that works (RFC 6819 §5.1.4.1.3)',
  verifies('secrets-at-rest'),
  async (kind) => {
    const backend = await startBackend((_request, response) => response.end('{}'));
    const at = await openSite({ kind, environment: { MCP_SERVER_URL: backend.url } });
    const client = await register(at.proxy, { token_endpoint_auth_method: 'client_secret_basic' });
    const unredeemed = await authorize(at.proxy, client);
    const first = await signIn(at.proxy, client);
    const second = tokensOf(await refresh(at.proxy, client, first.refreshToken));
    await callMcp(at.proxy, second.accessToken);
    const providerToken = String(backend.arrived[0]?.headers['x-forwarded-access-token']);
    const pending = await askConsent(at.proxy, client, { state: 'the-clients-own-state' });
    await approve(pending);
    const { db } = at.site.database;
    const read = async (text: string): Promise<readonly string[]> =>
      (await db.query({ text, values: [] })).rows.flatMap((row) => Object.values(row as object).map(String));
    const tables = await read(
      `select table_name from information_schema.tables where table_schema = 'public'`,
    );
    const dump: string[] = [];
    for (const table of tables) dump.push(...(await read(`select to_jsonb(t)::text from "${table}" t`)));
    await at.site.close();
    await backend.close();

    const secrets = [
      client.clientSecret ?? '',
      unredeemed.code,
      unredeemed.codeVerifier,
      first.refreshToken,
      first.accessToken,
      second.refreshToken,
      second.accessToken,
      providerToken,
      pending.requestId,
      ...pending.browser.cookies.values(),
    ];
    const text = dump.join('\n');
    const forms = (secret: string): readonly string[] => {
      const bytes = Buffer.from(secret);
      return [secret, bytes.toString('hex'), bytes.toString('base64').slice(0, -4)];
    };
    expect(tables.length).toBeGreaterThan(5);
    expect(text).toContain(client.clientId);
    expect(secrets.filter((secret) => secret.length < 12)).toEqual([]);
    expect(secrets.filter((secret) => forms(secret).some((form) => text.includes(form)))).toEqual([]);
  },
);

test(
  'clocks may differ by seconds, and by no more than a minute (RFC 7519 §4.1.4)',
  verifies('clock-skew'),
  async () => {
    const clock = createClock();
    const at = await openSite({ clock });
    const { accessToken } = await signIn(at.proxy, await register(at.proxy));
    const statusAfter = async (seconds: number): Promise<number> => {
      const instance = await startAnother(at, () => new Date(clock().getTime() + seconds * 1000));
      const { statusCode } = await instance.ask('/mcp', {
        method: 'POST',
        headers: { authorization: `Bearer ${accessToken}` },
      });
      await instance.close();
      return statusCode;
    };
    const statuses = [await statusAfter(-3), await statusAfter(3), await statusAfter(3600 + 61)];
    await at.site.close();

    expect(statuses).toEqual([406, 406, 401]);
  },
);
