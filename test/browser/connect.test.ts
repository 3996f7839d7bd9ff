/** A person connects, in real Chromium: what only a browser shows, cookies and policies along redirects among it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { challengeOf, createNonce } from '../../src/crypto/secrets.ts';
import { remote } from '../journeys/remote.ts';
import { register } from '../support/authorize.ts';
import { databaseKinds } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { chromiumPath } from './chromium-path.ts';

const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'];
const httpsCallback = 'https://client.example/callback';
const appCallback = 'cursor://anysphere.cursor-mcp/oauth/callback';

let site: Site;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  site = await startSite(databaseKinds[0] ?? 'embedded');
  browser = await chromium.launch({
    executablePath: chromiumPath,
    args: [...args, '--disable-background-networking', '--disable-component-update'],
  });
});
afterAll(async () => {
  await browser.close();
  await site.close();
});

beforeEach(async () => {
  context = await browser.newContext();
  page = await context.newPage();
  complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.route('https://client.example/**', (route) => route.fulfill({ body: 'Welcome back' }));
});
afterEach(async () => {
  site.front.setLatency(0);
  await context.close();
});

async function openConsent(redirectUri: string): Promise<void> {
  const client = await register(remote(site.front.origin), { redirect_uris: [redirectUri] });
  const url = new URL('/authorize', site.front.origin);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: client.clientId,
    redirect_uri: redirectUri,
    code_challenge: challengeOf(createNonce()),
    code_challenge_method: 'S256',
    state: 'from the client',
  }).toString();
  await page.goto(url.href);
}

const allow = () => page.getByRole('button', { name: /^continue to/i });
const cancel = () => page.getByRole('button', { name: 'Cancel' });

/** The sample provider's form; what is filled in already will do. */
async function signIn(): Promise<void> {
  await page.waitForURL(`${site.provider.origin}/**`);
  await page.locator('button').first().click();
}

/** Where Chromium was sent by our callback, also when there is no app here that takes the address. */
async function locationBehindCallback(): Promise<string> {
  const devTools = await context.newCDPSession(page);
  await devTools.send('Network.enable');
  return new Promise((resolve) => {
    devTools.on('Network.responseReceivedExtraInfo', ({ statusCode, headers }) => {
      const location = headers['location'] ?? '';
      if (statusCode === 303 && location.includes('iss=')) resolve(location);
    });
  });
}

function expectAnswer(url: URL): void {
  expect(url.searchParams.get('code')).toMatch(/^mop_code_/);
  expect(url.searchParams.get('state')).toBe('from the client');
  expect(url.searchParams.get('iss')).toBe(site.front.origin);
}

describe('consent, sign-in and callback are not stopped by any policy (OAuth 2.1 §7.11; CSP form-action)', () => {
  test('back to an https callback', async () => {
    await openConsent(httpsCallback);
    await allow().click();
    await signIn();
    await page.waitForURL(`${httpsCallback}**`);

    expectAnswer(new URL(page.url()));
    expect(complaints).toEqual([]);
  });

  test('back to a listener on loopback (RFC 8252 §7.3)', async () => {
    const listener = createServer((_request, response) => response.end('You can close this page'));
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const callback = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/callback`;

    await openConsent(callback);
    await allow().click();
    await signIn();
    await page.waitForURL(`${callback}**`);

    expectAnswer(new URL(page.url()));
    listener.closeAllConnections();
    listener.close();
  });

  test('back to an app by its own scheme (RFC 8252 §7.1)', async () => {
    const location = locationBehindCallback();
    await openConsent(appCallback);
    await allow().click();
    await signIn();

    expect((await location).startsWith(`${appCallback}?`)).toBe(true);
    expectAnswer(new URL(await location));
    expect(complaints.filter((text) => /Content Security Policy/i.test(text))).toEqual([]);
  });
});

test('a double click connects all the same', async () => {
  await openConsent(httpsCallback);
  site.front.setLatency(400);
  await allow().scrollIntoViewIfNeeded();
  const box = await allow().boundingBox();
  const [x, y] = [(box?.x ?? 0) + 9, (box?.y ?? 0) + 9];
  await page.mouse.click(x, y);
  await page.mouse.click(x, y, { delay: 100 });
  await signIn();
  await page.waitForURL(`${httpsCallback}**`);

  expectAnswer(new URL(page.url()));
});

test('"Cancel" tells the client, and asks nobody else (RFC 6749 §4.1.2.1)', async () => {
  await openConsent(httpsCallback);
  await cancel().click();
  await page.waitForURL(`${httpsCallback}**`);

  const { searchParams } = new URL(page.url());
  expect(Object.fromEntries(searchParams)).toMatchObject({ error: 'access_denied', iss: site.front.origin });
});

test('an approved https client is not asked about again (design §1)', async () => {
  const client = await register(remote(site.front.origin), { redirect_uris: [httpsCallback] });
  const url = new URL('/authorize', site.front.origin);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: client.clientId,
    code_challenge: challengeOf(createNonce()),
    code_challenge_method: 'S256',
  }).toString();
  await page.goto(url.href);
  await allow().click();
  await signIn();
  await page.waitForURL(`${httpsCallback}**`);
  const passed = (path: string) => site.front.passed.filter((request) => request.path === path).length;
  const before = { consents: passed('/consent'), callbacks: passed('/callback') };

  // The route above does not see the end of this chain of redirects, so Chromium looks for a host that is not there.
  await page.goto(url.href).catch(() => undefined);

  expect(passed('/consent')).toBe(before.consents);
  expect(passed('/callback')).toBe(before.callbacks + 1);
});

describe('pages fit every window, light and dark, and nothing is blocked', () => {
  const pages = {
    consent: () => openConsent('http://127.0.0.1:33418/callback'),
    home: () => page.goto(`${site.front.origin}/`),
    mcp: () => page.goto(`${site.front.origin}/mcp`),
    error: () => page.goto(`${site.front.origin}/authorize?client_id=nobody`),
  };

  test.each(
    Object.keys(pages).flatMap((name) =>
      (['light', 'dark'] as const).flatMap((scheme) =>
        [360, 1280].map((width) => [name, scheme, width] as const),
      ),
    ),
  )('%s, %s, %i px', async (name, scheme, width) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    await pages[name as keyof typeof pages]();

    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    expect(await page.evaluate('getComputedStyle(document.querySelector("main")).fontFamily')).toMatch(
      /sans/,
    );
    expect(complaints.filter((text) => !/status of 4\d\d/.test(text))).toEqual([]);
    await page.screenshot({ path: `test-artefacts/${name}-${scheme}-${width}.png`, fullPage: true });
  });
});
