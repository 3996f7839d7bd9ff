/** Every page, judged by axe-core in Chromium: light and dark, small and large, in each language. */
import { describe, expect, test } from 'vitest';
import { findViolations } from './find-violations.ts';
import { httpsCallback, useChromium } from './visit.ts';

const visit = useChromium({ bypassCSP: true });
const open = async (path: string) => visit.page.goto(visit.site.front.origin + path);

/** Each page, by the way a person gets there. */
const pages: Readonly<Record<string, () => Promise<unknown>>> = {
  consent: () => visit.openConsent(httpsCallback),
  'consent for an imitation': () => visit.openConsent(httpsCallback, { client_name: 'ChatGPT' }),
  'consent for a program on this computer': () => visit.openConsent('http://127.0.0.1:33418/callback'),
  home: () => open('/'),
  error: () => open('/authorize?client_id=nobody'),
  account: () => open('/account'),
};

const looks = Object.keys(pages).flatMap((name) =>
  (['en', 'de'] as const).flatMap((language) =>
    (['light', 'dark'] as const).flatMap((scheme) =>
      [360, 1280].map((width) => [name, language, scheme, width] as const),
    ),
  ),
);

describe('nothing is found (WCAG 2.2)', () => {
  test.each(looks)('%s, %s, %s, %i px wide', async (name, language, colorScheme, width) => {
    await visit.page.emulateMedia({ colorScheme });
    await visit.page.setViewportSize({ width, height: 800 });
    await visit.page.setExtraHTTPHeaders({ 'accept-language': language });
    await pages[name]?.();
    expect(await findViolations(visit.page)).toEqual([]);
  });
});
