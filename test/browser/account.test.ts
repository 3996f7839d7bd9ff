/** Connected apps in a real browser: in, look, end one, end all, out; by keyboard; in every window. */
import { beforeEach, describe, expect, test } from 'vitest';
import { remote } from '../journeys/remote.ts';
import { whoami } from '../journeys/whoami.ts';
import { callMcp, register, signIn } from '../support/authorize.ts';
import { poll } from '../support/process.ts';
import { findViolations } from './find-violations.ts';
import { useChromium } from './visit.ts';

const visit = useChromium();
const front = () => remote(visit.site.front.origin);

/** What a person may have let in: a known vendor, a stranger's website with a known name, programs, an app. */
const apps = [
  { client_name: 'claude', redirect_uris: ['https://claude.ai/api/mcp/auth_callback'] },
  { client_name: 'ChatGPT', redirect_uris: ['https://notes.example/callback'] },
  {
    client_name: 'A rather long name of a client, with words',
    redirect_uris: ['http://127.0.0.1:33418/callback'],
  },
  { client_name: 'Cursor', redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback'] },
];

let tokens: readonly string[] = [];
beforeEach(async () => {
  await visit.site.database.db.query({ text: 'delete from grants', values: [] });
  const connected: string[] = [];
  for (const metadata of apps) {
    const client = await register(front(), metadata);
    const count = metadata.client_name === 'Cursor' ? 2 : 1;
    for (let connection = 0; connection < count; connection += 1) {
      const { accessToken } = await signIn(front(), client, { scope: 'openid profile email' });
      await callMcp(front(), accessToken, whoami);
      connected.push(accessToken);
    }
  }
  await visit.site.database.db.query({
    text: `update grants set first_used_at = created_at, last_used_at = created_at + interval '3 days',
      last_used_from = '203.0.113.7', last_used_with = 'node (an http client with a long name) 22.1.0'
      where grant_id in (select grant_id from grants order by created_at limit 4)`,
    values: [],
  });
  tokens = connected;
});

const open = async () => {
  await visit.page.goto(`${visit.site.front.origin}/account`);
  await visit.page.getByRole('button', { name: /^Sign in with / }).click();
  await visit.signIn();
  await visit.arriveAt(`${visit.site.front.origin}/account`);
};
const heading = (name: string | RegExp) => visit.page.getByRole('heading', { name });
const button = (name: string | RegExp) => visit.page.getByRole('button', { name });
const statuses = async () =>
  Promise.all(tokens.map(async (token) => (await callMcp(front(), token, whoami)).statusCode));

test('in, look, end one connection, an app, then all, and out', async () => {
  await open();
  await heading('Connected apps').waitFor();
  expect(await visit.page.getByRole('heading', { level: 2 }).count()).toBe(apps.length);
  expect(await statuses()).toEqual([200, 200, 200, 200, 200]);

  await button(/End connection 1/).click();
  await visit.page.getByRole('status').waitFor();
  await poll(async () => (await statuses()).filter((status) => status === 401).length === 1);

  await button('End access for Claude').click();
  await poll(async () => (await visit.page.getByRole('heading', { level: 2 }).count()) === apps.length - 1);
  expect((await statuses())[0]).toBe(401);
  expect(await visit.page.getByRole('status').innerText()).toContain('Claude');

  await visit.page.getByText('End access for all apps?').click();
  await button('End access for all apps').click();
  await visit.page.getByText(/^No app can use/).waitFor();
  expect(new Set(await statuses())).toEqual(new Set([401]));

  await button('Sign out').click();
  await button(/^Sign in with /).waitFor();
  expect(visit.complaints).toEqual([]);
});

test('a double click ends it once, and is no error', async () => {
  await open();
  await button('End access for Claude').dblclick();
  await visit.page.getByRole('status').waitFor();
  expect(await heading('Connected apps').count()).toBe(1);
  expect(visit.complaints).toEqual([]);
});

test('by keyboard alone, in the order that is read (WCAG 2.2 §2.1.1, §2.4.3)', async () => {
  await open();
  const focused = () =>
    visit.page.evaluate('document.activeElement.textContent.replace(/\\s+/g, " ").trim()') as Promise<string>;
  const walked: string[] = [];
  for (let step = 0; step < 9; step += 1) {
    await visit.page.keyboard.press('Tab');
    walked.push(await focused());
  }
  expect(walked[0]).toMatch(/^End connection 1/);
  expect(walked.slice(-3)).toEqual(['End access for all apps?', 'Sign out', 'Use another account']);

  await visit.page.keyboard.press('Shift+Tab');
  await visit.page.keyboard.press('Shift+Tab');
  await visit.page.keyboard.press('Enter');
  await visit.page.keyboard.press('Tab');
  expect(await focused()).toBe('End access for all apps');
  await visit.page.keyboard.press('Enter');
  await visit.page.getByText(/^No app can use/).waitFor();
});

test('someone else: another account at the provider, and another list here', async () => {
  await open();
  // The sample provider cannot change who is signed in there.
  await visit.context.clearCookies({ name: /^sample_idp/ });
  await button('Use another account').click();
  await visit.arriveAt(`${visit.site.provider.origin}/interaction/`);
  await visit.page.getByLabel(/e-?mail/i).fill('grace@example.com');
  await visit.page.getByRole('button', { name: 'Sign in' }).click();
  await visit.arriveAt(`${visit.site.front.origin}/account`);
  await visit.page.getByText(/^No app can use/).waitFor();
  expect(await visit.page.innerText('header')).toContain('grace@example.com');
});

/** Each page, by the way a person gets there. */
const pages: Readonly<Record<string, () => Promise<unknown>>> = {
  'account signed out': () => visit.page.goto(`${visit.site.front.origin}/account`),
  account: open,
  'account one ended': async () => {
    await open();
    await button('End access for Claude').click();
    await visit.page.getByRole('status').waitFor();
    await visit.page.getByText('End access for all apps?').click();
  },
  'account sign-in over': async () => {
    await visit.page.goto(`${visit.site.front.origin}/account`);
    await visit.page.getByRole('button', { name: /^Sign in with / }).click();
    await visit.arriveAt(`${visit.site.provider.origin}/interaction/`);
    await visit.site.database.db.query({ text: 'delete from account_sign_ins', values: [] });
    await visit.page.getByRole('button', { name: 'Sign in' }).click();
    await visit.arriveAt(`${visit.site.front.origin}/callback`);
  },
};

const looks = Object.keys(pages).flatMap((name) =>
  (['light', 'dark'] as const).flatMap((scheme) =>
    [360, 1280].map((width) => [name, scheme, width] as const),
  ),
);

describe('nothing is cut off, nothing is blocked, and axe-core finds nothing (WCAG 2.2)', () => {
  test.each(looks)('%s, %s, %i px wide', async (name, scheme, width) => {
    await visit.page.emulateMedia({ colorScheme: scheme });
    await visit.page.setViewportSize({ width, height: 800 });
    await pages[name]?.();
    await visit.page.screenshot({
      path: `test-artefacts/${name.replaceAll(' ', '-')}-${scheme}-${width}.png`,
      fullPage: true,
    });
    expect(await visit.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    expect(visit.complaints.filter((text) => !/status of 403/.test(text))).toEqual([]);
    expect(await findViolations(visit.page)).toEqual([]);
  });
});
