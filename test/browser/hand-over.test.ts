/** The pages after the approval, in every window, and what a person does there. The pictures are left in test-artefacts. */
import axe from 'axe-core';
import { describe, expect, test } from 'vitest';
import { useChromium } from './visit.ts';

const visit = useChromium();

const appCallback = 'cursor://anysphere.cursor-mcp/oauth/callback';
const loopback = 'http://127.0.0.1:9/callback';

async function decide(redirectUri: string, press: 'Continue' | 'Cancel', isCopied = false): Promise<void> {
  await visit.openConsent(redirectUri);
  if (isCopied) await visit.page.getByRole('checkbox').check();
  await visit.press(press);
  if (press === 'Continue') await visit.signIn();
  await visit.arriveAt(`${visit.site.front.origin}/${press === 'Continue' ? 'callback' : 'consent'}`);
}

/** Each page, by the way a person gets there. */
const pages: Readonly<Record<string, () => Promise<unknown>>> = {
  'app opens': () => decide(appCallback, 'Continue'),
  'app opens with help': async () => {
    await decide(appCallback, 'Continue');
    await visit.page.locator('summary').click();
  },
  'app opens after cancel': () => decide(appCallback, 'Cancel'),
  'answer to copy': () => decide(loopback, 'Continue', true),
  'answer to copy after cancel': () => decide(loopback, 'Cancel', true),
  'answer loaded again': async () => {
    await decide(loopback, 'Continue', true);
    await visit.page.reload();
  },
};

const looks = Object.keys(pages).flatMap((name) => [
  [name, 'light', 360] as const,
  [name, 'dark', 1280] as const,
  [name, 'dark', 360] as const,
  [name, 'light', 1280] as const,
]);

describe('nothing is cut off, and axe-core finds nothing (WCAG 2.2 AA)', () => {
  test.each(looks)('%s, %s, %i px wide', async (name, colorScheme, width) => {
    await visit.page.emulateMedia({ colorScheme });
    await visit.page.setViewportSize({ width, height: 800 });

    await pages[name]?.();

    const path = `test-artefacts/${name.replaceAll(' ', '-')}-${colorScheme}-${width}.png`;
    await visit.page.screenshot({ path, fullPage: true });
    expect(await visit.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    await visit.page.evaluate(axe.source);
    expect(
      await visit.page.evaluate('axe.run().then(({ violations }) => violations.map(({ id }) => id))'),
    ).toEqual([]);
  });
});

test('one click selects the whole address', async () => {
  await pages['answer to copy']?.();
  await visit.page.locator('pre.copy').click();

  const selected = await visit.page.evaluate('getSelection().toString()');
  expect(selected).toBe(await visit.page.locator('pre.copy').innerText());
});

test('another browser that opens the address of the page learns nothing (protocol.md 111)', async () => {
  await pages['answer to copy']?.();
  const stranger = await visit.context.browser()?.newContext();
  const page = await stranger?.newPage();
  const response = await page?.goto(visit.page.url());

  expect(response?.status()).toBe(403);
  expect(await page?.content()).not.toContain('mop_code_');
  await stranger?.close();
});
