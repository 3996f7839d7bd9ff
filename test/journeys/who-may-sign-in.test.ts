/** Who may sign in: refusals that a person and a client understand, and lists that count for whoever is in already. */
import { randomBytes } from 'node:crypto';
import { decodeJwt } from 'jose';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { type Answer, type Arrived, localUrl, noOAuth, startTestApp, type TestApp } from '../support/app.ts';
import {
  approve,
  askConsent,
  callMcp,
  locationOf,
  redeem,
  refresh,
  register,
  registerStranger,
  type TestClient,
  tokensOf,
} from '../support/authorize.ts';
import { postForm } from '../support/browser.ts';
import { createClock, type TestClock } from '../support/clock.ts';
import { linksOf, textOf } from '../support/html.ts';
import { createGitHub } from '../support/lookalikes/github.ts';
import { createGoogle } from '../support/lookalikes/google.ts';
import { type PublicHosts, startPublicHosts, visit } from '../support/lookalikes/public-hosts.ts';
import { misbehavingClient, startMisbehavingProvider } from '../support/misbehaving-provider.ts';
import { createMachine } from '../support/servers.ts';
import { answerToClient, comeBack, signInWith } from '../support/sign-in-with.ts';

const credentials = { clientId: 'client', clientSecret: 'secret' };
const ada = { sub: '1', email: 'ada@example.com', name: 'Ada', hd: 'example.com' };
const eve = { sub: '2', email: 'eve@evil.example', name: 'Eve' };
const octocat = {
  id: 583_231,
  login: 'octocat',
  name: 'Mona',
  emails: [{ email: 'ada@example.com', primary: true, verified: true }],
  organizations: ['Acme', 'octo-org'],
  teams: ['octo-org/maintainers'],
};
const both = {
  ...noOAuth,
  GOOGLE_CLIENT_ID: 'client',
  GOOGLE_CLIENT_SECRET: 'secret',
  GITHUB_CLIENT_ID: 'client',
  GITHUB_CLIENT_SECRET: 'secret',
  PRIMARY_PROVIDER: 'none',
  ENCRYPTION_KEY: randomBytes(32).toString('base64'),
};
const onlyAda = { ALLOWED_EMAILS: 'Ada@Example.com', SUPPORT_CONTACT: 'it@example.com' };

let clock: TestClock;
let google: Awaited<ReturnType<typeof createGoogle>>;
let github: ReturnType<typeof createGitHub>;
let hosts: PublicHosts;
/** Without lists. */
let open: TestApp;
let client: TestClient;
beforeAll(async () => {
  clock = createClock();
  const redirectUris = [`${localUrl}/callback/google`];
  google = await createGoogle({ ...credentials, redirectUris, account: ada, clock });
  github = createGitHub({ ...credentials, callbackUrl: `${localUrl}/callback`, account: octocat });
  hosts = await startPublicHosts({ ...google.hosts, ...github.hosts });
  open = await startTestApp({ environment: both, clock, fetch: hosts.fetch });
  return async () => {
    await open.close();
    await hosts.close();
  };
});
beforeEach(async () => {
  google.signInAs(ada);
  client = await registerStranger(open);
});

/** Another instance on the same database, with lists: as after a restart, or while instances are restarted one by one. */
async function startWith(lists: Readonly<Record<string, string>>): Promise<TestApp> {
  const beside = await startTestApp({
    db: open.db,
    environment: { ...both, ...lists },
    clock,
    fetch: hosts.fetch,
  });
  onTestFinished(beside.close);
  return beside;
}

const way = (proxy: TestApp, provider = 'google') => ({ proxy, hosts, client, provider });

/** How a sign-in ends for the client: with a code, or with an error. */
async function outcomeOf(proxy: TestApp, provider = 'google'): Promise<string> {
  const { code, error } = answerToClient(await comeBack(way(proxy, provider)));
  return code === undefined ? (error ?? 'nothing') : 'code';
}

async function storedOf({ clientId }: TestClient): Promise<number> {
  const { rows } = await open.db.query(sql`
    select (select count(*) from grants where client_id = ${clientId})
      + (select count(*) from consents where client_id = ${clientId}) as stored`);
  return Number((rows[0] as { stored: string }).stored);
}

async function reasonsOf({ clientId }: TestClient): Promise<readonly unknown[]> {
  const { rows } = await open.db.query(
    sql`select revocation_reason from grants where client_id = ${clientId}`,
  );
  return rows.map((row) => (row as { revocation_reason: unknown }).revocation_reason);
}

/** What was given back at Google. It happens while nobody waits, so whoever counts calls waits for it first. */
function revokedSince(since: number): readonly (string | null)[] {
  return hosts.calls
    .slice(since)
    .filter(({ url }) => url.href === 'https://oauth2.googleapis.com/revoke')
    .map(({ parameters }) => parameters.get('token'));
}

const errorOf = (answer: Answer) => `${answer.statusCode} ${answer.json<{ error: string }>().error}`;

describe('a person on no list', () => {
  test('sees a page that names the account and whom to ask; the way back takes access_denied to the client (OAuth 2.1 §4.1.2.1, RFC 9207 §2)', async () => {
    const proxy = await startWith(onlyAda);
    google.signInAs(eve);
    const sessions = sql`select count(*) as stored from upstream_sessions`;
    const before = (await open.db.query(sessions)).rows;
    const since = hosts.calls.length;

    const { answer } = await comeBack(way(proxy));

    await expect.poll(() => revokedSince(since)).toHaveLength(1);
    expect(answer.statusCode).toBe(403);
    expect(answer.headers).not.toHaveProperty('location');
    expect(answer.headers['cache-control']).toBe('no-store');
    const text = textOf(answer);
    expect(text).toContain('Your account may not sign in here');
    expect(text).toContain('eve@evil.example (Google)');
    expect(text).toContain('Whom to ask it@example.com');
    expect(new URL(linksOf(answer).at(-1) ?? '').origin).toBe('https://client.example');
    expect(answerToClient({ answer })).toEqual({
      error: 'access_denied',
      error_description: 'This account may not sign in here',
      state: 'the state, exactly: ä+&=%20',
      iss: localUrl,
    });
    expect(await storedOf(client)).toBe(0);
    expect((await open.db.query(sessions)).rows).toEqual(before);
    // The audit trail names who was refused (docs/audit.md); no other line does.
    const others = proxy.log.filter((line) => !line.includes('"audit":true'));
    expect(others.join('\n')).not.toContain('eve@evil.example');
  });

  test('leaves nothing at the provider either: the tokens are revoked there (RFC 7009 §2.1)', async () => {
    const proxy = await startWith(onlyAda);
    google.signInAs(eve);
    const since = hosts.calls.length;
    await comeBack(way(proxy));
    await expect.poll(() => revokedSince(since)).toEqual([expect.stringMatching(/^1\/\/0/)]);
    expect(proxy.log.join('\n')).not.toContain('were not revoked');
  });

  test('the answer counts once all the same: reloading the page asks nobody (RFC 6749 §10.12)', async () => {
    const proxy = await startWith(onlyAda);
    google.signInAs(eve);
    const since = hosts.calls.length;
    const asked = await askConsent(proxy, client);
    const { pathname, search } = await visit(hosts, await approve(asked, 'google'));
    const calls = async () => {
      await asked.browser.get(pathname + search);
      await expect.poll(() => revokedSince(since)).toHaveLength(1);
      return hosts.calls.length;
    };
    const first = await calls();
    expect(await calls()).toBe(first);
  });

  test('chooses another account: the client’s own request again, and its code, verifier and state fit', async () => {
    const proxy = await startWith(onlyAda);
    google.signInAs(eve);
    const { browser, codeVerifier, redirectUri, answer, sent } = await comeBack(way(proxy));
    expect(sent.searchParams.get('prompt')).toBe('consent');

    const again = new URL(linksOf(answer).find((link) => link.startsWith(localUrl)) ?? '');
    expect(again.origin + again.pathname).toBe(`${localUrl}/authorize`);
    const page = await browser.get(again.pathname + again.search);
    const requestId = /name="request_id" value="([^"]+)"/.exec(page.body)?.[1] ?? '';
    const asked = { browser, requestId, codeVerifier, redirectUri, page };
    const providerUrl = await approve(asked, 'google');
    expect(providerUrl.searchParams.get('prompt')).toBe('consent select_account');

    google.signInAs(ada);
    const returned = await visit(hosts, providerUrl);
    const location = locationOf(await browser.get(returned.pathname + returned.search));
    expect(location.searchParams.get('state')).toBe('the state, exactly: ä+&=%20');
    const code = location.searchParams.get('code') ?? '';
    expect((await redeem(proxy, client, { ...asked, code })).statusCode).toBe(200);
  });

  test('a program that is no browser gets the same as JSON (RFC 6749 §4.1.2.1)', async () => {
    const proxy = await startWith(onlyAda);
    google.signInAs(eve);
    const asked = await askConsent(proxy, client);
    const { pathname, search } = await visit(hosts, await approve(asked, 'google'));
    const answer = await proxy.send({
      url: pathname + search,
      headers: {
        accept: 'application/json',
        cookie: [...asked.browser.cookies].map((pair) => pair.join('=')).join('; '),
      },
    });
    expect(errorOf(answer)).toBe('403 access_denied');
  });
});

describe('e-mail addresses and domains (protocol.md 122)', () => {
  test.each([
    [{ ALLOWED_EMAILS: 'ada@example.com' }, 'code', 'access_denied'],
    [{ ALLOWED_EMAIL_DOMAINS: 'example.com' }, 'code', 'access_denied'],
    [{ ALLOWED_EMAIL_DOMAINS: '*.example.com' }, 'access_denied', 'access_denied'],
    [{ ALLOWED_EMAILS: 'ada@example.com', ALLOWED_EMAIL_DOMAINS: 'evil.example' }, 'code', 'code'],
  ])('%j: ada %s, eve %s', async (lists, forAda, forEve) => {
    const proxy = await startWith(lists);
    expect(await outcomeOf(proxy)).toBe(forAda);
    google.signInAs(eve);
    expect(await outcomeOf(proxy)).toBe(forEve);
  });

  test('an address that the provider calls unverified matches nothing', async () => {
    const proxy = await startWith({ ...onlyAda, ALLOWED_EMAIL_DOMAINS: 'example.com' });
    google.signInAs({ ...ada, sub: '3', email_verified: false });
    expect(await outcomeOf(proxy)).toBe('access_denied');
  });

  test('the same address at two providers is two people, each admitted by what their provider verified', async () => {
    const proxy = await startWith(onlyAda);
    const atGoogle = await signInWith(way(proxy));
    const atGitHub = await signInWith(way(proxy, 'github'));
    const users = await Promise.all(
      [atGoogle, atGitHub].map(
        async ({ accessToken }) =>
          (await callMcp(proxy, accessToken)).json<Arrived>().headers['x-forwarded-user'],
      ),
    );
    expect(users).toEqual(['google:1', 'github:583231']);
  });

  test('many at once: each gets their own answer', async () => {
    const proxy = await startWith(onlyAda);
    const asked = await Promise.all(Array.from({ length: 10 }, () => askConsent(proxy, client)));
    const answers: (() => Promise<string>)[] = [];
    for (const [index, one] of asked.entries()) {
      google.signInAs(index % 2 === 0 ? ada : eve);
      const { pathname, search } = await visit(hosts, await approve(one, 'google'));
      answers.push(async () => {
        const answer = await one.browser.get(pathname + search);
        return answerToClient({ answer }).error ?? 'code';
      });
    }
    const outcomes = await Promise.all(answers.map((answer) => answer()));
    expect(outcomes).toEqual(Array.from({ length: 5 }, () => ['code', 'access_denied']).flat());
    const { rows } = await open.db.query(
      sql`select distinct email from grants where client_id = ${client.clientId}`,
    );
    expect(rows).toEqual([{ email: 'ada@example.com' }]);
  });
});

describe('organizations and groups', () => {
  test.each([
    ['acme', 'code'],
    ['octo-org/maintainers', 'code'],
    ['octo-org/readers', 'access_denied'],
    ['maintainers', 'access_denied'],
    ['elsewhere,ACME', 'code'],
  ])('GITHUB_ALLOWED_ORGANIZATIONS=%s: %s (clients.md P14)', async (organizations, outcome) => {
    const proxy = await startWith({ GITHUB_ALLOWED_ORGANIZATIONS: organizations });
    expect(await outcomeOf(proxy, 'github')).toBe(outcome);
    // GitHub's organizations are no list for the people of another provider.
    expect(await outcomeOf(proxy, 'google')).toBe('code');
  });

  test('read:org and the calls are only there with such a list (clients.md P14)', async () => {
    const scopeOf = async (proxy: TestApp) => {
      const since = hosts.calls.length;
      const { sent } = await comeBack(way(proxy, 'github'));
      const paths = hosts.calls.slice(since).map(({ url }) => url.pathname);
      return { scope: sent.searchParams.get('scope'), asksForGroups: paths.includes('/user/orgs') };
    };
    expect(await scopeOf(open)).toEqual({ scope: 'read:user user:email', asksForGroups: false });
    expect(await scopeOf(await startWith({ GITHUB_ALLOWED_ORGANIZATIONS: 'acme' }))).toEqual({
      scope: 'read:user user:email read:org',
      asksForGroups: true,
    });
  });

  test('OAUTH_ALLOWED_GROUPS: the groups claim, exactly; then it is in the signed identity too', async () => {
    const provider = await startMisbehavingProvider();
    const proxy = await startTestApp({
      environment: {
        OAUTH_AUTHORIZE_URL: provider.issuer,
        OAUTH_CLIENT_ID: misbehavingClient.clientId,
        OAUTH_CLIENT_SECRET: misbehavingClient.clientSecret,
        OAUTH_ALLOWED_GROUPS: 'Domain Users, /staff',
        IDENTITY_ASSERTION: 'true',
      },
    });
    onTestFinished(async () => {
      await proxy.close();
      await provider.close();
    });
    const app = await register(proxy);
    const signInWithGroups = async (groups: unknown) => {
      const asked = await askConsent(proxy, app);
      const { searchParams } = await approve(asked);
      const nonce = searchParams.get('nonce') ?? '';
      provider.on('/token', async () => ({
        body: await provider.tokens({ id_token: await provider.idToken({ nonce, groups }) }),
      }));
      const query = new URLSearchParams({ code: 'code', state: searchParams.get('state') ?? '' });
      const answer = await asked.browser.get(`/callback?${query.toString()}`);
      return { asked, answered: answerToClient({ answer }) };
    };
    const assertionAfter = async (groups: unknown) => {
      const { asked, answered } = await signInWithGroups(groups);
      const { accessToken } = tokensOf(await redeem(proxy, app, { ...asked, code: answered.code ?? '' }));
      const { headers } = (await callMcp(proxy, accessToken)).json<Arrived>();
      return decodeJwt(String(headers['x-forwarded-jwt-assertion']));
    };
    for (const groups of [
      undefined,
      [],
      ['domain users'],
      ['/staff/engineering'],
      'staff',
      { '/staff': true },
    ]) {
      expect((await signInWithGroups(groups)).answered).toMatchObject({ error: 'access_denied' });
    }
    expect(await assertionAfter(['/staff', 'b'])).toMatchObject({ groups: ['/staff', 'b'] });
    const many = ['/staff', ...Array.from({ length: 200 }, (_, index) => `a group with number ${index}`)];
    const assertion = await assertionAfter(many);
    expect(assertion).toMatchObject({ groups_omitted: true });
    expect(assertion).not.toHaveProperty('groups');
  });
});

describe('a list that changes', () => {
  test('ends running sessions at their next check, on the instance that has it and on the one that has not yet', async () => {
    const tokens = await signInWith(way(open));
    google.signInAs(eve);
    const ofEve = await signInWith(way(open));
    expect((await callMcp(open, ofEve.accessToken)).statusCode).toBe(200);
    const proxy = await startWith(onlyAda);

    expect((await callMcp(proxy, tokens.accessToken)).statusCode).toBe(200);
    expect(errorOf(await callMcp(proxy, ofEve.accessToken))).toBe('401 invalid_token');
    await expect.poll(async () => (await callMcp(open, ofEve.accessToken)).statusCode).toBe(401);
    expect(errorOf(await refresh(open, client, ofEve.refreshToken))).toBe('400 invalid_grant');
    expect(new Set(await reasonsOf(client))).toEqual(new Set([null, 'not_admitted']));
    expect((await callMcp(open, tokens.accessToken)).statusCode).toBe(200);
    expect(tokensOf(await refresh(proxy, client, tokens.refreshToken)).accessToken).toBeDefined();
    expect(await outcomeOf(proxy)).toBe('access_denied');
  });

  test('at a refresh: invalid_grant, and the access token ends with it (RFC 6749 §5.2)', async () => {
    google.signInAs(eve);
    const tokens = await signInWith(way(open));
    const proxy = await startWith({ GOOGLE_HOSTED_DOMAINS: 'example.com' });

    const answers = await Promise.all(
      Array.from({ length: 10 }, () => refresh(proxy, client, tokens.refreshToken)),
    );
    expect(new Set(answers.map(errorOf))).toEqual(new Set(['400 invalid_grant']));
    expect(await reasonsOf(client)).toEqual(['not_admitted']);
    await expect.poll(async () => (await callMcp(open, tokens.accessToken)).statusCode).toBe(401);
  });

  test('of many calls at once none gets through, and the grant ends once', async () => {
    google.signInAs(eve);
    const { accessToken } = await signInWith(way(open));
    const instances = await Promise.all([startWith(onlyAda), startWith(onlyAda)]);

    const answers = await Promise.all(
      Array.from({ length: 10 }, () => instances.map((proxy) => callMcp(proxy, accessToken))).flat(),
    );
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([401]));
    const ended = instances.flatMap(({ log }) =>
      log.filter((line) => line.includes('"reason":"not_admitted"')),
    );
    expect(ended).toHaveLength(1);
  });

  test('another client’s refresh token ends nothing (RFC 6749 §5.2)', async () => {
    google.signInAs(eve);
    const tokens = await signInWith(way(open));
    const proxy = await startWith(onlyAda);
    await refresh(proxy, await registerStranger(proxy), tokens.refreshToken);
    expect(await reasonsOf(client)).toEqual([null]);
  });

  test('a grant from before there was anything to compare ends with the first list, and lives on without (fail closed)', async () => {
    const { accessToken } = await signInWith(way(open));
    await open.db.query(sql`
      update grants set email_verified = null, organization = null, groups = null where client_id = ${client.clientId}`);
    const unlisted = await startWith({});
    expect((await callMcp(unlisted, accessToken)).statusCode).toBe(200);
    const proxy = await startWith({ GOOGLE_HOSTED_DOMAINS: 'example.com' });
    expect((await callMcp(proxy, accessToken)).statusCode).toBe(401);
    expect(await outcomeOf(proxy)).toBe('code');
  });

  test('introspection says that the token is not active, and ends nothing (RFC 7662 §2.2)', async () => {
    google.signInAs(eve);
    const machine = await registerConfidential();
    const tokens = await signInWith({ ...way(open), client: machine });
    const proxy = await startWith(onlyAda);
    for (const [app, active] of [
      [open, true],
      [proxy, false],
    ] as const) {
      for (const token of [tokens.accessToken, tokens.refreshToken]) {
        const answer = await postForm(app, '/introspect', {
          token,
          client_id: machine.clientId,
          client_secret: machine.clientSecret,
        });
        expect(answer.json<{ active: boolean }>().active).toBe(active);
      }
    }
    expect(await reasonsOf(machine)).toEqual([null]);
  });

  test('machines are not people: no list is about them', async () => {
    const machine = await createMachine(open.db, { scopes: ['openid'] });
    const proxy = await startWith({ ...onlyAda, GITHUB_ALLOWED_ORGANIZATIONS: 'acme' });
    const answer = await postForm(proxy, '/token', {
      grant_type: 'client_credentials',
      client_id: machine.clientId,
      client_secret: machine.clientSecret,
    });
    const { access_token: accessToken } = answer.json<{ access_token: string }>();
    expect((await callMcp(proxy, accessToken)).statusCode).toBe(200);
  });
});

/** A client that can prove who it is, and so may ask about its tokens. */
async function registerConfidential(): Promise<TestClient> {
  return register(open, { token_endpoint_auth_method: 'client_secret_post' });
}

describe('at the start', () => {
  const hintsOf = ({ log }: TestApp) => log.filter((line) => line.includes('anyone with an account there'));

  test('the log names the providers at which anyone can have an account, unless there is a list', async () => {
    const [hint, ...others] = hintsOf(open);
    expect(others).toEqual([]);
    expect(JSON.parse(hint ?? '{}')).toMatchObject({ providers: ['Google', 'GitHub'] });
    expect(hintsOf(await startWith(onlyAda))).toEqual([]);
    const [half] = hintsOf(await startWith({ GITHUB_ALLOWED_ORGANIZATIONS: 'acme' }));
    expect(JSON.parse(half ?? '{}')).toMatchObject({ providers: ['Google'] });
    const listed = { GITHUB_ALLOWED_ORGANIZATIONS: 'acme', GOOGLE_HOSTED_DOMAINS: 'example.com' };
    expect(hintsOf(await startWith(listed))).toEqual([]);
  });
});
