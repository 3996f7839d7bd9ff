/** Signing in at `/account`: it shows one person their connections, in one browser, for minutes, and is good for nothing else. */
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { beginAccount, end, formsOf, openAccount } from '../support/account.ts';
import { type Answer, publicUrl, startTestApp, type TestApp } from '../support/app.ts';
import {
  ada,
  approve,
  askConsent,
  authorizeUrl,
  callMcp,
  locationOf,
  register,
  registerStranger,
  signIn,
  type TestClient,
} from '../support/authorize.ts';
import { type Browser, openBrowser, type Parameters } from '../support/browser.ts';
import { textOf } from '../support/html.ts';
import { cancelAt, signInAt } from '../support/sample-provider.ts';

let proxy: TestApp;
let client: TestClient;
beforeAll(async () => {
  proxy = await startTestApp();
  client = await register(proxy);
  return proxy.close;
});

const back = async (browser: Browser, returned: URL, path = returned.pathname): Promise<Answer> =>
  browser.get(`${path}${returned.search}`);

const isSignedIn = async (browser: Browser): Promise<boolean> =>
  formsOf(await browser.get('/account')).token !== '';

const countRows = async (table: string): Promise<number> =>
  (await proxy.db.query({ text: `select from ${table}`, values: [] })).rowCount;

const cookieOf = ({ cookies }: Browser, part: string): [string, string] => {
  const found = [...cookies].find(([name]) => name.includes(part));
  if (found === undefined) throw new Error(`no cookie ${part}`);
  return found;
};

describe('the way there', () => {
  test('state, nonce and PKCE, and nothing that outlives the answer: no offline access (RFC 9700 §2.1.1)', async () => {
    const { searchParams } = await beginAccount(openBrowser(proxy));
    expect(Object.fromEntries(searchParams)).toMatchObject({
      response_type: 'code',
      redirect_uri: 'http://localhost:8080/callback',
      code_challenge_method: 'S256',
      state: expect.stringMatching(/^[\w-]{43}$/) as string,
      nonce: expect.stringMatching(/^[\w-]{43}$/) as string,
      scope: 'openid profile email',
    });
    expect(searchParams.has('prompt')).toBe(false);
  });

  test('who wants another account is asked at the provider which (OpenID Connect Core §3.1.2.1)', async () => {
    const location = await beginAccount(openBrowser(proxy), { choose_account: 'yes' });
    expect(location.searchParams.get('prompt')).toBe('login');
  });

  test.each([
    ['another site (Sec-Fetch-Site)', { 'sec-fetch-site': 'cross-site' }],
    ['another origin', { 'sec-fetch-site': undefined, origin: 'https://evil.example' }],
  ])('no form of %s starts one (login CSRF, OAuth 2.1 §7.12)', async (_, headers) => {
    const answer = await openBrowser(proxy).submit('/account/sign-in', {}, headers);
    expect(answer.statusCode).toBe(403);
    expect(answer.headers).not.toHaveProperty('set-cookie');
  });

  test('a provider that is not there', async () => {
    const answer = await openBrowser(proxy).submit('/account/sign-in', { provider: 'google' });
    expect(answer.statusCode).toBe(400);
  });
});

describe('the way back', () => {
  test('it opens the page and nothing else: no grant, no tokens, no consent is stored', async () => {
    const before = await Promise.all(['grants', 'upstream_sessions', 'consents'].map(countRows));
    const { browser, page } = await openAccount(proxy);
    expect(textOf(page)).toContain('Signed in as ada@example.com');
    expect(await Promise.all(['grants', 'upstream_sessions', 'consents'].map(countRows))).toEqual(before);
    expect([...browser.cookies.keys()].filter((name) => name.includes('accountsignin'))).toEqual([]);
  });

  test('in another browser it signs nobody in: neither a victim into the attacker’s account, nor the reverse (login CSRF, RFC 9700 §4.7)', async () => {
    const attacker = openBrowser(proxy);
    const returned = await signInAt(await beginAccount(attacker), ada);
    const victim = openBrowser(proxy);
    expect((await back(victim, returned)).statusCode).toBe(403);
    expect(await isSignedIn(victim)).toBe(false);

    await beginAccount(victim);
    expect((await back(victim, returned)).statusCode).toBe(403);
    expect(await isSignedIn(victim)).toBe(false);
    expect((await back(attacker, returned)).statusCode).toBe(303);
  });

  test('with the cookie of another sign-in under this one’s name it is refused', async () => {
    const browser = openBrowser(proxy);
    const returned = await signInAt(await beginAccount(browser), ada);
    const [name] = cookieOf(browser, 'accountsignin');
    browser.cookies.set(name, 'x'.repeat(43));
    expect((await back(browser, returned)).statusCode).toBe(403);
  });

  test('once, and within ten minutes', async () => {
    const browser = openBrowser(proxy);
    const returned = await signInAt(await beginAccount(browser), ada);
    const [name, value] = cookieOf(browser, 'accountsignin');
    expect((await back(browser, returned)).statusCode).toBe(303);
    browser.cookies.set(name, value);
    expect((await back(browser, returned)).statusCode).toBe(403);

    const late = openBrowser(proxy);
    const lateAnswer = await signInAt(await beginAccount(late), ada);
    proxy.clock.advance({ minutes: 11 });
    expect((await back(late, lateAnswer)).statusCode).toBe(403);
  });

  test('at the address of another provider it is refused (mix-up, RFC 9700 §4.4.2.2)', async () => {
    const browser = openBrowser(proxy);
    const returned = await signInAt(await beginAccount(browser), ada);
    expect((await back(browser, returned, '/callback/google')).statusCode).toBe(403);
  });

  test('a hundred at once open one session', async () => {
    const browser = openBrowser(proxy);
    const returned = await signInAt(await beginAccount(browser), ada);
    const before = await countRows('account_sessions');
    const sent = new Map(browser.cookies);
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => {
        const tab = openBrowser(proxy);
        for (const [name, value] of sent) tab.cookies.set(name, value);
        return back(tab, returned);
      }),
    );
    const refused = answers.filter(({ statusCode }) => statusCode !== 303);
    expect(refused).toHaveLength(99);
    // Without asking the provider once more.
    for (const answer of refused) expect(textOf(answer)).toContain('This sign-in is over');
    expect(await countRows('account_sessions')).toBe(before + 1);
  });

  test('cancelled at the provider: a page that leads back, and nobody is signed in', async () => {
    const browser = openBrowser(proxy);
    const answer = await back(browser, await cancelAt(await beginAccount(browser)));
    expect(answer.statusCode).toBe(403);
    expect(textOf(answer)).toContain('You are not signed in');
    expect(answer.body).toContain('href="http://localhost:8080/account"');
  });

  test('whom the lists do not admit learns it, and sees nothing', async () => {
    const listed = await startTestApp({
      db: proxy.db,
      clock: proxy.clock,
      config: { ...proxy.config, emailLists: { emails: ['grace@example.com'], domains: [] } },
    });
    const browser = openBrowser(listed);
    const answer = await back(browser, await signInAt(await beginAccount(browser), ada));
    const isIn = await isSignedIn(browser);
    await listed.close();
    expect(answer.statusCode).toBe(403);
    expect(textOf(answer)).toContain('Your account may not sign in here');
    expect(isIn).toBe(false);
  });
});

describe('neither sign-in is the other (confusion at the shared callback)', () => {
  test('the answer to a client’s sign-in opens no account, whatever the cookies are called', async () => {
    const asked = await askConsent(proxy, client);
    const returned = await signInAt(await approve(asked), ada);
    const state = returned.searchParams.get('state') ?? '';
    const [name, secret] = cookieOf(asked.browser, 'signin');
    asked.browser.cookies.set(name.replace('signin', 'accountsignin'), secret);

    const answer = await back(asked.browser, returned);

    expect(state).not.toBe('');
    expect(answer.statusCode).toBe(403);
    expect(await isSignedIn(asked.browser)).toBe(false);
  });

  test('the answer to a sign-in at /account gives no client a code', async () => {
    const browser = openBrowser(proxy);
    const returned = await signInAt(await beginAccount(browser), ada);
    const [name, secret] = cookieOf(browser, 'accountsignin');
    browser.cookies.set(name.replace('accountsignin', 'signin'), secret);
    browser.cookies.delete(name);

    const answer = await back(browser, returned);

    expect(answer.statusCode).toBe(403);
    expect(answer.headers).not.toHaveProperty('location');
  });

  test('a sealed sign-in that was moved from one table to the other does not open (design §3.2)', async () => {
    const browser = openBrowser(proxy);
    const returned = await signInAt(await beginAccount(browser), ada);
    const stranger = await registerStranger(proxy);
    const asked = await askConsent(proxy, stranger);
    const other = await signInAt(await approve(asked), ada);
    const [name, secret] = cookieOf(asked.browser, 'signin');
    asked.browser.cookies.set(name.replace('signin', 'accountsignin'), secret);
    await proxy.db.query({
      text: `insert into account_sign_ins (upstream_state_hash, sign_in_hash, identity_provider, sealed_sign_in, created_at, expires_at)
        select upstream_state_hash, sign_in_hash, identity_provider, sealed_sign_in, created_at, expires_at
        from authorization_requests where client_id = $1`,
      values: [stranger.clientId],
    });
    expect((await back(asked.browser, other)).statusCode).toBe(500);
    expect(await isSignedIn(asked.browser)).toBe(false);
    expect((await back(browser, returned)).statusCode).toBe(303);
  });
});

describe('the session', () => {
  test('a cookie for this page: HttpOnly, Lax, whole host, twenty minutes; __Host- and Secure over https (RFC 6265bis §4.1.3.2)', async () => {
    const site = await startTestApp({ db: proxy.db, config: { ...proxy.config, baseUrl: publicUrl } });
    const browser = openBrowser(site);
    const sent = await browser.submit('/account/sign-in', {});
    const returned = await back(browser, await signInAt(locationOf(sent), ada));
    await site.close();
    for (const { cookies } of [sent, returned]) {
      for (const cookie of cookies.filter(({ value }) => value !== '')) {
        expect(cookie).toMatchObject({ secure: true, httpOnly: true, sameSite: 'Lax', path: '/' });
        expect(cookie.name).toMatch(/^__Host-/);
        expect(cookie).not.toHaveProperty('domain');
      }
    }
    expect(returned.cookies.find(({ value }) => value !== '')).toMatchObject({ maxAge: 1200 });
  });

  test('it is stored as a hash: who reads the database cannot use it (protocol.md 136)', async () => {
    const { browser } = await openAccount(proxy);
    const [, secret] = cookieOf(browser, '-account');
    const { rows } = await proxy.db.query({
      text: 'select to_jsonb(s)::text as row from account_sessions s',
      values: [],
    });
    expect(JSON.stringify(rows)).not.toContain(secret);
    const thief = openBrowser(proxy);
    const { rows: hashes } = await proxy.db.query({
      text: `select translate(rtrim(encode(session_hash, 'base64'), '='), '+/', '-_') as hash from account_sessions`,
      values: [],
    });
    for (const { hash } of hashes as { hash: string }[]) {
      thief.cookies.set(cookieOf(browser, '-account')[0], hash);
      expect(await isSignedIn(thief)).toBe(false);
    }
  });

  test('it is over after twenty minutes, however often it is used; a form of it then changes nothing', async () => {
    const connected = await registerStranger(proxy);
    const { accessToken } = await signIn(proxy, connected);
    const { browser, page } = await openAccount(proxy);
    proxy.clock.advance({ minutes: 19 });
    expect(await isSignedIn(browser)).toBe(true);
    proxy.clock.advance({ minutes: 2 });
    expect(await isSignedIn(browser)).toBe(false);
    const answer = await browser.submit('/account/end', {
      form_token: formsOf(page).token,
      app: connected.clientId,
    });
    expect(answer.statusCode).toBe(403);
    expect(textOf(answer)).toContain('signed out meanwhile');
    expect((await callMcp(proxy, accessToken)).statusCode).toBe(200);
  });

  test('signing out ends it on the server, not in this browser alone; twice is no error', async () => {
    const { browser, page } = await openAccount(proxy);
    const thief = openBrowser(proxy);
    for (const [name, value] of browser.cookies) thief.cookies.set(name, value);

    const answer = await browser.submit('/account/sign-out', { form_token: formsOf(page).token });

    expect(answer.statusCode).toBe(303);
    expect(await isSignedIn(browser)).toBe(false);
    expect(await isSignedIn(thief)).toBe(false);
    expect((await browser.submit('/account/sign-out', { form_token: formsOf(page).token })).statusCode).toBe(
      303,
    );
  });

  test('it is no access: not at /mcp, as a cookie or as a token, not at /token, /introspect or /revoke (OAuth 2.1 §5.1)', async () => {
    const { browser } = await openAccount(proxy);
    const [, secret] = cookieOf(browser, '-account');
    expect((await browser.get('/mcp', { accept: 'application/json' })).statusCode).toBe(401);
    expect((await callMcp(proxy, secret)).statusCode).toBe(401);
    for (const grant of [
      { grant_type: 'refresh_token', refresh_token: secret },
      { grant_type: 'authorization_code', code: secret, code_verifier: 'v'.repeat(43) },
    ]) {
      const answer = await browser.submit('/token', { ...grant, client_id: client.clientId });
      expect(answer.json()).toMatchObject({ error: 'invalid_grant' });
    }
    expect((await browser.submit('/revoke', { token: secret, client_id: client.clientId })).statusCode).toBe(
      200,
    );
    expect(await isSignedIn(browser)).toBe(true);
  });

  test('it skips no consent, and gives none (MCP security best practices)', async () => {
    const { browser } = await openAccount(proxy);
    const page = await browser.get(authorizeUrl(client, 'v'.repeat(43)));
    expect(page.statusCode).toBe(200);
    expect(page.body).toContain('name="request_id"');
    expect((await askConsent(proxy, client, {}, browser)).page.statusCode).toBe(200);
  });
});

describe('a form that does not count (CSRF, OAuth 2.1 §7.11)', () => {
  test.each<[string, Parameters, Readonly<Record<string, string | undefined>>]>([
    ['another site (Sec-Fetch-Site)', {}, { 'sec-fetch-site': 'cross-site' }],
    ['a sister site', {}, { 'sec-fetch-site': 'same-site' }],
    ['another origin', {}, { 'sec-fetch-site': undefined, origin: 'https://evil.example' }],
    ['no token', { form_token: undefined }, {}],
    ['a made-up token', { form_token: 'x'.repeat(43) }, {}],
    ['a token twice', { form_token: ['a', 'b'] }, {}],
    ['two things to end', { everything: 'yes', app: 'x' }, {}],
    ['a connection that is no id', { connection: "' or 1=1", app: undefined }, {}],
  ])('from %s', async (_, form, headers) => {
    const connected = await registerStranger(proxy);
    const { accessToken } = await signIn(proxy, connected);
    const { browser, page } = await openAccount(proxy);
    const sent = { form_token: formsOf(page).token, app: connected.clientId, ...form };
    const answer = await browser.submit('/account/end', sent, headers);
    expect([400, 403]).toContain(answer.statusCode);
    expect((await callMcp(proxy, accessToken)).statusCode).toBe(200);
    const out = await browser.submit('/account/sign-out', { form_token: 'x'.repeat(43) }, headers);
    expect(out.statusCode).toBe(403);
    expect(await isSignedIn(browser)).toBe(true);
  });

  test('with the token of another session of the same person', async () => {
    const connected = await registerStranger(proxy);
    const { accessToken } = await signIn(proxy, connected);
    const { page } = await openAccount(proxy);
    const { browser } = await openAccount(proxy);
    const form = { form_token: formsOf(page).token, app: connected.clientId };
    expect((await browser.submit('/account/end', form)).statusCode).toBe(403);
    expect((await callMcp(proxy, accessToken)).statusCode).toBe(200);
  });

  test('without Sec-Fetch-Site and with Origin null, as older browsers send it from our own page, the token decides', async () => {
    const connected = await registerStranger(proxy);
    await signIn(proxy, connected);
    const { browser, page } = await openAccount(proxy);
    const headers = { 'sec-fetch-site': undefined, origin: 'null' };
    const form = { form_token: formsOf(page).token, app: connected.clientId };
    expect((await browser.submit('/account/end', form, headers)).statusCode).toBe(303);
  });
});

test('pages and answers: never stored, never framed, no script, no referrer, for no other origin (OAuth 2.1 §7.11, protocol.md 13)', async () => {
  const { browser, page } = await openAccount(proxy);
  const answers = [
    page,
    await openBrowser(proxy).get('/account'),
    await end(browser, { everything: 'yes' }),
    await browser.get('/account', { origin: 'https://other.example' }),
  ];
  for (const { headers } of answers) {
    expect(headers['cache-control']).toBe('no-store');
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  }
  for (const { headers } of [page, answers[1] ?? page]) {
    expect(headers['content-security-policy']).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(headers['x-frame-options']).toBe('DENY');
    expect(headers['referrer-policy']).toBe('no-referrer');
  }
});

test('requests are limited by address, like those of every page (protocol.md 134)', async () => {
  const limited = await startTestApp({ db: proxy.db, config: { ...proxy.config, rateLimitMax: 2 } });
  const browser = openBrowser(limited);
  const statuses: number[] = [];
  for (let count = 0; count < 3; count += 1) statuses.push((await browser.get('/account')).statusCode);
  for (const form of ['sign-in', 'end', 'sign-out']) {
    for (let count = 0; count < 3; count += 1) await browser.submit(`/account/${form}`, {});
    statuses.push((await browser.submit(`/account/${form}`, {})).statusCode);
  }
  await limited.close();
  expect(statuses).toEqual([200, 200, 429, 429, 429, 429]);
});

test('other methods are refused (RFC 9110 §15.5.6)', async () => {
  for (const [method, url] of [
    ['POST', '/account'],
    ['DELETE', '/account'],
    ['GET', '/account/end'],
    ['GET', '/account/sign-in'],
    ['GET', '/account/sign-out'],
  ] as const) {
    expect((await proxy.send({ method, url })).statusCode).toBe(405);
  }
});

test('signing in anew leaves no session behind in the same browser, which signing out would not end', async () => {
  const proxy = await startTestApp();
  onTestFinished(() => proxy.close());
  const { browser } = await openAccount(proxy);
  await openAccount(proxy, ada, browser);
  expect((await proxy.db.query(sql`select 1 from account_sessions`)).rowCount).toBe(1);
});

test('approvals that outlive their connections can be taken back: the form is there without any app', async () => {
  const proxy = await startTestApp();
  onTestFinished(() => proxy.close());
  const { page } = await openAccount(proxy);
  expect(page.body).toContain('name="everything" value="yes"');
});
