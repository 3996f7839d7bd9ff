/** `/account`: a person sees what they have let in, and ends it, and nothing of anybody else's (protocol.md 124). */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { end, formsOf, openAccount } from '../support/account.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  ada,
  askConsent,
  authorize,
  authorizeUrl,
  callMcp,
  locationOf,
  redeem,
  refresh,
  register,
  registerByOperator,
  registerStranger,
  revoke,
  signIn,
  type TestClient,
} from '../support/authorize.ts';
import { openBrowser } from '../support/browser.ts';
import { textOf } from '../support/html.ts';
import { runMaintenance } from '../support/maintenance.ts';
import { type Person, signInAt } from '../support/sample-provider.ts';

let proxy: TestApp;
beforeAll(async () => {
  proxy = await startTestApp();
  return proxy.close;
});
afterEach(async () => {
  await proxy.db.query({ text: 'delete from grants', values: [] });
  await proxy.db.query({ text: 'delete from account_sessions', values: [] });
});

const grace: Person = { name: 'Grace Hopper', email: 'grace@example.com' };

const connect = async (person = ada, client?: TestClient) => {
  const connected = client ?? (await registerStranger(proxy));
  return { client: connected, ...(await signIn(proxy, connected, {}, person)) };
};

/** Calls an instance of its own, and stops it. */
async function callUntilStop(accessToken: string, ...programs: string[]): Promise<void> {
  const { app } = await startTestApp({ db: proxy.db, clock: proxy.clock, config: proxy.config });
  for (const program of programs) {
    const headers = { authorization: `Bearer ${accessToken}`, 'user-agent': program };
    await app.inject({ url: '/mcp', headers });
  }
  await app.close();
}

const statusOf = async (accessToken: string) => (await callMcp(proxy, accessToken)).statusCode;

describe('what is seen', () => {
  test('nobody is signed in: the page says what it is, and how to get in; it asks no provider by itself', async () => {
    const page = await openBrowser(proxy).get('/account');
    expect(page.statusCode).toBe(200);
    expect(textOf(page)).toMatch(/Connected apps .* Sign in with 127\.0\.0\.1/);
    expect(page.headers['set-cookie']).toBeUndefined();
  });

  test('the name as claimed and as what it is worth, the callback, the scopes in words', async () => {
    await connect(ada, await register(proxy, { client_name: 'Claude' }));
    const vendor = {
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
      client_name: 'some-other-name',
    };
    await connect(ada, await register(proxy, vendor));
    const operators = await registerByOperator(proxy, { client_name: 'Intranet search' });
    await signIn(proxy, operators, {}, ada);

    const { page } = await openAccount(proxy);
    const text = textOf(page);
    expect(text).toContain('Signed in as ada@example.com');
    expect(text).toMatch(/“ ?Claude ?” Not verified This is probably not Claude/);
    expect(text).toMatch(/Claude Verified Address claude\.ai/);
    expect(text).toMatch(/Intranet search Verified/);
    expect(text).toContain('See your email address');
    expect(text).not.toContain('some-other-name');
  });

  test('when an app called first and last, from where, with what; what is not written yet is when the server stops', async () => {
    const { accessToken } = await connect();
    await callUntilStop(accessToken, 'first/1.0');
    proxy.clock.advance({ minutes: 10 });
    await callUntilStop(accessToken, `second/2.0 ${'x'.repeat(300)}`, 'third/3.0');

    const { rows } = await proxy.db.query({
      text: 'select first_used_at, last_used_at, last_used_from, last_used_with from grants',
      values: [],
    });
    const [row] = rows as { first_used_at: Date; last_used_at: Date; last_used_with: string }[];
    expect(Number(row?.last_used_at) - Number(row?.first_used_at)).toBe(600_000);
    expect(row).toMatchObject({ last_used_from: '127.0.0.1' });
    expect(row?.last_used_with).toHaveLength(120);
    const { page } = await openAccount(proxy);
    expect(textOf(page)).toMatch(
      /First used .* Last used .* Used from address 127\.0\.0\.1 program second\/2\.0 x+…/,
    );
    expect(textOf(page)).not.toContain('third');
  });

  test.each([
    [['https://claude.ai/api/mcp/auth_callback'], 'Verified'],
    [['https://claude.ai/api/mcp/auth_callback', 'https://other.example/callback'], 'Not verified'],
  ])('in a grant from before that was kept, the callback counts if it is certain: %j', async (uris, mark) => {
    const client = await register(proxy, { client_name: `old ${uris.length}`, redirect_uris: uris });
    await connect(ada, client);
    await proxy.db.query({ text: 'update grants set sent_to = null', values: [] });
    const { page } = await openAccount(proxy);
    expect(/class="badge[^>]*>([^<]*)</.exec(page.body)?.[1]).toBe(mark);
  });

  test('the address of an app that runs at its vendor is said to be the vendor’s', async () => {
    const vendor = { redirect_uris: ['https://claude.ai/api/mcp/auth_callback'] };
    const { accessToken } = await connect(ada, await register(proxy, vendor));
    await callUntilStop(accessToken, 'Claude-User/1.0');
    expect(textOf((await openAccount(proxy)).page)).toContain('This app runs at Anthropic');
  });

  test('nothing of other people: not of another person, and not of the same subject at another issuer or provider (protocol.md 122)', async () => {
    await connect(grace);
    const other = await connect(ada);
    await proxy.db.query({
      text: `update upstream_sessions set issuer = 'https://other.example' where upstream_session_id in
        (select upstream_session_id from grants where client_id = $1)`,
      values: [other.client.clientId],
    });
    const third = await connect(ada);
    await proxy.db.query({
      text: `update upstream_sessions set identity_provider = 'google' where upstream_session_id in
        (select upstream_session_id from grants where client_id = $1)`,
      values: [third.client.clientId],
    });
    const { browser, page } = await openAccount(proxy);
    expect(textOf(page)).toContain('No app can use');
    expect(formsOf(page).apps).toEqual([]);

    await end(browser, { everything: 'yes' });
    for (const { client } of [other, third])
      expect((await end(browser, { app: client.clientId })).statusCode).toBe(404);
    const { rowCount } = await proxy.db.query({
      text: 'select from grants where revoked_at is null',
      values: [],
    });
    expect(rowCount).toBe(3);
  });

  test('a machine is nobody’s: it does not appear (RFC 6749 §4.4)', async () => {
    const { browser } = await openAccount(proxy);
    const { rows } = await proxy.db.query({ text: 'select subject from account_sessions', values: [] });
    const [{ subject }] = rows as [{ subject: string }];
    const { client } = await connect(grace);
    await proxy.db.query({
      text: `insert into grants (grant_id, client_id, issuer, subject, resource, scopes, created_at, activated_at, expires_at)
        values (gen_random_uuid(), $1, $2, $3, 'r', '{}', now(), now(), 'infinity')`,
      values: [client.clientId, proxy.config.baseUrl, subject],
    });
    expect(formsOf(await browser.get('/account')).apps).toEqual([]);
  });

  test('of more than 200 connections those used last are shown, and that there are more', async () => {
    const { client } = await connect();
    await proxy.db.query({
      text: `insert into grants (grant_id, client_id, upstream_session_id, issuer, subject, resource, scopes, created_at, activated_at, expires_at)
        select gen_random_uuid(), client_id, upstream_session_id, issuer, subject, resource, scopes, created_at, activated_at, 'infinity'
        from grants, generate_series(1, 200) where client_id = $1`,
      values: [client.clientId],
    });
    const { page } = await openAccount(proxy);
    expect(formsOf(page).connections).toHaveLength(200);
    expect(textOf(page)).toContain('more connections than the 200 shown');
  });
});

describe('ending', () => {
  test('one app: its access token, refresh token and pending code stop at once, others go on (design §3.4)', async () => {
    const ended = await connect();
    const pending = await authorize(proxy, ended.client);
    const other = await connect();
    expect(await statusOf(ended.accessToken)).toBe(200);
    const { browser } = await openAccount(proxy);

    const answer = await end(browser, { app: ended.client.clientId });

    expect(answer.statusCode).toBe(303);
    expect(answer.headers.location).toBe('/account');
    expect(await statusOf(ended.accessToken)).toBe(401);
    const refreshed = await refresh(proxy, ended.client, ended.refreshToken);
    expect(refreshed.json()).toMatchObject({ error: 'invalid_grant' });
    expect((await redeem(proxy, ended.client, pending)).json()).toMatchObject({ error: 'invalid_grant' });
    expect(await statusOf(other.accessToken)).toBe(200);
    const page = await browser.get('/account');
    expect(textOf(page)).toContain('Access has ended for');
    expect(formsOf(page).apps).toEqual([other.client.clientId]);
  });

  test('the instance that ends it refuses it before it answers, without any notification (design §3.4)', async () => {
    const { client, accessToken } = await connect();
    const deaf = await startTestApp({
      db: { ...proxy.db, listen: async () => async () => undefined },
      clock: proxy.clock,
      config: proxy.config,
    });
    const before = (await callMcp(deaf, accessToken)).statusCode;
    await end((await openAccount(deaf)).browser, { app: client.clientId });
    const after = (await callMcp(deaf, accessToken)).statusCode;
    await deaf.close();
    expect([before, after]).toEqual([200, 401]);
  });

  test('one connection of an app that has several: the other one goes on', async () => {
    const client = await registerStranger(proxy);
    const first = await connect(ada, client);
    proxy.clock.advance({ minutes: 1 });
    const second = await connect(ada, client);
    const { browser, page } = await openAccount(proxy);
    const [latest = '', earlier = ''] = formsOf(page).connections;
    expect(textOf(page)).toMatch(/Connection 1 .* Connection 2/);

    await end(browser, { connection: earlier });

    expect(await statusOf(first.accessToken)).toBe(401);
    expect(await statusOf(second.accessToken)).toBe(200);
    await end(browser, { connection: latest });
    expect(await statusOf(second.accessToken)).toBe(401);
  });

  test('everything: all of the person’s, and nobody else’s', async () => {
    const mine = [await connect(), await connect()];
    const theirs = await connect(grace);
    const { browser } = await openAccount(proxy);

    await end(browser, { everything: 'yes' });

    expect(await Promise.all(mine.map(({ accessToken }) => statusOf(accessToken)))).toEqual([401, 401]);
    expect(await statusOf(theirs.accessToken)).toBe(200);
    expect((await end(browser, { everything: 'yes' })).statusCode).toBe(303);
  });

  test('what is someone else’s does not exist for others: 404, and it goes on (protocol.md 124)', async () => {
    const theirs = await connect(grace);
    const { browser } = await openAccount(proxy);
    const { rows } = await proxy.db.query({ text: 'select grant_id from grants', values: [] });
    const [{ grant_id: connection }] = rows as [{ grant_id: string }];

    for (const what of [
      { connection },
      { app: theirs.client.clientId },
      { connection: '00000000-0000-4000-8000-000000000000' },
      { app: 'nobody' },
    ]) {
      expect((await end(browser, what)).statusCode).toBe(404);
    }
    expect(await statusOf(theirs.accessToken)).toBe(200);
  });

  test('what has ended before keeps the reason for which it did', async () => {
    const { client, refreshToken } = await connect();
    await revoke(proxy, client, refreshToken);
    await end((await openAccount(proxy)).browser, { everything: 'yes' });
    const { rows } = await proxy.db.query({ text: 'select revocation_reason from grants', values: [] });
    expect(rows).toEqual([{ revocation_reason: 'revoked_by_client' }]);
  });

  test('of an app that several people use, only one’s own connections end', async () => {
    const client = await registerStranger(proxy);
    const mine = await connect(ada, client);
    const theirs = await connect(grace, client);
    await end((await openAccount(proxy)).browser, { app: client.clientId });
    expect(await statusOf(mine.accessToken)).toBe(401);
    expect(await statusOf(theirs.accessToken)).toBe(200);
  });

  test('the app asks again, in whichever browser it was approved (MCP security best practices)', async () => {
    const client = await register(proxy, {
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
      client_name: 'remembered',
    });
    const browser = openBrowser(proxy);
    await authorize(proxy, client, {}, { browser });
    await expect(askConsent(proxy, client, {}, browser)).rejects.toThrow('no consent page, but 303');

    await end((await openAccount(proxy)).browser, { app: client.clientId });

    expect((await askConsent(proxy, client, {}, browser)).page.statusCode).toBe(200);
  });

  test('everything: also what was remembered of apps that have no connection any more', async () => {
    const client = await register(proxy, {
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
      client_name: 'long gone',
    });
    const browser = openBrowser(proxy);
    await authorize(proxy, client, {}, { browser });
    await proxy.db.query({ text: 'delete from grants', values: [] });

    await end((await openAccount(proxy)).browser, { everything: 'yes' });

    expect((await askConsent(proxy, client, {}, browser)).page.statusCode).toBe(200);
  });

  test.each([ada, grace])(
    'what two people approved in one browser, each of them takes back: $name',
    async (who) => {
      const client = await register(proxy, {
        redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
        client_name: `shared with ${who.name}`,
      });
      const browser = openBrowser(proxy);
      await authorize(proxy, client, {}, { browser });
      const again = await browser.get(authorizeUrl(client, 'v'.repeat(43)));
      const returned = await signInAt(locationOf(again), grace);
      await browser.get(`${returned.pathname}${returned.search}`);

      await end((await openAccount(proxy, who)).browser, { app: client.clientId });

      expect((await askConsent(proxy, client, {}, browser)).page.statusCode).toBe(200);
    },
  );

  test('a hundred clicks at once end it once, and all get the same answer', async () => {
    const client = await registerStranger(proxy);
    const connections = [await connect(ada, client), await connect(ada, client), await connect()];
    const { browser, page } = await openAccount(proxy);
    const { token, connections: ids } = formsOf(page);
    const choices = [{ everything: 'yes' }, { app: client.clientId }, { connection: ids[0] ?? '' }];

    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        browser.submit('/account/end', { form_token: token, ...choices[index % 3] }),
      ),
    );

    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([303]));
    for (const { accessToken } of connections) expect(await statusOf(accessToken)).toBe(401);
    const { rows } = await proxy.db.query({
      text: `select count(*)::integer as count from revocations where kind = 'grant' and subject in
        (select grant_id::text from grants)`,
      values: [],
    });
    expect(rows).toEqual([{ count: 3 }]);
  });

  test('whoever redeems a code or refreshes at that very moment gets nothing that works', async () => {
    const client = await registerStranger(proxy);
    const { refreshToken } = await connect(ada, client);
    const codes = await Promise.all(Array.from({ length: 5 }, () => authorize(proxy, client)));
    const { browser, page } = await openAccount(proxy);
    const form = { form_token: formsOf(page).token, app: client.clientId };

    const [, ...answers] = await Promise.all([
      browser.submit('/account/end', form),
      ...codes.map((code) => redeem(proxy, client, code)),
      ...Array.from({ length: 5 }, () => refresh(proxy, client, refreshToken)),
    ]);

    const issued = answers
      .filter(({ statusCode }) => statusCode === 200)
      .map((answer) => answer.json<{ access_token: string; refresh_token: string }>());
    for (const tokens of issued) {
      expect(await statusOf(tokens.access_token)).toBe(401);
      const again = await refresh(proxy, client, tokens.refresh_token);
      expect(again.json()).toMatchObject({ error: 'invalid_grant' });
    }
    expect(formsOf(await browser.get('/account')).apps).toEqual([]);
  });

  test('a crash in the middle ends all of it or nothing', async () => {
    const connections = [await connect(), await connect()];
    const { browser } = await openAccount(proxy);
    await proxy.db.query({
      text: `create function crash() returns trigger language plpgsql as $$ begin raise 'crash'; end $$`,
      values: [],
    });
    await proxy.db.query({
      text: `create trigger crash after insert on revocations for each row execute function crash()`,
      values: [],
    });

    const answer = await end(browser, { everything: 'yes' });
    await proxy.db.query({ text: 'drop function crash cascade', values: [] });

    expect(answer.statusCode).toBe(500);
    for (const { accessToken } of connections) expect(await statusOf(accessToken)).toBe(200);
    expect((await end(browser, { everything: 'yes' })).statusCode).toBe(303);
    for (const { accessToken } of connections) expect(await statusOf(accessToken)).toBe(401);
  });

  test('the provider is told as of any other revocation: its tokens are deleted here', async () => {
    const { client } = await connect();
    await end((await openAccount(proxy)).browser, { app: client.clientId });
    await runMaintenance(proxy);
    const { rows } = await proxy.db.query({
      text: `select sealed_access_token, sealed_refresh_token from upstream_sessions join grants using (upstream_session_id)`,
      values: [],
    });
    expect(rows).toEqual([{ sealed_access_token: null, sealed_refresh_token: null }]);
  });
});
