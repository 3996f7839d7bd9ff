/** The operator's name, logo, colour and contact: on every page, and nothing of it leads elsewhere. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { openBrowser } from '../support/browser.ts';
import { linksOf, textOf } from '../support/html.ts';

const logo = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
let proxy: TestApp;
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mop-logo-'));
  writeFileSync(join(folder, 'logo.svg'), logo);
  proxy = await startTestApp({
    environment: {
      BRAND_NAME: 'Acme Notes',
      BRAND_LOGO: join(folder, 'logo.svg'),
      BRAND_COLOR: '#00695C',
      SUPPORT_CONTACT: 'it@example.com',
    },
  });
  // It was read at start, and is not looked for again.
  rmSync(folder, { recursive: true });
  return proxy.close;
});

const paths = ['/', '/mcp', '/nothing', '/authorize'];

describe.each(paths)('the page at %s', (path) => {
  test('carries the name and the logo, and may load pictures of this server only (CSP Level 3 §6.1.7)', async () => {
    const page = await openBrowser(proxy).get(path);
    const sources = [...page.body.matchAll(/ src="([^"]*)"/g)].map(([, source = '']) => source);
    expect(sources).toEqual([expect.stringMatching(/^\/brand\/logo\?v=[0-9a-f]{12}$/) as string]);
    expect(textOf(page)).toContain('Acme Notes');
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("img-src 'self';");
    expect(policy).not.toContain('unsafe');
  });

  test('has the colour in the one style that the policy allows', async () => {
    const page = await openBrowser(proxy).get(path);
    const [, style = ''] = /<style>(.*?)<\/style>/s.exec(page.body) ?? [];
    expect(style).toContain('--accent: #00695c;');
    const hash = createHash('sha256').update(style).digest('base64');
    expect(page.headers['content-security-policy']).toContain(`style-src 'sha256-${hash}'`);
  });
});

test('every error says whom to ask, one click away', async () => {
  const page = await openBrowser(proxy).get('/nothing');
  expect(textOf(page)).toContain('Whom to ask it@example.com');
  expect(linksOf(page)).toEqual(['mailto:it@example.com']);
});

test('clients are told the name too (RFC 9728 §2)', async () => {
  const metadata = await proxy.send({ url: '/.well-known/oauth-protected-resource/mcp' });
  expect(metadata.json()).toMatchObject({ resource_name: 'Acme Notes' });
});

describe('the logo', () => {
  test('opened by itself it can do nothing, and no other site gets it (CSP Level 3 §7.3)', async () => {
    const answer = await proxy.send({
      url: '/brand/logo?v=x',
      headers: { accept: '*/*', origin: 'https://evil.example' },
    });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toBe(logo);
    expect(answer.headers).toMatchObject({
      'content-type': 'image/svg+xml',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    });
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    expect(answer.headers).not.toHaveProperty('set-cookie');
  });

  test('where there is none, there is nothing at its address', async () => {
    const plain = await startTestApp();
    const answer = await plain.send({ url: '/brand/logo' });
    await plain.close();
    expect(answer.statusCode).toBe(404);
  });
});
