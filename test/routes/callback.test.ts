/** `/callback`: the provider's answer counts once, and only in the browser that approved. */
import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { sendBytes } from '../proxy/support.ts';
import { localUrl, startTestApp, type TestApp } from '../support/app.ts';
import { ada, approve, askConsent, locationOf, register, type TestClient } from '../support/authorize.ts';
import { openBrowser } from '../support/browser.ts';
import { textOf } from '../support/html.ts';
import { misbehavingClient, startMisbehavingProvider } from '../support/misbehaving-provider.ts';
import { cancelAt, signInAt } from '../support/sample-provider.ts';
import { createMachine } from '../support/servers.ts';

let proxy: TestApp;
let client: TestClient;
beforeAll(async () => {
  proxy = await startTestApp();
  client = await register(proxy);
  return proxy.close;
});

const back = ({ search }: URL): string => `/callback${search}`;

/** Everything up to the moment before the browser returns. */
async function signedInAtProvider() {
  const asked = await askConsent(proxy, client, { state: 'client state' });
  return { ...asked, returned: back(await signInAt(await approve(asked), ada)) };
}

test('the browser that approved comes back with a code for its client, by 303 and uncached (OAuth 2.1 §4.1.2)', async () => {
  const { browser, returned } = await signedInAtProvider();
  const answer = await browser.get(returned);
  expect(answer.statusCode).toBe(303);
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(locationOf(answer).searchParams.get('code')).toMatch(/^mop_code_/);
});

describe('another browser (GHSA-rww4-4w9c-7733; MCP security best practices: state bound to the browser)', () => {
  test('the attacker approves in A and sends the victim to the provider: B brings the answer in vain, and A gets nothing from it', async () => {
    const attacker = await askConsent(proxy, client);
    const providerUrl = await approve(attacker);
    const victimReturns = back(await signInAt(providerUrl, { name: 'Victim', email: 'victim@example.com' }));

    const answer = await openBrowser(proxy).get(victimReturns);
    expect(answer.statusCode).toBe(403);
    expect(answer.headers).not.toHaveProperty('location');
    expect(textOf(answer)).toContain('This is not the browser you started in');
  });

  test('a victim with a sign-in of their own under way has the wrong cookie for it', async () => {
    const attacker = await signedInAtProvider();
    const victim = await signedInAtProvider();
    expect((await victim.browser.get(attacker.returned)).statusCode).toBe(403);
    const name = [...attacker.browser.cookies.keys()].find((key) => key.includes('signin')) ?? '';
    const [, own = ''] = [...victim.browser.cookies].find(([key]) => key.includes('signin')) ?? [];
    victim.browser.cookies.set(name, own);
    expect((await victim.browser.get(attacker.returned)).statusCode).toBe(403);
  });

  test('its attempt uses nothing up: the right browser still gets through', async () => {
    const { browser, returned } = await signedInAtProvider();
    await openBrowser(proxy).get(returned);
    expect((await browser.get(returned)).statusCode).toBe(303);
  });
});

describe('the answer counts once', () => {
  test('brought again it is refused, with the cookie or without (RFC 6749 §10.12)', async () => {
    const { browser, returned } = await signedInAtProvider();
    const cookies = new Map(browser.cookies);
    await browser.get(returned);
    expect((await browser.get(returned)).statusCode).toBe(403);
    for (const [name, value] of cookies) browser.cookies.set(name, value);
    const replayed = await browser.get(returned);
    expect(replayed.statusCode).toBe(403);
    expect(textOf(replayed)).toContain('This is finished');
  });

  test('of many at once one counts', async () => {
    const { browser, returned } = await signedInAtProvider();
    const answers = await Promise.all(Array.from({ length: 6 }, async () => browser.get(returned)));
    const codes = answers.flatMap((answer) => (answer.statusCode === 303 ? [locationOf(answer)] : []));
    expect(codes).toHaveLength(1);
  });

  test('after ten minutes it is too late (MCP security best practices)', async () => {
    const own = await startTestApp({ db: proxy.db, config: proxy.config });
    const [inTime, tooLate] = [await signedInAtProvider(), await signedInAtProvider()];
    own.clock.advance({ minutes: 9, seconds: 50 });
    const send = async ({ browser, returned }: typeof inTime) => {
      const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
      return own.send({ url: returned, headers: { cookie } });
    };
    const good = await send(inTime);
    own.clock.advance({ seconds: 20 });
    const expired = await send(tooLate);
    await own.close();
    expect([good.statusCode, expired.statusCode]).toEqual([303, 403]);
  });
});

describe('a wrong answer', () => {
  test.each(['', '?code=x', '?state=', '?state=a&state=b', '?state[]=a', '?state'])(
    '/callback%s has no state: a page, no way on (RFC 6749 §10.12)',
    async (query) => {
      const answer = await openBrowser(proxy).get(`/callback${query}`);
      expect(answer.statusCode).toBe(400);
      expect(answer.headers).not.toHaveProperty('location');
    },
  );

  test('a state that nobody made is refused', async () => {
    const { browser } = await signedInAtProvider();
    expect((await browser.get(`/callback?code=x&state=${'s'.repeat(43)}`)).statusCode).toBe(403);
  });

  test.each([
    ['a code of someone else', { code: 'stolen' }],
    ['no code', { code: undefined }],
    ['the issuer of another provider (RFC 9207 §2.4)', { iss: 'https://evil.example' }],
  ])('%s: the client learns server_error, with its state and iss, and no detail', async (_, changed) => {
    const { browser, returned } = await signedInAtProvider();
    const url = new URL(returned, localUrl);
    for (const [name, value] of Object.entries(changed)) {
      if (value === undefined) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    }
    const { origin, searchParams } = locationOf(await browser.get(back(url)));
    expect(origin).toBe('https://client.example');
    expect(Object.fromEntries(searchParams)).toEqual({
      error: 'server_error',
      error_description: 'The sign-in at the identity provider failed',
      state: 'client state',
      iss: localUrl,
    });
  });

  test('a request target that names another host changes nothing (RFC 9112 §3.2.2)', async () => {
    const { browser, returned } = await signedInAtProvider();
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
    await proxy.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = proxy.app.server.address() as AddressInfo;
    for (const target of [`http://[/callback?state=x`, `http://evil.example${returned}`]) {
      const answer = await sendBytes(
        port,
        `GET ${target} HTTP/1.1\r\nhost: localhost\r\ncookie: ${cookie}\r\nconnection: close\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 (400|403|303) /);
      expect(answer).not.toMatch(/location: (?!https:\/\/client\.example\/)/i);
    }
  });
});

describe('the provider says no', () => {
  test('cancelled sign-in: access_denied goes to the client with its state and iss (RFC 6749 §4.1.2.1)', async () => {
    const asked = await askConsent(proxy, client, { state: 'client state' });
    const answer = await asked.browser.get(back(await cancelAt(await approve(asked))));
    expect(answer.statusCode).toBe(303);
    expect(Object.fromEntries(locationOf(answer).searchParams)).toEqual({
      error: 'access_denied',
      error_description: 'The sign-in was cancelled or refused',
      state: 'client state',
      iss: localUrl,
    });
  });

  test('its words are not passed on (RFC 6749 §5.2)', async () => {
    const asked = await askConsent(proxy, client);
    const { searchParams } = await approve(asked);
    const answer = new URLSearchParams({
      error: 'login_required',
      error_description: '<script>evil words</script>',
      state: searchParams.get('state') ?? '',
      iss: proxy.config.providers[0].url.origin,
    });
    const location = locationOf(await asked.browser.get(`/callback?${answer.toString()}`));
    expect(location.searchParams.get('error')).toBe('login_required');
    expect(location.href).not.toContain('evil');
  });
});

test('a person whose id is that of a client here is refused: they would pose as a machine (RFC 9700 §4.15)', async () => {
  const { clientId } = await createMachine(proxy.db);
  const id = createHash('sha256').update('eve@example.com').digest('hex').slice(0, 20);
  const asked = await askConsent(proxy, client, { state: 's' });
  const eve = { name: 'Eve', email: 'eve@example.com' };
  const returned = back(await signInAt(await approve(asked), eve));
  await proxy.db.query(sql`update clients set client_id = ${id} where client_id = ${clientId}`);

  const { searchParams } = locationOf(await asked.browser.get(returned));

  expect([searchParams.get('error'), searchParams.get('state')]).toEqual(['access_denied', 's']);
  expect(searchParams.get('code')).toBeNull();
});

describe('the provider is away', () => {
  test('the consent page says so, the decision is not used up, and the answer can be brought again (design: transient is not dead)', async () => {
    const provider = await startMisbehavingProvider();
    const discovery = '/.well-known/openid-configuration';
    const away = { status: 503 };
    for (const path of [discovery, '/.well-known/oauth-authorization-server']) provider.on(path, () => away);
    const url = new URL(provider.issuer);
    const own = await startTestApp({
      db: proxy.db,
      config: { ...proxy.config, providers: [{ id: 'oauth', url, isPrimary: true, ...misbehavingClient }] },
    });
    onTestFinished(async () => {
      await own.close();
      await provider.close();
    });

    const asked = await askConsent(own, client);
    expect(textOf(asked.page)).toContain('cannot be reached right now');
    const form = { request_id: asked.requestId, decision: 'approve' };
    const undecided = await asked.browser.submit('/consent', form);
    expect([undecided.statusCode, undecided.headers['retry-after']]).toEqual([503, '5']);

    provider.on(discovery, () => ({ body: provider.metadata() }));
    const { searchParams } = locationOf(await asked.browser.submit('/consent', form));
    const [state = '', nonce = ''] = [searchParams.get('state'), searchParams.get('nonce')].map(String);
    provider.on('/token', () => away);
    const returned = `/callback?code=x&state=${state}`;
    const waiting = await asked.browser.get(returned);
    expect([waiting.statusCode, waiting.headers['retry-after']]).toEqual([503, '5']);

    provider.on('/token', async () => ({
      body: await provider.tokens({ id_token: await provider.idToken({ nonce }) }),
    }));
    expect(locationOf(await asked.browser.get(returned)).searchParams.get('code')).toMatch(/^mop_code_/);
  });
});
