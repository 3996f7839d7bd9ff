/** Several identity providers: the choice in a real browser, by keyboard alone, in small and large, light and dark. */
import { beforeEach, describe, expect, test } from 'vitest';
import { httpsCallback, useChromium } from './visit.ts';

/** Played by the browser itself: it answers for this address, and nothing leaves it. */
const enterprise = 'http://localhost:9';
const visit = useChromium(
  {},
  {
    GITHUB_CLIENT_ID: 'id',
    GITHUB_CLIENT_SECRET: 'secret',
    GITHUB_URL: enterprise,
    PRIMARY_PROVIDER: 'oauth',
  },
);

beforeEach(async () => {
  await visit.context.route(`${enterprise}/**`, (route) =>
    route.fulfill({ contentType: 'text/html', body: '<title>GitHub Enterprise</title>Sign in' }),
  );
});

const focused = () => visit.page.evaluate('document.activeElement.textContent.replace(/\\s+/g, " ").trim()');

test('Tab walks over one button a provider and Cancel, in the order that is read; Enter takes the one in focus (WCAG 2.2 §2.1.1, §2.4.3)', async () => {
  await visit.openConsent(httpsCallback);
  const walked: unknown[] = [];
  for (let step = 0; step < 3; step += 1) {
    await visit.page.keyboard.press('Tab');
    walked.push(await focused());
  }
  const sample = new URL(visit.site.provider.origin).host;
  expect(walked).toEqual(['Continue with GitHub', `Continue with ${sample}`, 'Cancel']);

  await visit.page.keyboard.press('Shift+Tab');
  await visit.page.keyboard.press('Shift+Tab');
  await visit.page.keyboard.press('Enter');
  const arrived = await visit.arriveAt(`${enterprise}/login/oauth/authorize`);
  expect(arrived.searchParams.get('redirect_uri')).toBe(`${visit.site.front.origin}/callback/github`);
  expect(visit.complaints).toEqual([]);
});

test('the one that was signed in with comes first the next time, and alone stands out', async () => {
  await visit.openConsent(httpsCallback);
  await visit.page.getByRole('button', { name: /127\.0\.0\.1/ }).click();
  await visit.signIn();
  await visit.arriveAt('https://client.example/');

  await visit.openConsent(httpsCallback);
  const names = await visit.page.getByRole('button').allInnerTexts();
  expect(names.map((name) => name.trim())[0]).toContain('127.0.0.1');
  expect(await visit.page.locator('button.primary').count()).toBe(1);
});

describe('nothing is cut off', () => {
  test.each([
    ['light', 360],
    ['dark', 360],
    ['light', 1280],
    ['dark', 1280],
  ] as const)('%s, %i px wide', async (colorScheme, width) => {
    await visit.page.emulateMedia({ colorScheme });
    await visit.page.setViewportSize({ width, height: 800 });
    await visit.openConsent(httpsCallback);
    await visit.page.screenshot({
      path: `test-artefacts/choose-provider-${colorScheme}-${width}.png`,
      fullPage: true,
    });
    expect(await visit.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    expect(visit.complaints).toEqual([]);
  });
});
