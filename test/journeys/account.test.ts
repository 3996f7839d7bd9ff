/** Connected apps, in the world around: two instances, the providers, forward-auth mode. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { beginAccount, end, formsOf, openAccount } from '../support/account.ts';
import { localUrl, noOAuth, startTestApp, type TestApp } from '../support/app.ts';
import {
  ada,
  authorize,
  callMcp,
  redeem,
  refresh,
  register,
  registerStranger,
  signIn,
} from '../support/authorize.ts';
import { openBrowser } from '../support/browser.ts';
import { createClock } from '../support/clock.ts';
import { describePostgres } from '../support/database.ts';
import { textOf } from '../support/html.ts';
import { startSite } from '../support/instances.ts';
import { createGitHub } from '../support/lookalikes/github.ts';
import { createGoogle } from '../support/lookalikes/google.ts';
import { type Host, startPublicHosts, visit } from '../support/lookalikes/public-hosts.ts';
import { poll } from '../support/process.ts';
import { openBrowser as openProviderBrowser, signInAt, signOutAt } from '../support/sample-provider.ts';
import { signInWith } from '../support/sign-in-with.ts';
import { remote } from './remote.ts';
import { whoami } from './whoami.ts';

describePostgres('two instances', () => {
  async function start() {
    const site = await startSite('postgres', { instances: 2 });
    onTestFinished(() => site.close());
    const front = remote(site.front.origin);
    const [first, second] = site.instances.map(({ origin }) => remote(origin));
    if (first === undefined || second === undefined) throw new Error('there should be two');
    const statusAt = async (instance: TestApp, accessToken: string) =>
      (await callMcp(instance, accessToken, whoami)).statusCode;
    return { site, front, first, second, statusAt };
  }

  test.each(['one app', 'everything'])(
    'ending %s at one stops the next call at the other within a second, the refresh token and a pending code too (issue 5, design §3.4)',
    async (what) => {
      const { site, front, first, second, statusAt } = await start();
      const client = await registerStranger(front);
      const tokens = await signIn(front, client);
      const pending = await authorize(front, client);
      expect(await statusAt(second, tokens.accessToken)).toBe(200);
      const { browser } = await openAccount(first);

      await end(browser, what === 'everything' ? { everything: 'yes' } : { app: client.clientId });

      await poll(async () => (await statusAt(second, tokens.accessToken)) === 401, undefined, 1000);
      expect(await statusAt(first, tokens.accessToken)).toBe(401);
      const answers = [
        await refresh(second, client, tokens.refreshToken),
        await redeem(second, client, pending),
      ];
      for (const answer of answers) expect(answer.json()).toMatchObject({ error: 'invalid_grant' });
      const { rows } = await site.database.db.query(sql`select distinct revocation_reason from grants`);
      expect(rows).toEqual([{ revocation_reason: 'revoked_by_person' }]);
    },
  );

  test('a hundred clicks over both end it once, and each is answered as if it had been the first', async () => {
    const { site, front, first, second, statusAt } = await start();
    const client = await registerStranger(front);
    const tokens = [await signIn(front, client), await signIn(front, client)];
    const { browser, page } = await openAccount(front);
    const form = { form_token: formsOf(page).token };
    const choices = [{ everything: 'yes' }, { app: client.clientId }];

    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        browser.submit('/account/end', { ...form, ...choices[index % 2] }),
      ),
    );

    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([303]));
    for (const { accessToken } of tokens) {
      for (const instance of [first, second])
        await poll(async () => (await statusAt(instance, accessToken)) === 401, undefined, 1000);
    }
    const { rowCount } = await site.database.db.query(sql`select from revocations where kind = 'grant'`);
    expect(rowCount).toBe(2);
  });

  test('each step may land on another instance (design §3.1)', async () => {
    const { site, front } = await start();
    const since = site.front.passed.length;
    const { browser, page } = await openAccount(front);
    await browser.submit('/account/sign-out', { form_token: formsOf(page).token });
    const passed = site.front.passed.slice(since);
    expect(passed.map(({ method, path, status }) => `${method} ${path} ${status}`)).toEqual([
      'POST /account/sign-in 303',
      'GET /callback 303',
      'GET /account 200',
      'POST /account/sign-out 303',
    ]);
    expect(new Set(passed.map(({ target }) => target)).size).toBe(2);
  });

  test('a session at the provider that is over is over at /account too (Back-Channel Logout 1.0 §2.7)', async () => {
    const { site, front } = await start();
    const atProvider = openProviderBrowser();
    const browser = openBrowser(front);
    const returned = await signInAt(await beginAccount(browser), ada, atProvider);
    await browser.get(returned.pathname + returned.search);
    const other = await openAccount(front);

    await signOutAt(site.provider.origin, atProvider);

    expect(formsOf(await browser.get('/account')).token).toBe('');
    expect(formsOf(await other.browser.get('/account')).token).not.toBe('');
  });
});

describe('the provider’s tokens of a sign-in at /account', () => {
  async function start(hosts: Readonly<Record<string, Host>>, environment: Readonly<Record<string, string>>) {
    const world = await startPublicHosts(hosts);
    const clock = createClock();
    const proxy = await startTestApp({
      clock,
      fetch: world.fetch,
      environment: { ...noOAuth, ...environment },
    });
    onTestFinished(async () => {
      await proxy.close();
      await world.close();
    });
    const open = async () => {
      const browser = openBrowser(proxy);
      const sent = await beginAccount(browser);
      const returned = await visit(world, sent);
      await browser.get(returned.pathname + returned.search);
      return { sent, page: await browser.get('/account') };
    };
    return { proxy, hosts: world, client: await register(proxy), clock, open };
  }

  test('at Google nothing offline is asked for, and nothing is revoked: that would end the person’s connections (RFC 7009 §2.1)', async () => {
    const credentials = { clientId: 'id.apps.googleusercontent.com', clientSecret: 'secret' };
    const redirectUris = [`${localUrl}/callback`];
    const account = { sub: '1101', email: 'ada@example.com', name: 'Ada Lovelace' };
    const google = await createGoogle({ ...credentials, redirectUris, account });
    const setting = await start(google.hosts, {
      GOOGLE_CLIENT_ID: credentials.clientId,
      GOOGLE_CLIENT_SECRET: credentials.clientSecret,
    });
    const { refreshToken } = await signInWith(setting);

    const { sent, page } = await setting.open();

    expect(textOf(page)).toContain('“ Test client ”');
    expect(sent.searchParams.get('scope')).toBe('openid profile email');
    expect([...sent.searchParams.keys()]).not.toContain('access_type');
    expect([...sent.searchParams.keys()]).not.toContain('prompt');
    setting.clock.advance({ hours: 2 });
    expect((await refresh(setting.proxy, setting.client, refreshToken)).statusCode).toBe(200);
    expect(setting.hosts.calls.filter(({ url }) => url.pathname === '/revoke')).toEqual([]);
  });

  test('GitHub’s never expire: the one of this sign-in is deleted there, and no other', async () => {
    const credentials = { clientId: 'Ov23liAbCdEfGhIjKlMn', clientSecret: 'github-secret' };
    const account = {
      id: 583_231,
      login: 'octocat',
      name: 'Mona',
      emails: [{ email: 'mona@example.com', primary: true, verified: true }],
    };
    const github = createGitHub({ ...credentials, callbackUrl: `${localUrl}/callback`, account });
    const setting = await start(github.hosts, {
      GITHUB_CLIENT_ID: credentials.clientId,
      GITHUB_CLIENT_SECRET: credentials.clientSecret,
    });
    const { accessToken } = await signInWith(setting);
    const forwarded = (await callMcp(setting.proxy, accessToken)).body;

    const { page } = await setting.open();

    expect(textOf(page)).toContain('“ Test client ”');
    const deleted = () => setting.hosts.calls.filter(({ method }) => method === 'DELETE');
    await poll(async () => deleted().length > 0);
    expect(deleted().map(({ url }) => url.pathname)).toEqual([`/applications/${credentials.clientId}/token`]);
    const { access_token: ended } = JSON.parse(deleted()[0]?.body ?? '') as { access_token: string };
    expect(ended).toMatch(/^gho_/);
    expect(forwarded).not.toContain(ended);
  });
});

test('in forward-auth mode it is on the port for people, and shows the same (README, forward-auth)', async () => {
  const proxy = await startTestApp({
    environment: { MODE: 'forward_auth', AUTH_PORT: '0', TRUST_PROXY: '127.0.0.1' },
  });
  onTestFinished(proxy.close);
  const client = await register(proxy);
  const { refreshToken } = await signIn(proxy, client);
  const { browser, page } = await openAccount(proxy);
  expect(formsOf(page).apps).toEqual([client.clientId]);
  await end(browser, { app: client.clientId });
  expect((await refresh(proxy, client, refreshToken)).json()).toMatchObject({ error: 'invalid_grant' });
});
