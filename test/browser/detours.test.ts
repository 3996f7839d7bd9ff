/** What people do besides: double clicks, the back button, two tabs, mistakes. In real Chromium. */
import { describe, expect, test } from 'vitest';
import { poll } from '../support/process.ts';
import { httpsCallback, listenOnLoopback, useChromium } from './visit.ts';

const visit = useChromium();

describe('a double click, over a slow network', () => {
  const slowMs = 400;

  test('on "Continue" connects all the same: the second request gets the answer of the first', async () => {
    await visit.openConsent(httpsCallback);
    const press = await visit.pointAt('Continue');
    const before = visit.countRequests('/consent');
    visit.site.front.setLatency(slowMs);

    await press();
    await poll(async () => visit.countRequests('/consent') === before + 1);
    await press();
    await visit.signIn();

    expect((await visit.arriveAt(httpsCallback)).searchParams.get('code')).toMatch(/^mop_code_/);
    expect(visit.countRequests('/consent')).toBe(before + 2);
  });

  test('on "Continue", while the provider loads, is refused and leads on to the same sign-in (protocol.md 112)', async () => {
    await visit.openConsent(httpsCallback);
    const press = await visit.pointAt('Continue');
    const before = visit.site.provider.passed.length;
    visit.site.provider.setLatency(4 * slowMs);

    await press();
    await poll(async () => visit.site.provider.passed.length > before);
    await press();
    await visit.arriveAt(`${visit.site.front.origin}/consent`);
    expect(await visit.page.locator('main').innerText()).toContain('You have approved this already');
    visit.site.provider.setLatency(0);
    await visit.page.getByRole('link', { name: /^Continue to / }).click();
    await visit.signIn();

    expect((await visit.arriveAt(httpsCallback)).searchParams.get('code')).toMatch(/^mop_code_/);
  });

  test('on "Cancel" tells the client all the same', async () => {
    await visit.openConsent(httpsCallback);
    const press = await visit.pointAt('Cancel');
    const before = visit.countRequests('/consent');
    visit.site.front.setLatency(slowMs);

    await press();
    await poll(async () => visit.countRequests('/consent') === before + 1);
    await press();

    expect((await visit.arriveAt(httpsCallback)).searchParams.get('error')).toBe('access_denied');
    expect(visit.countRequests('/consent')).toBe(before + 2);
  });
});

describe('the back button', () => {
  test('from the provider leads to the consent page, from where one can go on', async () => {
    await visit.openConsent(httpsCallback);
    await visit.press('Continue');
    await visit.arriveAt(`${visit.site.provider.origin}/interaction/`);

    await visit.page.goBack();
    await visit.press('Continue');
    await visit.signIn();

    expect((await visit.arriveAt(httpsCallback)).searchParams.get('code')).toMatch(/^mop_code_/);
  });

  test('after "Cancel" leads to a new question, that can be answered otherwise', async () => {
    await visit.openConsent(httpsCallback);
    await visit.press('Cancel');
    await visit.arriveAt(httpsCallback);

    await visit.page.goBack();
    await visit.press('Continue');
    await visit.signIn();

    expect((await visit.arriveAt(httpsCallback)).searchParams.get('code')).toMatch(/^mop_code_/);
  });
});

test('two tabs connect two clients at once, and do not disturb each other (protocol.md 112)', async () => {
  const [first, second] = [visit.page, await visit.context.newPage()];
  await first.goto(await visit.requestOf(httpsCallback, { state: 'first' }));
  await second.goto(await visit.requestOf(httpsCallback, { state: 'second' }));

  for (const page of [first, second]) {
    await page.bringToFront();
    await page.getByRole('button', { name: /^Continue to / }).click();
    await poll(async () => page.url().startsWith(`${visit.site.provider.origin}/interaction/`));
  }
  for (const page of [first, second]) {
    await page.bringToFront();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await poll(async () => page.url().startsWith(httpsCallback));
  }

  const states = [first, second].map((page) => new URL(page.url()).searchParams.get('state'));
  expect(states).toEqual(['first', 'second']);
});

test('a mistake in the request is explained, with a way back to the app that tells it (RFC 6749 §4.1.2.1, RFC 9700 §4.11.2)', async () => {
  const url = await visit.requestOf(httpsCallback, { code_challenge: undefined });
  const response = await visit.page.goto(url);
  expect(response?.status()).toBe(400);

  await visit.page.getByRole('link', { name: 'Back to the app' }).click();

  const { searchParams } = await visit.arriveAt(httpsCallback);
  expect(searchParams.get('error')).toBe('invalid_request');
  expect(searchParams.get('iss')).toBe(visit.site.front.origin);
});

test('another redirect URI than the registered one is shown beside it, and the browser stays (protocol.md 20, P3)', async () => {
  const url = new URL(await visit.requestOf(httpsCallback));
  url.searchParams.set('redirect_uri', 'https://attacker.example/');
  await visit.page.goto(url.href);

  const text = await visit.page.locator('main').innerText();
  expect(text).toContain('https://attacker.example/');
  expect(text).toContain(httpsCallback);
  expect(visit.page.url()).toBe(url.href);
});

test('a page of another site cannot frame the consent page, nor answer it (OAuth 2.1 §7.11, protocol.md 31, 112)', async () => {
  const request = await visit.requestOf(httpsCallback);
  const consent = `${visit.site.front.origin}/consent`;
  // Under the other name of loopback, which is another site to a browser.
  const attacker = (
    await listenOnLoopback(`<iframe src="${request.replaceAll('&', '&amp;')}"></iframe>
      <form method="post" action="${consent}">
        <input name="request_id" value="x"><input name="decision" value="approve">
        <button>Win a prize</button>
      </form>`)
  ).replace('127.0.0.1', 'localhost');
  await visit.page.goto(attacker);
  await poll(async () => visit.complaints.some((text) => /frame-ancestors|X-Frame-Options/i.test(text)));

  await visit.page.getByRole('button').click();
  await visit.arriveAt(consent);

  expect(await visit.page.locator('main').innerText()).toContain('another website');
});
