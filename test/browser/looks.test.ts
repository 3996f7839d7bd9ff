/** Pages in every window: small and large, light and dark. The pictures are left in test-artefacts. */
import { describe, expect, test } from 'vitest';
import { httpsCallback, useChromium } from './visit.ts';

const visit = useChromium();

const open = async (path: string) => visit.page.goto(visit.site.front.origin + path);

/** Each page, by the way a person gets there. */
const pages: Readonly<Record<string, () => Promise<unknown>>> = {
  'consent for a website': () => visit.openConsent(httpsCallback),
  'consent for a known vendor': () => visit.openConsent('https://claude.ai/api/mcp/auth_callback'),
  'consent for a host that hands on': () =>
    visit.openConsent('https://global.consent.azure-apim.net/redirect/acme-5fnotes'),
  'consent for an imitation': () => visit.openConsent(httpsCallback, { client_name: 'ChаtGPT' }),
  'consent for a program on this computer': () => visit.openConsent('http://127.0.0.1:33418/callback'),
  'consent for an app': () => visit.openConsent('cursor://anysphere.cursor-mcp/oauth/callback'),
  home: () => open('/'),
  'mcp address': () => open('/mcp'),
  'unknown client': () => open('/authorize?client_id=nobody'),
  'nothing here': () => open('/nowhere'),
  'wrong redirect uri': async () => {
    const url = new URL(await visit.requestOf(httpsCallback));
    url.searchParams.set('redirect_uri', `https://other.example/${'a-long-path/'.repeat(20)}`);
    return visit.page.goto(url.href);
  },
  'wrong redirect uri of four': () => visitWrongRedirectUri(4),
  'wrong redirect uri of twenty': () => visitWrongRedirectUri(20),
  'mistake of the client': async () =>
    visit.page.goto(await visit.requestOf(httpsCallback, { response_type: 'token' })),
  'too late': async () => {
    await visit.openConsent(httpsCallback);
    await visit.context.clearCookies();
    await visit.press('Continue');
  },
};

async function visitWrongRedirectUri(registered: number): Promise<unknown> {
  const redirect_uris = Array.from(
    { length: registered },
    (_, index) => `https://client-${index}.example/callback`,
  );
  return visit.page.goto(await visit.requestOf('https://other.example/callback', {}, { redirect_uris }));
}

const looks = Object.keys(pages).flatMap((name) =>
  (['light', 'dark'] as const).flatMap((scheme) =>
    [360, 1280].map((width) => [name, scheme, width] as const),
  ),
);

describe('nothing is cut off, and nothing is blocked', () => {
  test.each(looks)('%s, %s, %i px wide', async (name, scheme, width) => {
    await visit.page.emulateMedia({ colorScheme: scheme });
    await visit.page.setViewportSize({ width, height: 800 });

    await pages[name]?.();

    await visit.page.screenshot({
      path: `test-artefacts/${name.replaceAll(' ', '-')}-${scheme}-${width}.png`,
      fullPage: true,
    });
    expect(await visit.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    expect(await visit.page.evaluate('getComputedStyle(document.querySelector("main")).maxWidth')).not.toBe(
      'none',
    );
    const unexpected = visit.complaints.filter((text) => !/status of (400|401|403|404)/.test(text));
    expect(unexpected).toEqual([]);
  });
});
