/** Several identity providers at once: the person chooses, and people of different providers are different people. */
import { randomBytes } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Arrived, localUrl, noOAuth, startTestApp, type TestApp } from '../support/app.ts';
import {
  approve,
  askConsent,
  authorizeUrl,
  callMcp,
  locationOf,
  refresh,
  register,
  type TestClient,
} from '../support/authorize.ts';
import { openBrowser } from '../support/browser.ts';
import { type TestClock, createClock } from '../support/clock.ts';
import { textOf } from '../support/html.ts';
import { createGitHub } from '../support/lookalikes/github.ts';
import { createGoogle } from '../support/lookalikes/google.ts';
import { type PublicHosts, startPublicHosts, visit } from '../support/lookalikes/public-hosts.ts';
import { answerToClient, comeBack, signInWith } from '../support/sign-in-with.ts';

const credentials = { clientId: 'client', clientSecret: 'secret' };
/** Two people whose providers gave them the same number. */
const atGoogle = { sub: '583231', email: 'ada@example.com', name: 'Ada at Google' };
const atGitHub = {
  id: 583_231,
  login: 'eve',
  name: 'Eve at GitHub',
  emails: [{ email: 'eve@example.com', primary: true, verified: true }],
};
const drive = 'https://www.googleapis.com/auth/drive.readonly';
const both = {
  ...noOAuth,
  GOOGLE_CLIENT_ID: 'client',
  GOOGLE_CLIENT_SECRET: 'secret',
  GITHUB_CLIENT_ID: 'client',
  GITHUB_CLIENT_SECRET: 'secret',
  PRIMARY_PROVIDER: 'google',
  SCOPES_SUPPORTED: `openid,profile,email,${drive},repo`,
  ENCRYPTION_KEY: randomBytes(32).toString('base64'),
};

let clock: TestClock;
let google: Awaited<ReturnType<typeof createGoogle>>;
let github: ReturnType<typeof createGitHub>;
let hosts: PublicHosts;
let proxy: TestApp;
let client: TestClient;
beforeAll(async () => {
  clock = createClock();
  google = await createGoogle({
    ...credentials,
    redirectUris: [`${localUrl}/callback`, `${localUrl}/callback/google`],
    account: atGoogle,
    clock,
  });
  github = createGitHub({ ...credentials, callbackUrl: `${localUrl}/callback`, account: atGitHub });
  hosts = await startPublicHosts({ ...google.hosts, ...github.hosts });
  proxy = await startTestApp({ environment: both, clock, fetch: hosts.fetch });
  // A vendor's callback: consent to it is remembered.
  client = await register(proxy, { redirect_uris: ['https://claude.ai/api/mcp/auth_callback'] });
  return async () => {
    await proxy.close();
    await hosts.close();
  };
});
beforeEach(() => google.signInAs(atGoogle));

/** Another instance on the same database, with some variables changed. */
async function startBeside(changed: Readonly<Record<string, string>>): Promise<TestApp> {
  const beside = await startTestApp({
    db: proxy.db,
    environment: { ...both, ...changed },
    clock,
    fetch: hosts.fetch,
  });
  onTestFinished(beside.close);
  return beside;
}

const way = (changed: Partial<Parameters<typeof signInWith>[0]> = {}) => ({
  proxy,
  hosts,
  client,
  ...changed,
});

async function headersAt(accessToken: string) {
  return (await callMcp(proxy, accessToken)).json<Arrived>().headers;
}

const valuesOf = (body: string) =>
  [...body.matchAll(/name="decision"\s+value="([^"]+)"/g)].map(([, value]) => value);

describe('the choice', () => {
  test('one button a provider, in the form, without script; Cancel stays last (design §2)', async () => {
    const { page } = await askConsent(proxy, client);
    expect(valuesOf(page.body)).toEqual(['approve:google', 'approve:github', 'deny']);
    expect(textOf(page)).toContain('Continue with Google Continue with GitHub Cancel');
    expect(page.body).not.toMatch(/<script|autofocus|tabindex/);
  });

  test.each([
    ['google', 'https://accounts.google.com'],
    ['github', 'https://github.com'],
  ])('%s leads to %s', async (provider, origin) => {
    expect((await approve(await askConsent(proxy, client), provider)).origin).toBe(origin);
  });

  test.each(['approve:gitlab', 'approve:', 'approve:google,github', 'deny:google', 'Approve:google', ''])(
    'a decision that is none (%s) decides nothing',
    async (decision) => {
      const asked = await askConsent(proxy, client);
      const answer = await asked.browser.submit('/consent', { request_id: asked.requestId, decision });
      expect(answer.statusCode).toBeGreaterThanOrEqual(400);
      expect((await approve(asked, 'google')).host).toBe('accounts.google.com');
    },
  );

  test('the first choice counts: a second click on the other button follows the first (MCP security best practices)', async () => {
    const asked = await askConsent(proxy, client);
    const cookies = new Map(asked.browser.cookies);
    const first = await approve(asked, 'google');
    for (const [name, value] of cookies) asked.browser.cookies.set(name, value);
    const second = await approve(asked, 'github');
    expect(second.href).toBe(first.href);
  });

  test('of many clicks on both buttons at once, all lead to one provider', async () => {
    const asked = await askConsent(proxy, client);
    const clicks = Array.from({ length: 8 }, (_, index) =>
      approve(asked, index % 2 === 0 ? 'google' : 'github'),
    );
    const states = (await Promise.all(clicks)).map(
      ({ origin, searchParams }) => origin + searchParams.get('state'),
    );
    expect(new Set(states).size).toBe(1);
  });

  test('it is remembered on that browser, and offered first there', async () => {
    const browser = openBrowser(proxy);
    await signInWith(way({ provider: 'github', browser }));
    const { page } = await askConsent(proxy, client, { prompt: 'consent' }, browser);
    expect(valuesOf(page.body)).toEqual(['approve:github', 'approve:google', 'deny']);
    expect(valuesOf((await askConsent(proxy, client)).page.body)[0]).toBe('approve:google');
  });

  test('remembered consent goes straight to the provider of last time (design §1: it never asks again without a reason)', async () => {
    const browser = openBrowser(proxy);
    await signInWith(way({ provider: 'github', browser }));
    const again = await browser.get(authorizeUrl(client, 'v'.repeat(43)));
    expect([again.statusCode, locationOf(again).host]).toEqual([303, 'github.com']);
  });

  test('who is refused there is asked again, and can choose another one', async () => {
    const browser = openBrowser(proxy);
    await signInWith(way({ provider: 'github', browser }));
    const sent = locationOf(await browser.get(authorizeUrl(client, 'v'.repeat(43))));
    const state = sent.searchParams.get('state') ?? '';
    const iss = 'https://github.com/login/oauth';
    const denied = new URLSearchParams({ error: 'access_denied', state, iss });
    expect(
      locationOf(await browser.get(`/callback/github?${denied.toString()}`)).searchParams.get('error'),
    ).toBe('access_denied');
    const again = await browser.get(authorizeUrl(client, 'v'.repeat(43)));
    expect(valuesOf(again.body)).toEqual(['approve:google', 'approve:github', 'deny']);
  });

  test('a cookie that names no provider is nobody’s choice', async () => {
    const browser = openBrowser(proxy);
    await signInWith(way({ provider: 'github', browser }));
    const name = [...browser.cookies.keys()].find((key) => key.endsWith('-provider')) ?? '';
    for (const value of ['gitlab', 'github"><script>', '']) {
      browser.cookies.set(name, value);
      const again = await browser.get(authorizeUrl(client, 'v'.repeat(43)));
      expect(valuesOf(again.body)[0]).toBe('approve:google');
    }
  });
});

describe('people', () => {
  test('the same subject at two providers is two people: X-Forwarded-User and sub differ (OpenID Connect Core §8, RFC 9068 §5)', async () => {
    const ada = await signInWith(way({ provider: 'google' }));
    const eve = await signInWith(way({ provider: 'github' }));

    expect(await headersAt(ada.accessToken)).toMatchObject({
      'x-forwarded-user': '583231',
      'x-forwarded-name': 'Ada at Google',
    });
    expect(await headersAt(eve.accessToken)).toMatchObject({
      'x-forwarded-user': 'github:583231',
      'x-forwarded-name': 'Eve at GitHub',
    });
    const subjects = [ada, eve].map(
      ({ accessToken }) =>
        (JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()) as { sub: string })
          .sub,
    );
    expect(subjects).toEqual(['583231', 'github:583231']);
  });

  test('their rate limits are their own', async () => {
    const limited = await startBeside({ MCP_RATE_LIMIT_MAX: '2' });
    const ada = await signInWith(way({ proxy: limited, provider: 'google' }));
    const eve = await signInWith(way({ proxy: limited, provider: 'github' }));
    const statuses = [];
    for (const { accessToken } of [ada, ada, ada, eve]) {
      statuses.push((await callMcp(limited, accessToken)).statusCode);
    }
    expect(statuses).toEqual([200, 200, 429, 200]);
  });

  test('with PRIMARY_PROVIDER=none all ids and addresses carry the provider’s name', async () => {
    const unranked = await startBeside({ PRIMARY_PROVIDER: 'none' });
    const { accessToken, returned } = await signInWith(way({ proxy: unranked, provider: 'google' }));
    expect((await headersAt(accessToken))['x-forwarded-user']).toBe('google:583231');
    expect(returned.sent.searchParams.get('redirect_uri')).toBe(`${localUrl}/callback/google`);
  });

  test('one provider alone keeps its bare ids and its address, unless another one is primary', async () => {
    const [alone, left] = [
      await startBeside({ GITHUB_CLIENT_ID: '', GITHUB_CLIENT_SECRET: '', PRIMARY_PROVIDER: '' }),
      await startBeside({ GOOGLE_CLIENT_ID: '', GOOGLE_CLIENT_SECRET: '' }),
    ];
    const ada = await signInWith(way({ proxy: alone }));
    const eve = await signInWith(way({ proxy: left }));
    expect(ada.returned.sent.searchParams.get('redirect_uri')).toBe(`${localUrl}/callback`);
    expect((await headersAt(ada.accessToken))['x-forwarded-user']).toBe('583231');
    expect((await headersAt(eve.accessToken))['x-forwarded-user']).toBe('github:583231');
  });
});

describe('mix-up (RFC 9700 §4.4)', () => {
  test('each provider answers at an address of its own', async () => {
    const ada = await comeBack(way({ provider: 'google' }));
    const eve = await comeBack(way({ provider: 'github' }));
    expect([ada, eve].map(({ sent }) => sent.searchParams.get('redirect_uri'))).toEqual([
      `${localUrl}/callback`,
      `${localUrl}/callback/github`,
    ]);
  });

  test.each(['/callback', '/callback/google', '/callback/github/', '/callback/oauth'])(
    'an answer of GitHub at %s is refused, and asks no provider for anything',
    async (path) => {
      const asked = await askConsent(proxy, client);
      const returned = await visit(hosts, await approve(asked, 'github'));
      const before = hosts.calls.length;
      const answer = await asked.browser.get(path + returned.search);
      expect(answer.statusCode).toBeGreaterThanOrEqual(400);
      expect(answer.headers).not.toHaveProperty('location');
      expect(hosts.calls).toHaveLength(before);
    },
  );

  test('an answer that names the other provider’s issuer is refused before its code is sent anywhere (RFC 9207 §2.4)', async () => {
    const asked = await askConsent(proxy, client);
    const returned = await visit(hosts, await approve(asked, 'github'));
    returned.searchParams.set('iss', 'https://accounts.google.com');
    const before = hosts.calls.length;
    const answer = await asked.browser.get(`/callback/github${returned.search}`);
    expect(locationOf(answer).searchParams.get('error')).toBe('server_error');
    expect(hosts.calls).toHaveLength(before);
  });
});

describe('scopes', () => {
  test('each provider is asked for those it knows, whatever the client asks for (RFC 6749 §3.3)', async () => {
    const scope = `openid email ${drive} repo offline_access`;
    const ada = await signInWith(way({ provider: 'google', parameters: { scope } }));
    const eve = await signInWith(way({ provider: 'github', parameters: { scope } }));
    expect(ada.returned.sent.searchParams.get('scope')).toBe(`openid profile email ${drive}`);
    expect(eve.returned.sent.searchParams.get('scope')).toBe('read:user user:email repo');
    expect(ada.scope).toBe(scope);
    expect(eve.scope).toBe(scope);
  });

  test('what a provider granted is kept beside, as it said it', async () => {
    const { rows } = await proxy.db.query({
      text: 'select distinct identity_provider, granted_scope from upstream_sessions where granted_scope like $1',
      values: ['%repo%'],
    });
    expect(rows).toEqual([{ identity_provider: 'github', granted_scope: 'read:user,user:email,repo' }]);
  });
});

describe('/health', () => {
  test('says of each whether it is there', async () => {
    const states = { google: 'ready', github: 'ready' };
    await expect
      .poll(async () => (await proxy.send({ url: '/health' })).json())
      .toEqual({ status: 'ok', identity_provider: 'ready', identity_providers: states });
  });

  test('one that is away degrades, is named, and its button stays beside a note', async () => {
    const beside = await startBeside({
      OAUTH_AUTHORIZE_URL: 'http://127.0.0.1:1',
      OAUTH_CLIENT_ID: 'client',
      OAUTH_CLIENT_SECRET: 'secret',
    });
    await expect
      .poll(async () => (await beside.send({ url: '/health/ready' })).json())
      .toMatchObject({
        status: 'degraded',
        checks: { identity_providers: { google: 'ready', github: 'ready', oauth: 'unavailable' } },
      });
    const { page } = await askConsent(beside, client);
    expect(textOf(page)).toContain('127.0.0.1:1 cannot be reached right now');
    expect(valuesOf(page.body)).toContain('approve:oauth');
  });
});

test('the start page names all', async () => {
  const page = await openBrowser(proxy).get('/');
  expect(textOf(page)).toContain('then to Google or GitHub to sign in');
});

describe('a provider that was removed from the configuration', () => {
  test('its people sign in again: 401 at /mcp, invalid_grant at /token; it comes back, and so do they', async () => {
    const { accessToken, refreshToken } = await signInWith(way({ provider: 'github' }));
    const without = await startBeside({ GITHUB_CLIENT_ID: '', GITHUB_CLIENT_SECRET: '' });

    const call = await callMcp(without, accessToken);
    expect(call.statusCode).toBe(401);
    expect(call.headers['www-authenticate']).toContain('error="invalid_token"');
    const refused = await refresh(without, client, refreshToken);
    expect([refused.statusCode, refused.json<{ error: string }>().error]).toEqual([400, 'invalid_grant']);

    expect((await callMcp(proxy, accessToken)).statusCode).toBe(200);
    expect((await refresh(proxy, client, refreshToken)).statusCode).toBe(200);
  });

  test('a sign-in that was under way there ends on a page that says to start again', async () => {
    const asked = await askConsent(proxy, client);
    const returned = await visit(hosts, await approve(asked, 'github'));
    const without = await startBeside({ GITHUB_CLIENT_ID: '', GITHUB_CLIENT_SECRET: '' });
    const cookie = [...asked.browser.cookies].map((pair) => pair.join('=')).join('; ');
    const answer = await without.send({
      url: `/callback/github${returned.search}`,
      headers: { cookie, accept: 'text/html' },
    });
    expect(answer.statusCode).toBe(403);
    expect(textOf(answer)).toContain('This request is over');
  });

  test('people of the others go on', async () => {
    const { accessToken } = await signInWith(way({ provider: 'google' }));
    const without = await startBeside({ GITHUB_CLIENT_ID: '', GITHUB_CLIENT_SECRET: '' });
    expect((await callMcp(without, accessToken)).statusCode).toBe(200);
    expect(answerToClient(await comeBack(way({ proxy: without })))).toHaveProperty('code');
  });
});

test('a sign-in is refreshed at its own provider, and nowhere else', async () => {
  const { accessToken } = await signInWith(way({ provider: 'google' }));
  const before = hosts.calls.length;
  clock.advance({ minutes: 59, seconds: 50 });
  await expect
    .poll(async () => {
      await callMcp(proxy, accessToken);
      return hosts.calls.slice(before).map(({ url }) => url.host);
    })
    .toEqual(['oauth2.googleapis.com']);
});
