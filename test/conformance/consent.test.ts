/** One client of an identity provider in front of many: consent, and what binds it (MCP security best practices). */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import type { Answer } from '../support/app.ts';
import {
  ada,
  approve,
  askConsent,
  authorize,
  authorizeUrl,
  locationOf,
  redeem,
  register,
  registerStranger,
  type TestClient,
  tokensOf,
} from '../support/authorize.ts';
import { openBrowser } from '../support/browser.ts';
import { createClock } from '../support/clock.ts';
import { textOf } from '../support/html.ts';
import { misbehavingClient, startMisbehavingProvider } from '../support/misbehaving-provider.ts';
import { cancelAt, openBrowser as openProviderBrowser, signInAt } from '../support/sample-provider.ts';
import { openSite, type Outside, publicUrl } from './outside.ts';
import { verifies } from './verifies.ts';

let local: Outside;
/** Its answers go to its vendor, so that an approval may be remembered. */
let vendor: TestClient;
const clock = createClock();
beforeAll(async () => {
  local = await openSite({ clock });
  vendor = await register(local.proxy, {
    client_name: 'Claude',
    redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
  });
});
afterAll(() => local.site.close());

const verifier = 'v'.repeat(43);
const isConsentPage = (answer: Answer): boolean =>
  answer.statusCode === 200 && answer.body.includes('name="request_id"');
const back = ({ search }: URL): string => `/callback${search}`;
const providerWasAsked = (path: string): number =>
  local.site.provider.passed.filter((request) => request.path === path).length;

/** Everything up to the moment before the browser returns. */
async function signedIn(client = vendor) {
  const asked = await askConsent(local.proxy, client, { state: 'of the client' });
  const signInUrl = await approve(asked);
  return { ...asked, signInUrl, returned: back(await signInAt(signInUrl, ada)) };
}

describe('before the provider', () => {
  test(
    'comes our own page, for every client, also in a browser that is signed in at the provider (MCP security best practices, confused deputy)',
    verifies('consent-before-provider'),
    async () => {
      const providerBrowser = openProviderBrowser();
      const first = await askConsent(local.proxy, vendor);
      await signInAt(await approve(first), ada, providerBrowser);
      const before = providerWasAsked('/auth') + providerWasAsked('/authorize');
      const evil = await register(local.proxy, {
        client_name: 'Claude',
        redirect_uris: ['https://evil.example/callback'],
      });
      for (const prompt of [undefined, 'none', 'login']) {
        for (const client of [evil, vendor]) {
          const answer = await openBrowser(local.proxy).get(authorizeUrl(client, verifier, { prompt }));
          expect(isConsentPage(answer)).toBe(true);
          expect(answer.headers).not.toHaveProperty('location');
        }
      }
      expect(providerWasAsked('/auth') + providerWasAsked('/authorize')).toBe(before);
    },
  );

  test(
    'the page names client, scopes, resource and the address that gets the answer (MCP security best practices, consent UI)',
    verifies('consent-page'),
    async () => {
      const client = await register(local.proxy, {
        client_name: 'Tomato editor',
        redirect_uris: ['http://127.0.0.1/callback'],
      });
      const asked = await askConsent(local.proxy, client, {
        redirect_uri: 'http://127.0.0.1:33418/callback',
        scope: 'openid email',
      });
      const text = textOf(asked.page);

      expect(text).toContain('Tomato editor');
      expect(text).toContain('127.0.0.1:33418');
      expect(text).toMatch(/e-?mail/i);
      expect(text).toContain(new URL(local.issuer).host);
      expect(text).toMatch(/your computer|this computer|this device|your device/i);
    },
  );

  test(
    'an approval counts for its client, redirect URI and scopes, in its browser, and for nothing else (MCP security best practices, per-client consent)',
    verifies('consent-per-client'),
    async () => {
      const claude = {
        redirect_uris: [
          'https://claude.ai/api/mcp/auth_callback',
          'https://claude.com/api/mcp/auth_callback',
        ],
      };
      const client = await register(local.proxy, { ...claude, client_name: 'One' });
      const twin = await register(local.proxy, { ...claude, client_name: 'Two' });
      const { browser } = await authorize(local.proxy, client, { scope: 'email' });
      const ask = async (of: TestClient, changed = {}, from = browser) =>
        from.get(authorizeUrl(of, verifier, { scope: 'email', ...changed }));
      const same = await ask(client);

      expect(same.statusCode).toBe(303);
      expect(locationOf(same).origin).toBe(local.site.provider.origin);
      expect(isConsentPage(await ask(twin))).toBe(true);
      expect(isConsentPage(await ask(client, { redirect_uri: claude.redirect_uris[1] }))).toBe(true);
      expect(isConsentPage(await ask(client, { scope: 'email profile' }))).toBe(true);
      expect(isConsentPage(await ask(client, {}, openBrowser(local.proxy)))).toBe(true);
    },
  );

  test(
    'every cookie is __Host-, Secure, HttpOnly, SameSite=Lax, and worth nothing without the record here (MCP security best practices, consent cookies)',
    verifies('consent-cookies'),
    async () => {
      const named = await openSite({ isPublic: true });
      const client = await register(named.proxy);
      const asked = await askConsent(named.proxy, client);
      const approved = await asked.browser.submit('/consent', {
        request_id: asked.requestId,
        decision: 'approve',
      });
      const returned = await signInAt(locationOf(approved), ada);
      const done = await asked.browser.get(back(returned));
      const set = [asked.page, approved, done].flatMap(({ headers }) => [headers['set-cookie'] ?? []].flat());
      const invented = openBrowser(named.proxy);
      for (const [name] of asked.browser.cookies) invented.cookies.set(name, 'A'.repeat(43));
      const unknown = await invented.submit('/consent', { request_id: asked.requestId, decision: 'approve' });
      await named.site.close();

      expect(set.length).toBeGreaterThan(2);
      for (const cookie of set) {
        expect(cookie).toMatch(/^__Host-[\w-]+=/);
        for (const attribute of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/']) {
          expect(cookie.split('; ')).toContain(attribute);
        }
        expect(cookie).not.toMatch(/; *Domain=/i);
      }
      expect(unknown.statusCode).toBe(403);
      expect(publicUrl).toMatch(/^https:/);
    },
  );
});

describe('the form', () => {
  const submit = async (
    asked: Awaited<ReturnType<typeof askConsent>>,
    headers = {},
    form = {},
  ): Promise<Answer> =>
    asked.browser.submit('/consent', { request_id: asked.requestId, decision: 'approve', ...form }, headers);

  test.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': undefined, origin: 'https://evil.example' },
    { 'sec-fetch-site': undefined, origin: 'http://127.0.0.1:1' },
    { 'sec-fetch-site': 'cross-site', origin: 'null' },
  ])(
    'from another site is 403: %j (MCP security best practices, CSRF protection)',
    verifies('consent-csrf'),
    async (headers) => {
      const asked = await askConsent(local.proxy, vendor);
      const answer = await submit(asked, headers);

      expect(answer.statusCode).toBe(403);
      expect(answer.headers).not.toHaveProperty('location');
      expect((await submit(asked)).statusCode).toBe(303);
    },
  );

  test(
    'without the page’s token, with another’s, or in a browser without the page’s cookie is refused; two tabs both work (MCP security best practices, CSRF protection)',
    verifies('consent-csrf'),
    async () => {
      const first = await askConsent(local.proxy, vendor);
      const second = await askConsent(local.proxy, await registerStranger(local.proxy), {}, first.browser);
      const other = await askConsent(local.proxy, vendor);
      const statuses = [
        await submit(first, {}, { request_id: undefined }),
        await submit(first, {}, { request_id: '' }),
        await submit(first, {}, { request_id: 'x'.repeat(43) }),
        await submit(first, {}, { request_id: other.requestId }),
        await submit(first, {}, { decision: 'maybe' }),
        await submit(first, {}, { decision: ['approve', 'deny'] }),
        await submit({ ...first, browser: openBrowser(local.proxy) }),
      ].map(({ statusCode }) => statusCode);

      for (const status of statuses) expect([400, 403]).toContain(status);
      expect([(await submit(second)).statusCode, (await submit(first)).statusCode]).toEqual([303, 303]);
    },
  );

  test(
    'sent again after the sign-in is refused; a second click before gets the same answer (docs/divergences.md)',
    verifies('consent-form-once'),
    async () => {
      const asked = await askConsent(local.proxy, vendor);
      const cookies = new Map(asked.browser.cookies);
      const [first, second] = await Promise.all([submit(asked), submit(asked)]);
      const returned = await signInAt(locationOf(first), ada);
      await asked.browser.get(back(returned));
      for (const [name, value] of cookies) asked.browser.cookies.set(name, value);
      const later = await submit(asked);

      expect(first.headers.location).toBe(second.headers.location);
      expect(later.statusCode).toBe(403);
      expect(later.headers).not.toHaveProperty('location');
    },
  );

  test(
    'that says no sends access_denied with state and issuer to the client, and nobody to the provider (RFC 6749 §4.1.2.1, RFC 9207 §2)',
    verifies('consent-denied', 'authorize-response-iss'),
    async () => {
      const before = local.site.provider.passed.length;
      const asked = await askConsent(local.proxy, vendor, { state: 'of the client' });
      const answer = await submit(asked, {}, { decision: 'deny' });
      const again = await asked.browser.get(authorizeUrl(vendor, verifier));

      expect(locationOf(answer).href.startsWith(`${vendor.redirectUri}?`)).toBe(true);
      expect(Object.fromEntries(locationOf(answer).searchParams)).toMatchObject({
        error: 'access_denied',
        state: 'of the client',
        iss: local.issuer,
      });
      expect(local.site.provider.passed).toHaveLength(before);
      expect(isConsentPage(again)).toBe(true);
    },
  );
});

describe('on the way to the provider', () => {
  test(
    'the state is random, known to no page before the approval, and over after ten minutes (MCP security best practices, state)',
    verifies('upstream-state'),
    async () => {
      const [one, two] = [await signedIn(), await signedIn()];
      const state = one.signInUrl.searchParams.get('state') ?? '';
      clock.advance({ minutes: 10, seconds: 1 });
      const late = await one.browser.get(one.returned);

      expect(state).toMatch(/^[\w-]{43}$/);
      expect(two.signInUrl.searchParams.get('state')).not.toBe(state);
      expect(one.page.body).not.toContain(state);
      expect(JSON.stringify(one.page.headers)).not.toMatch(/signin/);
      expect([late.statusCode, late.headers.location]).toEqual([403, undefined]);
    },
  );

  test(
    'the sign-in’s cookie is set with the approval, not with the page: a link alone prepares nothing (MCP security best practices, state)',
    verifies('upstream-state'),
    async () => {
      const asked = await askConsent(local.proxy, vendor);
      const onPage = [...asked.browser.cookies.keys()];
      await approve(asked);
      const afterApproval = [...asked.browser.cookies.keys()];

      expect(onPage.filter((name) => name.includes('signin'))).toEqual([]);
      expect(afterApproval.filter((name) => name.includes('signin'))).toHaveLength(1);
    },
  );

  test(
    'an answer counts in the browser that approved alone: whoever sends the provider’s link to a victim gets nothing (GHSA-rww4-4w9c-7733)',
    verifies('callback-bound-to-browser'),
    async () => {
      const tokenRequests = () => providerWasAsked('/token');
      const attacker = await signedIn();
      const before = tokenRequests();
      const victim = await signedIn();
      const inFreshBrowser = await openBrowser(local.proxy).get(attacker.returned);
      const inVictims = await victim.browser.get(attacker.returned);

      for (const answer of [inFreshBrowser, inVictims]) {
        expect(answer.statusCode).toBe(403);
        expect(answer.headers).not.toHaveProperty('location');
      }
      expect(tokenRequests()).toBe(before);
      expect(locationOf(await victim.browser.get(victim.returned)).searchParams.has('code')).toBe(true);
    },
  );

  test(
    'and once: missing, wrong, repeated and used states are refused, also many at a time (MCP security best practices, state)',
    verifies('callback-bound-to-browser'),
    async () => {
      const { browser, returned } = await signedIn();
      const query = new URLSearchParams(returned.slice(returned.indexOf('?')));
      const state = query.get('state') ?? '';
      const wrong = [
        '/callback',
        '/callback?code=x',
        '/callback?code=x&state=',
        `/callback?code=x&state=${state.slice(0, -1)}`,
        `/callback?code=x&state=${state}&state=${state}`,
        `/callback?code=x&state=${'A'.repeat(43)}`,
      ];
      for (const url of wrong) {
        const answer = await browser.get(url);
        expect([400, 403]).toContain(answer.statusCode);
        expect(answer.headers).not.toHaveProperty('location');
      }
      const answers = await Promise.all(Array.from({ length: 8 }, async () => browser.get(returned)));
      const codes = answers.filter(({ headers }) => String(headers.location).includes('code='));

      expect(codes).toHaveLength(1);
      expect((await browser.get(returned)).statusCode).toBe(403);
    },
  );

  test(
    'a redirect URI that the client no longer has gets no code (MCP security best practices, redirect URI validation)',
    verifies('redirect-uri-changed'),
    async () => {
      const client = await registerStranger(local.proxy);
      const { browser, returned } = await signedIn(client);
      await local.site.database.db.query(
        sql`update clients set redirect_uris = ${['https://client.example/new']} where client_id = ${client.clientId}`,
      );
      const answer = await browser.get(returned);

      expect(answer.statusCode).toBe(403);
      expect(answer.headers).not.toHaveProperty('location');
    },
  );

  test(
    'a sign-in that was cancelled there is access_denied for the client, with its state and our issuer (RFC 6749 §4.1.2.1)',
    verifies('provider-errors', 'authorize-response-iss'),
    async () => {
      const asked = await askConsent(local.proxy, vendor, { state: 'of the client' });
      const location = locationOf(await asked.browser.get(back(await cancelAt(await approve(asked)))));

      expect(Object.fromEntries(location.searchParams)).toMatchObject({
        error: 'access_denied',
        state: 'of the client',
        iss: local.issuer,
      });
    },
  );
});

describe('as the provider’s client', () => {
  let provider: Awaited<ReturnType<typeof startMisbehavingProvider>>;
  let at: Outside;
  let client: TestClient;
  beforeAll(async () => {
    provider = await startMisbehavingProvider();
    at = await openSite({ environment: environment() });
    client = await register(at.proxy);
  });
  afterAll(async () => {
    await at.site.close();
    await provider.close();
  });

  const environment = () => ({
    OAUTH_AUTHORIZE_URL: provider.issuer,
    OAUTH_CLIENT_ID: misbehavingClient.clientId,
    OAUTH_CLIENT_SECRET: misbehavingClient.clientSecret,
  });

  type Claims = Readonly<Record<string, unknown>>;
  interface Sent {
    readonly claims?: Claims;
    readonly query?: Readonly<Record<string, string>>;
    readonly token?: (
      idToken: string,
    ) => Parameters<typeof provider.on>[1] extends (call: never) => infer R ? R : never;
  }

  /** The person comes back from the provider, which says what `sent` says, and is right in everything else. */
  async function comeBack({ claims = {}, query = {}, token }: Sent = {}, to = { ...at, client }) {
    const asked = await askConsent(to.proxy, to.client, { state: 'of the client' });
    const url = await approve(asked);
    const { nonce = '', state = '' } = Object.fromEntries(url.searchParams);
    provider.on('/userinfo', () => ({ body: { sub: claims.sub ?? 'person-1' } }));
    provider.on('/token', async (call) => {
      if (call.form.get('code') === 'silence') return { hangs: true };
      const idToken = await provider.idToken({ nonce, ...claims });
      return (await token?.(idToken)) ?? { body: await provider.tokens({ id_token: idToken }) };
    });
    const answered = new URLSearchParams({ code: 'provider-code', state, iss: provider.issuer, ...query });
    return { asked, url, answer: await asked.browser.get(`/callback?${answered.toString()}`) };
  }

  test(
    'we ask for a code with PKCE S256, state and nonce, at one redirect URI, and say the verifier and who we are (RFC 9700 §2.1.1, OpenID Connect Core §3.1.2.1)',
    verifies('provider-client'),
    async () => {
      const { url, answer } = await comeBack();
      const [exchange] = provider.callsTo('/token').slice(-1);

      expect(Object.fromEntries(url.searchParams)).toMatchObject({
        response_type: 'code',
        client_id: misbehavingClient.clientId,
        redirect_uri: `${at.issuer}/callback`,
        code_challenge_method: 'S256',
        code_challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
        nonce: expect.stringMatching(/^[\w-]{22,}$/) as string,
      });
      expect(url.searchParams.get('response_mode') ?? 'query').toBe('query');
      expect(exchange?.form.get('code_verifier')).toMatch(/^[\w-]{43,}$/);
      expect(exchange?.headers.authorization ?? exchange?.form.get('client_secret')).toBeTruthy();
      expect(locationOf(answer).searchParams.get('code')).toBeTruthy();
    },
  );

  const seconds = Math.floor(Date.now() / 1000);
  const unsigned = (idToken: string): string => {
    const header = Buffer.from('{"alg":"none"}').toString('base64url');
    return `${header}.${idToken.split('.')[1]}.`;
  };
  test.each<readonly [string, Sent]>([
    ['an answer from another issuer (RFC 9207 §2.4)', { query: { iss: 'https://evil.example' } }],
    ['an ID token of another issuer', { claims: { iss: 'https://evil.example' } }],
    ['an ID token for another client', { claims: { aud: 'someone-else' } }],
    ['an ID token for several, authorized by another', { claims: { aud: ['proxy', 'x'], azp: 'x' } }],
    ['an ID token of another sign-in', { claims: { nonce: 'another-nonce' } }],
    ['an ID token without nonce', { claims: { nonce: undefined } }],
    ['an ID token that has expired', { claims: { exp: seconds - 120, iat: seconds - 600 } }],
    ['an ID token without a subject', { claims: { sub: undefined } }],
    [
      'an ID token without a signature',
      { token: async (t) => ({ body: await provider.tokens({ id_token: unsigned(t) }) }) },
    ],
    [
      'an ID token with a changed signature',
      { token: async (t) => ({ body: await provider.tokens({ id_token: `${t.slice(0, -6)}AAAAAA` }) }) },
    ],
    ['no ID token', { token: async () => ({ body: await provider.tokens({ id_token: undefined }) }) }],
    ['no JSON', { token: () => ({ body: '<html>', headers: { 'content-type': 'text/html' } }) }],
    ['500', { token: () => ({ status: 500, body: 'oops' }) }],
    ['more than a megabyte', { token: () => ({ body: `{"access_token":"${'x'.repeat(2_000_000)}"}` }) }],
  ])(
    'we take no person from %s (OpenID Connect Core §3.1.3.7)',
    verifies('provider-client', 'provider-bounds'),
    async (_name, sent) => {
      const { answer } = await comeBack(sent);
      const location = answer.headers.location ?? '';

      expect(answer.statusCode).not.toBe(200);
      expect(location).not.toContain('code=');
      if (location !== '') {
        const parameters = new URL(location).searchParams;
        expect(parameters.get('error')).toMatch(/^[a-z_]+$/);
        expect([parameters.get('state'), parameters.get('iss')]).toEqual(['of the client', at.issuer]);
      }
    },
  );

  test(
    'an error of the provider becomes one for the client, in our words (RFC 6749 §4.1.2.1)',
    verifies('provider-errors'),
    async () => {
      for (const [error, expected] of [
        ['access_denied', 'access_denied'],
        ['login_required', 'login_required'],
        ['unauthorized_client', 'server_error'],
        ['<script>', 'server_error'],
      ] as const) {
        const asked = await askConsent(at.proxy, client, { state: 'of the client' });
        const { state = '' } = Object.fromEntries((await approve(asked)).searchParams);
        const query = new URLSearchParams({
          error,
          error_description: 'evil words',
          state,
          iss: provider.issuer,
        });
        const location = locationOf(await asked.browser.get(`/callback?${query.toString()}`));
        expect(Object.fromEntries(location.searchParams)).toMatchObject({
          error: expected,
          state: 'of the client',
          iss: at.issuer,
        });
        expect(location.href).not.toContain('evil');
      }
    },
  );

  test(
    'a person is the provider’s subject: the same e-mail is nobody else, another e-mail the same person (OpenID Connect Core §5.7)',
    verifies('account-identity'),
    async () => {
      const subjects = [];
      for (const claims of [
        { sub: 'person-1', email: 'ada@example.com' },
        { sub: 'person-2', email: 'ada@example.com' },
        { sub: 'person-1', email: 'ada@new.example' },
      ]) {
        const { asked, answer } = await comeBack({ claims });
        const code = locationOf(answer).searchParams.get('code') ?? '';
        const { accessToken } = tokensOf(await redeem(at.proxy, client, { ...asked, code }));
        subjects.push(decodeJwt(accessToken).sub);
      }

      expect(subjects[0]).toBe(subjects[2]);
      expect(subjects[0]).not.toBe(subjects[1]);
    },
  );

  test(
    'nor do we wait for ever for one that says nothing: the person may come back later (RFC 9110 §15.6.4)',
    verifies('provider-bounds'),
    async () => {
      const impatient = await openSite({ environment: environment(), providerTimeoutMs: 1000 });
      onTestFinished(() => impatient.site.close());
      const to = { ...impatient, client: await register(impatient.proxy) };
      const { answer } = await comeBack({ query: { code: 'silence' } }, to);

      expect(answer.statusCode).toBe(503);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    },
  );

  test(
    'its tokens open nothing here: neither its access token nor its ID token (MCP security best practices, token passthrough)',
    verifies('no-token-passthrough'),
    async () => {
      const idToken = await provider.idToken({ aud: `${at.issuer}/mcp`, client_id: client.clientId });
      for (const token of ['upstream-access-token', 'upstream-refresh-token', idToken]) {
        const answer = await at.ask('/mcp', {
          method: 'POST',
          headers: { authorization: `Bearer ${token}` },
        });
        expect([answer.statusCode, answer.json()]).toMatchObject([401, { error: 'invalid_token' }]);
      }
    },
  );
});
