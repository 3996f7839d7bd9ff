/** A person's browser: real Chromium, before the real server, the sample identity provider and a client's callback. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, onTestFinished } from 'vitest';
import { challengeOf, createNonce } from '../../src/crypto/secrets.ts';
import { remote } from '../journeys/remote.ts';
import { register } from '../support/authorize.ts';
import type { Parameters } from '../support/browser.ts';
import { formOf } from '../support/browser.ts';
import { databaseKinds } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { poll } from '../support/process.ts';
import { chromiumPath } from './chromium-path.ts';

export const httpsCallback = 'https://client.example/callback';

/** No sandbox, since tests may run as root; and nothing that Chromium does on its own. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** What a client registers with, beside the redirect URI. */
type Metadata = Readonly<Record<string, unknown>>;

export interface Visit {
  readonly site: Site;
  readonly context: BrowserContext;
  readonly page: Page;
  /** What Chromium complained about on its console: blocked styles, policies that were violated, failed requests. */
  readonly complaints: readonly string[];
  /** The address of an authorization request of a client that has just registered itself. */
  requestOf(redirectUri: string, changed?: Parameters, metadata?: Metadata): Promise<string>;
  openConsent(redirectUri: string, metadata?: Metadata): Promise<void>;
  press(button: 'Continue' | 'Cancel'): Promise<void>;
  /** Points at a button. Each call of what it returns presses there without waiting for what follows, as a finger does. */
  pointAt(button: 'Continue' | 'Cancel'): Promise<() => Promise<void>>;
  /** Waits for the provider's form, and sends it as it is filled in. */
  signIn(): Promise<void>;
  /** Waits until the browser is at an address that begins so; an answer that was dropped on the way does not matter. */
  arriveAt(prefix: string): Promise<URL>;
  /** How many requests with this path have reached the server. */
  countRequests(path: string): number;
}

/** A web server of somebody else, for the length of a test: it answers everything with a page. Returns its origin. */
export async function listenOnLoopback(body: string): Promise<string> {
  const listener = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end(body),
  );
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    listener.closeAllConnections();
    listener.close();
  });
  return `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
}

/**
 * One Chromium and one server for a test file, and a new browser profile for each test. `environment`: variables of the
 * server on top of those that it needs.
 */
export function useChromium(
  options: BrowserContextOptions = {},
  environment: Readonly<Record<string, string>> = {},
): Visit {
  let browser: Browser;
  const current = {} as { site: Site; context: BrowserContext; page: Page; complaints: string[] };

  beforeAll(async () => {
    current.site = await startSite(databaseKinds[0] ?? 'embedded', { environment });
    browser = await chromium.launch({ executablePath: chromiumPath, args });
  });
  afterAll(async () => {
    await browser.close();
    await current.site.close();
  });
  beforeEach(async () => {
    current.context = await browser.newContext(options);
    current.page = await current.context.newPage();
    current.complaints = [];
    current.page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) current.complaints.push(message.text());
    });
    await current.context.route('https://client.example/**', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<title>The client</title>Welcome back' }),
    );
  });
  afterEach(async () => {
    current.site.front.setLatency(0);
    current.site.provider.setLatency(0);
    await current.context.close();
  });

  const button = (name: 'Continue' | 'Cancel') =>
    current.page.getByRole('button', { name: name === 'Cancel' ? name : /^Continue to / });

  const visit: Visit = {
    get site() {
      return current.site;
    },
    get context() {
      return current.context;
    },
    get page() {
      return current.page;
    },
    get complaints() {
      return current.complaints;
    },
    async requestOf(redirectUri, changed = {}, metadata = {}) {
      const { clientId } = await register(remote(current.site.front.origin), {
        redirect_uris: [redirectUri],
        ...metadata,
      });
      const parameters = {
        response_type: 'code',
        client_id: clientId,
        redirect_uri: redirectUri,
        code_challenge: challengeOf(createNonce()),
        code_challenge_method: 'S256',
        state: 'the state, exactly: ä+&=%20',
        ...changed,
      };
      return `${current.site.front.origin}/authorize?${formOf(parameters)}`;
    },
    async openConsent(redirectUri, metadata) {
      await current.page.goto(await visit.requestOf(redirectUri, {}, metadata));
    },
    press: (name) => button(name).click(),
    async pointAt(name) {
      // Only once, since Chromium is asked for nothing while it loads the next page.
      await button(name).scrollIntoViewIfNeeded();
      const box = await button(name).boundingBox();
      if (box === null) throw new Error(`there is no button ${name}`);
      return () => current.page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    },
    async signIn() {
      await visit.arriveAt(`${current.site.provider.origin}/interaction/`);
      await current.page.getByRole('button', { name: 'Sign in' }).click();
    },
    async arriveAt(prefix) {
      await poll(async () => current.page.url().startsWith(prefix));
      await current.page.waitForLoadState();
      return new URL(current.page.url());
    },
    countRequests: (path) => current.site.front.passed.filter((request) => request.path === path).length,
  };
  return visit;
}
