/** Every page in every window: languages, brand, small and large, light and dark. The pictures are left in test-artefacts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findViolations } from './find-violations.ts';
import { httpsCallback, useChromium } from './visit.ts';

/** Only somebody else may sign in, so that there is a refusal to look at. */
const common = { ALLOWED_EMAILS: 'grace@example.com' };

const logo = join(mkdtempSync(join(tmpdir(), 'mop-looks-')), 'logo.svg');
writeFileSync(
  logo,
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="16" fill="#00897b"/><path d="M9 23 16 8l7 15" fill="none" stroke="#fff" stroke-width="3"/></svg>',
);
afterAll(() => rmSync(dirname(logo), { recursive: true }));

const branded = {
  BRAND_NAME: 'Acme Notizen',
  BRAND_LOGO: logo,
  BRAND_COLOR: '00897b',
  SUPPORT_CONTACT: 'https://help.example.com/mcp',
};

const schemes = ['light', 'dark'] as const;
const sizes = schemes.flatMap((scheme) => [360, 1280].map((width) => [scheme, width] as const));

describe.each([
  ['en', 'plain', common],
  ['de', 'branded', { ...common, ...branded }],
] as const)('in %s, %s', (language, brand, environment) => {
  const visit = useChromium({ locale: language }, environment);
  const open = async (path: string) => visit.page.goto(visit.site.front.origin + path);
  const approve = () => visit.page.locator('button[value^="approve"]').first().click();

  /** Each page, by the way a person gets there. A new page is a line here. */
  const pages: Readonly<Record<string, () => Promise<unknown>>> = {
    'consent for a website': () => visit.openConsent(httpsCallback),
    'consent for a known vendor': () => visit.openConsent('https://claude.ai/api/mcp/auth_callback'),
    'consent for a host that hands on': () =>
      visit.openConsent('https://global.consent.azure-apim.net/redirect/acme-5fnotes'),
    'consent for an imitation': () => visit.openConsent(httpsCallback, { client_name: 'ChаtGPT' }),
    'consent for a program on this computer': () => visit.openConsent('http://127.0.0.1:33418/callback'),
    'consent for an app': () => visit.openConsent('cursor://anysphere.cursor-mcp/oauth/callback'),
    'consent in a browser that was here before': async () => {
      await visitRefusal();
      await visit.openConsent(httpsCallback);
    },
    'sign-in refused': () => visitRefusal(),
    account: () => open('/account'),
    home: () => open('/'),
    'mcp address': () => open('/mcp'),
    'unknown client': () => open('/authorize?client_id=nobody'),
    'nothing here': () => open('/nowhere'),
    'wrong redirect uri': async () => {
      const url = new URL(await visit.requestOf(httpsCallback));
      url.searchParams.set('redirect_uri', `https://other.example/${'a-long-path/'.repeat(20)}`);
      return visit.page.goto(url.href);
    },
    'wrong redirect uri of twenty': () => visitWrongRedirectUri(20),
    'mistake of the client': async () =>
      visit.page.goto(await visit.requestOf(httpsCallback, { response_type: 'token' })),
    'too late': async () => {
      await visit.openConsent(httpsCallback);
      await visit.context.clearCookies();
      await approve();
    },
  };

  async function visitRefusal(): Promise<void> {
    await visit.openConsent(httpsCallback);
    await approve();
    await visit.signIn();
    await visit.arriveAt(`${visit.site.front.origin}/callback`);
  }

  async function visitWrongRedirectUri(registered: number): Promise<unknown> {
    const redirect_uris = Array.from(
      { length: registered },
      (_, index) => `https://client-${index}.example/callback`,
    );
    return visit.page.goto(await visit.requestOf('https://other.example/callback', {}, { redirect_uris }));
  }

  const isCutOff = async (width: number) =>
    Number(await visit.page.evaluate('document.documentElement.scrollWidth')) > width;
  const picture = (name: string, ...how: readonly (string | number)[]) =>
    visit.page.screenshot({
      path: `test-artefacts/${[name.replaceAll(' ', '-'), language, ...how].join('-')}.png`,
      fullPage: true,
    });

  describe.each(Object.keys(pages))('%s', (name) => {
    test('is complete and passes axe-core in light and dark, small and large (WCAG 2.2)', async () => {
      await pages[name]?.();
      const unexpected = visit.complaints.filter((text) => !/status of (400|401|403|404)/.test(text));
      expect(unexpected).toEqual([]);
      for (const [colorScheme, width] of sizes) {
        await visit.page.emulateMedia({ colorScheme });
        await visit.page.setViewportSize({ width, height: 800 });
        await picture(name, brand, colorScheme, width);
        expect([colorScheme, width, await isCutOff(width)]).toEqual([colorScheme, width, false]);
        expect(await findViolations(visit.page)).toEqual([]);
      }
      expect(await visit.page.evaluate('getComputedStyle(document.querySelector("main")).maxWidth')).not.toBe(
        'none',
      );
    });

    test('can be read from right to left, and in the few colours that a person allows', async () => {
      await pages[name]?.();
      await visit.page.setViewportSize({ width: 360, height: 800 });
      await visit.page.evaluate('document.documentElement.dir = "rtl"');
      await visit.page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' });
      await picture(name, 'mirrored');
      expect(await isCutOff(360)).toBe(false);
      expect(await visit.page.evaluate('document.getAnimations().length')).toBe(0);
    });
  });
});
