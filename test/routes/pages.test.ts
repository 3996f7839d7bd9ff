/** What every page for people has in common: it cannot be framed, scripted, cached, or talked into anything. */
import { beforeAll, describe, expect, test } from 'vitest';
import { publicUrl, startTestApp, type Answer, type TestApp } from '../support/app.ts';
import {
  askConsent,
  authorizeUrl,
  register,
  registerByOperator,
  type TestClient,
} from '../support/authorize.ts';
import { openBrowser, type Parameters } from '../support/browser.ts';
import { linksOf, textOf } from '../support/html.ts';

const verifier = 'v'.repeat(43);
let proxy: TestApp;
let client: TestClient;
beforeAll(async () => {
  proxy = await startTestApp();
  client = await register(proxy);
  return proxy.close;
});

const pages: readonly [string, number, (app: TestApp, client: TestClient) => Promise<Answer>][] = [
  ['the consent page', 200, async (app, who) => openBrowser(app).get(authorizeUrl(who, verifier))],
  [
    'an unknown client',
    400,
    async (app, who) => openBrowser(app).get(authorizeUrl(who, verifier, { client_id: 'x' })),
  ],
  [
    'a wrong redirect URI',
    400,
    async (app, who) =>
      openBrowser(app).get(authorizeUrl(who, verifier, { redirect_uri: 'https://x.example' })),
  ],
  [
    'a request without PKCE',
    400,
    async (app, who) => openBrowser(app).get(authorizeUrl(who, verifier, { code_challenge: undefined })),
  ],
  [
    'a decision about nothing',
    403,
    async (app) => openBrowser(app).submit('/consent', { request_id: 'x', decision: 'approve' }),
  ],
  [
    'a decision from elsewhere',
    403,
    async (app) => openBrowser(app).submit('/consent', {}, { 'sec-fetch-site': 'cross-site' }),
  ],
  ['a form without a decision', 400, async (app) => openBrowser(app).submit('/consent', {})],
  ['an answer without state', 400, async (app) => openBrowser(app).get('/callback')],
  ['an answer in another browser', 403, async (app) => openBrowser(app).get('/callback?state=x&code=y')],
  ['no page', 404, async (app) => openBrowser(app).get('/nothing')],
  ['the start page', 200, async (app) => openBrowser(app).get('/')],
  ['the resource, opened in a browser', 401, async (app) => openBrowser(app).get('/mcp')],
  [
    'a form that is too large',
    413,
    async (app) => openBrowser(app).submit('/consent', { request_id: 'x'.repeat(10_000) }),
  ],
];

describe.each(pages)('%s', (_, status, open) => {
  test('is HTML that nobody frames or caches, without script, referrer or type guessing (OAuth 2.1 §7.11, RFC 9700 §4.16)', async () => {
    const page = await open(proxy, client);
    expect(page.statusCode).toBe(status);
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    const policy = String(page.headers['content-security-policy']).split(/; ?/).sort();
    expect(policy).toEqual([
      "base-uri 'none'",
      "default-src 'none'",
      "frame-ancestors 'none'",
      expect.stringMatching(/^style-src 'sha256-[\w+/=]+'$/) as string,
    ]);
    expect(page.body).not.toMatch(/<script|\son\w+=|javascript:|<iframe|<img|<link/i);
  });

  test('is in the language that the browser asks for, and says so (RFC 9110 §8.5, §12.5.4, §12.5.5)', async () => {
    const page = await open(
      {
        ...proxy,
        send: (request) =>
          proxy.send({ ...request, headers: { ...request.headers, 'accept-language': 'de-AT, en;q=0.5' } }),
      },
      client,
    );
    expect(page.headers['content-language']).toBe('de');
    expect(String(page.headers.vary).split(/, ?/)).toEqual(
      expect.arrayContaining(['Accept', 'Accept-Language']),
    );
    expect(page.body).toContain('<html lang="de" dir="ltr">');
  });

  test('over https browsers are told to stay there (OAuth 2.1 §1.5)', async () => {
    const own = await startTestApp({ db: proxy.db, config: { ...proxy.config, baseUrl: publicUrl } });
    const [secure, local] = [await open(own, client), await open(proxy, client)];
    await own.close();
    expect(secure.headers['strict-transport-security']).toMatch(/^max-age=31536000/);
    expect(local.headers).not.toHaveProperty('strict-transport-security');
  });
});

test('there is no form-action: browsers check it along the whole way back to the client (fastmcp #2302)', async () => {
  const { page } = await askConsent(proxy, client);
  expect(page.headers['content-security-policy']).not.toContain('form-action');
});

describe('no text of a stranger becomes markup', () => {
  const hostile = `"'><img src=x onerror=alert(1)><script>alert(1)</script><!--\u202e&lt;`;

  /** Markup that is not ours, and links that do not lead to an app or a website. */
  const harmIn = (page: Answer): readonly string[] => [
    ...(page.headers['content-type'] === 'text/html; charset=utf-8' ? [] : ['no page']),
    ...(page.body.match(/<img|<script|<!--/gi) ?? []),
    ...linksOf(page).filter((link) => !/^(https:|http:\/\/localhost|cursor:|vscode:)/.test(link)),
  ];

  const names =
    'client_id redirect_uri state scope resource response_type code_challenge code_challenge_method prompt unknown';
  test.each([...names.split(' '), hostile])(
    'in the parameter %s of an authorization request',
    async (name) => {
      const browser = openBrowser(proxy);
      const changed: Parameters[] = [
        { [name]: hostile },
        { [name]: [hostile, hostile] },
        { [name]: hostile, code_challenge: 'x' },
      ];
      for (const parameters of changed) {
        expect(harmIn(await browser.get(authorizeUrl(client, verifier, parameters)))).toEqual([]);
      }
    },
  );

  test('in the state of the link that leads back to the client', async () => {
    const page = await openBrowser(proxy).get(
      authorizeUrl(client, verifier, { state: hostile, code_challenge: 'x' }),
    );
    expect(harmIn(page)).toEqual([]);
    expect(new URL(linksOf(page)[0] ?? '').searchParams.get('state')).toBe(hostile);
  });

  test('in what a client says of itself', async () => {
    const self = {
      client_name: hostile,
      client_uri: `https://client.example/${hostile}`,
      logo_uri: 'javascript:alert(1)',
      tos_uri: 'data:text/html,<script>alert(1)</script>',
      software_id: hostile,
      redirect_uris: [`https://client.example/?'onmouseover='alert(1)`],
    };
    const dynamic = await register(proxy, self);
    const byOperator = await registerByOperator(proxy, self);
    for (const who of [dynamic, byOperator]) {
      const { page } = await askConsent(proxy, who);
      expect(harmIn(page)).toEqual([]);
      expect(textOf(page)).not.toContain('\u202e');
    }
  });

  test('in paths, queries, headers and forms', async () => {
    const browser = openBrowser(proxy);
    const path = encodeURIComponent(hostile);
    const headers = { 'user-agent': hostile.replace('\u202e', ''), referer: 'https://evil.example/<script>' };
    const pages = [
      await browser.get(`/${path}?${path}`, headers),
      await browser.get(`/callback?state=${path}&error=${path}&error_description=${path}`),
      await browser.submit('/consent', { request_id: hostile, decision: hostile }),
    ];
    expect(pages.flatMap(harmIn)).toEqual([]);
  });
});

test('a page’s form posts to this server, and nothing secret is in any address of it (RFC 9700 §4.2.4)', async () => {
  const { page, requestId } = await askConsent(proxy, client);
  const actions = [...page.body.matchAll(/<form [^>]*action="([^"]*)"/g)].map(([, action]) => action);
  expect(actions).toEqual(['/consent']);
  expect(linksOf(page).join(' ')).not.toContain(requestId);
});

test('programs get JSON at the same addresses (design: everything for machines is JSON)', async () => {
  for (const url of ['/authorize', '/callback', '/nothing', '/']) {
    for (const accept of ['*/*', 'application/json']) {
      const answer = await proxy.send({ url, headers: { accept } });
      expect(answer.headers['content-type']).toMatch(/^application\/json\b/);
      expect(answer.json()).toBeTypeOf('object');
    }
  }
});
