/** The authorization endpoint (OAuth 2.1 §3.1, §4.1) and the pages behind it. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../support/app.ts';
import {
  approve,
  askConsent,
  authorize,
  authorizeUrl,
  callMcp,
  locationOf,
  redeem,
  register,
  registerStranger,
  registerByOperator,
  type TestClient,
  tokensOf,
} from '../support/authorize.ts';
import { openBrowser, type Parameters } from '../support/browser.ts';
import { createClock } from '../support/clock.ts';
import { openSite, type Outside } from './outside.ts';
import { verifies } from './verifies.ts';

let local: Outside;
let web: TestClient;
const clock = createClock();
beforeAll(async () => {
  local = await openSite({ clock });
  web = await register(local.proxy);
});
afterAll(() => local.site.close());

const verifier = 'v'.repeat(43);
/** What the person’s browser gets for a request of the client; nothing is followed. */
const visit = async (client: TestClient, changed: Parameters = {}): Promise<Answer> =>
  openBrowser(local.proxy).get(authorizeUrl(client, verifier, changed));
/** The same as a program would see it. */
const probe = async (client: TestClient, changed: Parameters = {}): Promise<Answer> =>
  local.ask(authorizeUrl(client, verifier, changed));
const asksForConsent = (answer: Answer): boolean =>
  answer.statusCode === 200 && answer.body.includes('name="request_id"');
const byOperator = async (metadata: Readonly<Record<string, unknown>> = {}): Promise<TestClient> =>
  registerByOperator({ ...local.proxy, db: local.site.database.db, clock }, metadata);

describe('parameters', () => {
  test(
    'GET and POST with a form are the same request (RFC 6749 §3.1)',
    verifies('authorize-parameters'),
    async () => {
      const url = authorizeUrl(web, verifier);
      const posted = await local.ask('/authorize', {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' },
        body: url.slice(url.indexOf('?') + 1),
      });

      expect(asksForConsent(await visit(web))).toBe(true);
      expect(asksForConsent(posted)).toBe(true);
    },
  );

  test(
    'unknown ones are ignored, empty ones count as absent (RFC 6749 §3.1)',
    verifies('authorize-parameters'),
    async () => {
      const ignored = { nonce: 'n', audience: 'x', display: 'popup', max_age: '1', foo: ['a', 'b'] };
      const empty = { scope: '', resource: '', state: '', prompt: '' };

      expect(asksForConsent(await visit(web, ignored))).toBe(true);
      expect(asksForConsent(await visit(web, empty))).toBe(true);
      expect(asksForConsent(await visit(web, { code_challenge: '' }))).toBe(false);
    },
  );

  test.each(['response_type', 'state', 'scope', 'code_challenge', 'code_challenge_method'])(
    'a repeated %s is invalid_request (RFC 6749 §3.1)',
    verifies('authorize-repeated-parameter'),
    async (name) => {
      const once = new URLSearchParams(authorizeUrl(web, verifier, { scope: 'openid' })).get(name);
      const answer = await probe(web, { scope: 'openid', [name]: [once ?? 'x', once ?? 'x'] });

      expect([answer.statusCode, answer.json()]).toMatchObject([400, { error: 'invalid_request' }]);
      expect(answer.headers).not.toHaveProperty('location');
    },
  );

  test.each(['client_id', 'redirect_uri'])(
    'a repeated %s is a page and no redirect (OAuth 2.1 §4.1.2.1)',
    verifies('authorize-repeated-parameter'),
    async (name) => {
      for (const client of [web, await byOperator()]) {
        const value = name === 'client_id' ? client.clientId : client.redirectUri;
        const answer = await visit(client, { [name]: [value, value] });
        expect(answer.statusCode).toBe(400);
        expect(answer.headers['content-type']).toMatch(/^text\/html/);
        expect(answer.headers).not.toHaveProperty('location');
      }
    },
  );

  test(
    'a repeated resource is allowed where all mean the same (RFC 8707 §2)',
    verifies('authorize-repeated-parameter'),
    async () => {
      const resource = `${local.issuer}/mcp`;

      expect(asksForConsent(await visit(web, { resource: [resource, `${resource}/`] }))).toBe(true);
      expect((await probe(web, { resource: [resource, 'https://x.example'] })).json()).toMatchObject({
        error: 'invalid_target',
      });
    },
  );

  test.each(['token', 'id_token', 'code token', 'code id_token', 'none', 'CODE'])(
    'response_type %s is unsupported_response_type, and never answered (RFC 6749 §4.1.2.1)',
    verifies('response-type-code'),
    async (type) => {
      const answer = await probe(web, { response_type: type });

      expect([answer.statusCode, answer.json()]).toMatchObject([400, { error: 'unsupported_response_type' }]);
      expect(answer.headers).not.toHaveProperty('location');
    },
  );

  test.each<readonly [string, Parameters]>([
    ['no challenge', { code_challenge: undefined, code_challenge_method: undefined }],
    ['no challenge but a method', { code_challenge: undefined }],
    ['plain', { code_challenge_method: 'plain', code_challenge: verifier }],
    ['no method, which means plain (RFC 7636 §4.3)', { code_challenge_method: undefined }],
    ['an unknown method', { code_challenge_method: 'S512' }],
    ['s256 in lower case', { code_challenge_method: 's256' }],
    ['a challenge of 42 characters', { code_challenge: 'a'.repeat(42) }],
    ['a challenge of 44 characters', { code_challenge: 'a'.repeat(44) }],
    ['a challenge with padding', { code_challenge: `${'a'.repeat(42)}=` }],
    ['a challenge of base64', { code_challenge: `${'a'.repeat(41)}+/` }],
  ])(
    '%s is invalid_request, for public and confidential clients (OAuth 2.1 §4.1.1, RFC 7636 §4.4.1)',
    verifies('pkce-required'),
    async (_name, changed) => {
      const confidential = await register(local.proxy, { token_endpoint_auth_method: 'client_secret_basic' });
      for (const client of [web, confidential]) {
        const answer = await probe(client, changed);
        expect([answer.statusCode, answer.json()]).toMatchObject([400, { error: 'invalid_request' }]);
        expect(answer.headers).not.toHaveProperty('location');
      }
    },
  );
});

describe('client and redirect URI', () => {
  test.each<readonly [string, Parameters]>([
    ['no client_id', { client_id: undefined }],
    ['an unknown client_id', { client_id: 'nobody' }],
    ['a client_id with odd characters', { client_id: '<script>\u0000' }],
    ['an unregistered redirect_uri', { redirect_uri: 'https://evil.example/callback' }],
    ['a redirect_uri that is none', { redirect_uri: 'javascript:alert(1)' }],
  ])(
    '%s gives a page for people, JSON for programs, and no redirect (OAuth 2.1 §4.1.2.1)',
    verifies('authorize-bad-client-or-redirect'),
    async (_name, changed) => {
      const [page, json] = [await visit(web, changed), await probe(web, changed)];

      expect([page.statusCode, json.statusCode]).toEqual([400, 400]);
      expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(json.json()).toMatchObject({ error: expect.any(String) as string });
      for (const { headers } of [page, json]) expect(headers).not.toHaveProperty('location');
      expect(page.body).not.toMatch(/<script|http-equiv="refresh"/i);
      if ('redirect_uri' in changed) expect(page.body).toContain('redirect_uri');
    },
  );

  const registered = 'https://client.example/callback?keep=1';
  test.each([
    'https://client.example/callback',
    `${registered}&x=1`,
    `${registered}/`,
    `${registered}#fragment`,
    `${registered} `,
    'https://client.example/callback/?keep=1',
    'https://client.example/Callback?keep=1',
    'https://CLIENT.example/callback?keep=1',
    'HTTPS://client.example/callback?keep=1',
    'http://client.example/callback?keep=1',
    'https://client.example:443/callback?keep=1',
    'https://client.example:8443/callback?keep=1',
    'https://client.example//callback?keep=1',
    'https://client.example/x/../callback?keep=1',
    'https://client.example/%63allback?keep=1',
    'https://client.example/callback%3Fkeep=1',
    'https://client.example.evil.example/callback?keep=1',
    'https://client.example@evil.example/callback?keep=1',
    'https://evil.example\\@client.example/callback?keep=1',
    'https://user@client.example/callback?keep=1',
    '//client.example/callback?keep=1',
    '/callback?keep=1',
  ])('%s is not the registered URI (RFC 9700 §2.1)', verifies('redirect-uri-exact'), async (redirectUri) => {
    const client = await register(local.proxy, { redirect_uris: [registered] });
    const answer = await probe(client, { redirect_uri: redirectUri });

    expect(answer.statusCode).toBe(400);
    expect(answer.headers).not.toHaveProperty('location');
    expect(asksForConsent(await visit(client, { redirect_uri: registered }))).toBe(true);
  });

  test.each([
    ['http://127.0.0.1/callback', 'http://127.0.0.1:33418/callback'],
    ['http://127.0.0.1:1234/callback', 'http://127.0.0.1:4321/callback'],
    ['http://127.0.0.1:1234/callback', 'http://127.0.0.1/callback'],
    ['http://[::1]/callback', 'http://[::1]:5000/callback'],
    ['http://localhost/callback', 'http://localhost:3118/callback'],
    ['http://localhost:8080/callback', 'http://127.0.0.1:9090/callback'],
    ['http://127.0.0.1/callback?a=b', 'http://127.0.0.1:1/callback?a=b'],
  ])(
    '%s is also reached as %s: a native app takes a free port (OAuth 2.1 §8.4.2, docs/divergences.md)',
    verifies('redirect-uri-loopback'),
    async (registered, asked) => {
      const client = await register(local.proxy, { redirect_uris: [registered] });
      const { location } = await authorize(local.proxy, client, { redirect_uri: asked });

      expect(location.origin + location.pathname).toBe(new URL(asked).origin + new URL(asked).pathname);
    },
  );

  test.each([
    'http://127.0.0.1:1/other',
    'http://127.0.0.1:1/callback/',
    'http://127.0.0.1:1/callback?a=b',
    'http://127.0.0.1:1/Callback',
    'https://127.0.0.1:1/callback',
    'http://127.0.0.1.evil.example/callback',
    'http://localhost.evil.example/callback',
    'http://127.0.0.1@evil.example/callback',
    'http://127.0.0.1:80@evil.example/callback',
    'http://127.0.0.1:1#@evil.example/callback',
    'http://127.0.0.1:99999/callback',
    'http://127.0.0.2:1/callback',
    'http://0.0.0.0:1/callback',
    'http://2130706433/callback',
    'http://0x7f.1/callback',
    'http://[::ffff:127.0.0.1]:1/callback',
  ])(
    'a client on loopback does not reach %s (OAuth 2.1 §8.4.2)',
    verifies('redirect-uri-loopback', 'redirect-uri-exact'),
    async (asked) => {
      const client = await register(local.proxy, { redirect_uris: ['http://127.0.0.1/callback'] });
      const answer = await probe(client, { redirect_uri: asked });

      expect(answer.statusCode).toBe(400);
      expect(answer.headers).not.toHaveProperty('location');
    },
  );

  test(
    'may be left out where one is registered, and not where there are several (OAuth 2.1 §2.3.2)',
    verifies('redirect-uri-omitted'),
    async () => {
      const two = await register(local.proxy, {
        redirect_uris: ['https://a.example/callback', 'https://b.example/callback'],
      });
      const { location } = await authorize(local.proxy, web, { redirect_uri: undefined });

      expect(location.href.startsWith(`${web.redirectUri}?`)).toBe(true);
      expect((await probe(two, { redirect_uri: undefined })).statusCode).toBe(400);
    },
  );

  test.each([
    'http://evil.example/callback',
    'http://10.0.0.1/callback',
    'https://client.example/callback#fragment',
    'https://user:pass@client.example/callback',
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'vbscript:x',
    'blob:https://client.example/x',
    'about:blank',
    '/callback',
    'client.example/callback',
    '',
  ])(
    'the redirect URI “%s” cannot be registered (MCP authorization, "Communication Security")',
    verifies('redirect-uri-schemes'),
    async (uri) => {
      const answer = await local.ask('/register', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: [uri] }),
      });

      expect([answer.statusCode, answer.json()]).toMatchObject([400, { error: 'invalid_redirect_uri' }]);
    },
  );

  test.each([
    'https://client.example/callback',
    'http://localhost:1/callback',
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'com.example.app:/callback',
  ])(
    'the redirect URI %s can (RFC 8252 §7.1, docs/divergences.md)',
    verifies('redirect-uri-schemes'),
    async (uri) => {
      const client = await register(local.proxy, { redirect_uris: [uri] });
      const { location } = await authorize(local.proxy, client);

      expect(location.href.startsWith(`${uri}?code=`)).toBe(true);
    },
  );
});

describe('resource and scope', () => {
  test.each(['https://other.example/mcp', 'http://127.0.0.1:1/mcp', '/mcp', 'mcp', 'urn:x', 'https://*'])(
    'the resource %s is invalid_target (RFC 8707 §2)',
    verifies('resource-at-authorize'),
    async (resource) => {
      const answer = await probe(web, { resource });

      expect([answer.statusCode, answer.json()]).toMatchObject([400, { error: 'invalid_target' }]);
    },
  );

  test(
    'a fragment, credentials, a query or another path make it another resource (RFC 8707 §2)',
    verifies('resource-at-authorize'),
    async () => {
      const url = new URL(`${local.issuer}/mcp`);
      const others = [
        `${url.href}#x`,
        `${url.href}#`,
        `${url.href}?x=1`,
        `${url.href}/x`,
        `${url.origin}/other`,
        url.href.replace('://', '://user@'),
        url.href.replace('http', 'https'),
      ];
      for (const resource of others) {
        expect([resource, (await probe(web, { resource })).json()]).toMatchObject([
          resource,
          { error: 'invalid_target' },
        ]);
      }
    },
  );

  test(
    'without one the token is for the MCP server, as clients of 2025-03-26 need it (RFC 8707 §2)',
    verifies('resource-at-authorize'),
    async () => {
      const { accessToken } = tokensOf(await redeem(local.proxy, web, await authorize(local.proxy, web)));

      expect(decodeJwt(accessToken).aud).toBe(`${local.issuer}/mcp`);
    },
  );

  test(
    'upper case, the default port, a slash at the end and the bare origin mean the same resource (MCP authorization, "Canonical Server URI")',
    verifies('resource-canonical'),
    async () => {
      const named = await openSite({ isPublic: true });
      const client = await register(named.proxy);
      const audiences = [];
      for (const resource of [
        'https://mcp.example.com/mcp',
        'HTTPS://MCP.Example.COM/mcp',
        'https://mcp.example.com:443/mcp',
        'https://mcp.example.com/mcp/',
        'https://mcp.example.com',
        'https://mcp.example.com/',
      ]) {
        const authorization = await authorize(named.proxy, client, { resource });
        const { accessToken } = tokensOf(await redeem(named.proxy, client, authorization, { resource }));
        audiences.push(decodeJwt(accessToken).aud);
      }
      await named.site.close();

      expect(new Set(audiences)).toEqual(new Set(['https://mcp.example.com/mcp']));
    },
  );

  test.each([
    ['openid nonsense offline_access', 'openid offline_access'],
    ['nonsense', 'openid profile email'],
    [undefined, 'openid profile email'],
    ['email', 'email'],
  ])(
    'asked for %j, the answer says that %j was granted (RFC 6749 §3.3, docs/divergences.md)',
    verifies('scope-unknown'),
    async (scope, granted) => {
      const answer = await redeem(local.proxy, web, await authorize(local.proxy, web, { scope }));

      expect(answer.json()).toMatchObject({ scope: granted });
      expect(decodeJwt(tokensOf(answer).accessToken).scope).toBe(granted);
    },
  );

  test(
    'a scope with a character that none can have is invalid_scope (RFC 6749 §3.3)',
    verifies('scope-unknown'),
    async () => {
      expect((await probe(web, { scope: 'openid "evil"' })).json()).toMatchObject({ error: 'invalid_scope' });
    },
  );
});

describe('the answer', () => {
  test(
    'has code, exact state and issuer, each once, behind the query of the redirect URI (OAuth 2.1 §4.1.2, RFC 9207 §2)',
    verifies('authorize-response', 'authorize-response-iss'),
    async () => {
      const uri = 'https://client.example/cb?tenant=%C3%A4&x=1';
      const client = await register(local.proxy, { redirect_uris: [uri] });
      const states = ['plain', 'ä ö+%20&=#?', '{"a":"b"}', 'x'.repeat(2000)];
      for (const state of states) {
        const { location } = await authorize(local.proxy, client, { state });
        expect(location.href.startsWith(`${uri}&`)).toBe(true);
        expect([...location.searchParams.keys()].toSorted()).toEqual(['code', 'iss', 'state', 'tenant', 'x']);
        expect(location.searchParams.get('state')).toBe(state);
        expect(location.searchParams.get('iss')).toBe(local.issuer);
        expect(location.hash).toBe('');
      }
      const { location } = await authorize(local.proxy, client, { state: undefined });
      expect(location.searchParams.has('state')).toBe(false);
    },
  );

  test(
    'has the issuer in every error that is sent, too (RFC 9207 §2)',
    verifies('authorize-response-iss', 'authorize-errors-redirected'),
    async () => {
      const trusted = await byOperator();
      const errors: readonly (readonly [string, Parameters])[] = [
        ['invalid_request', { code_challenge: undefined }],
        ['invalid_scope', { scope: '"' }],
        ['invalid_target', { resource: 'https://x.example' }],
        ['unsupported_response_type', { response_type: 'token' }],
      ];
      for (const [error, changed] of errors) {
        const location = locationOf(await visit(trusted, { state: 'back', ...changed }));
        expect(location.href.startsWith(`${trusted.redirectUri}?`)).toBe(true);
        expect(Object.fromEntries(location.searchParams)).toMatchObject({
          error,
          state: 'back',
          iss: local.issuer,
        });
        expect(location.searchParams.has('code')).toBe(false);
      }
    },
  );

  test(
    'of a bad request by a client that registered itself goes to no browser by itself: it is a page with a link (RFC 9700 §4.11.2, docs/divergences.md)',
    verifies('authorize-errors-redirected', 'no-open-redirector'),
    async () => {
      const mistakes: readonly Parameters[] = [
        { code_challenge: undefined },
        { scope: '"' },
        { resource: 'https://x.example' },
        { response_type: 'token' },
        { prompt: 'none', response_type: 'x' },
      ];
      for (const changed of mistakes) {
        for (const method of ['GET', 'POST']) {
          const url = authorizeUrl(web, verifier, changed);
          const answer = await local.ask(method === 'GET' ? url : '/authorize', {
            method,
            headers: { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' },
            ...(method === 'POST' && { body: url.slice(url.indexOf('?') + 1) }),
          });
          expect(answer.statusCode).toBe(400);
          expect(answer.headers).not.toHaveProperty('location');
          expect(answer.headers).not.toHaveProperty('refresh');
          expect(answer.body).not.toMatch(/http-equiv="?refresh|<script/i);
          expect(answer.body).toMatch(/<a [^>]*href="https:\/\/client\.example\/callback\?error=/);
        }
      }
    },
  );

  test(
    'is sent on by 303, after approval, refusal and sign-in (RFC 9700 §4.12)',
    verifies('no-307'),
    async () => {
      const [approving, denying] = [await askConsent(local.proxy, web), await askConsent(local.proxy, web)];
      const approved = await approving.browser.submit('/consent', {
        request_id: approving.requestId,
        decision: 'approve',
      });
      const denied = await denying.browser.submit('/consent', {
        request_id: denying.requestId,
        decision: 'deny',
      });

      expect([approved.statusCode, denied.statusCode]).toEqual([303, 303]);
    },
  );
});

describe('a code', () => {
  test(
    'has 256 random bits, and is over after ten minutes at the latest (OAuth 2.1 §4.1.2)',
    verifies('code-bound-and-short'),
    async () => {
      const authorizations = [
        await authorize(local.proxy, web),
        await authorize(local.proxy, web),
        await authorize(local.proxy, web),
      ] as const;
      const inTime = await redeem(local.proxy, web, authorizations[0]);
      clock.advance({ minutes: 10 });
      const late = await redeem(local.proxy, web, authorizations[1]);

      expect(new Set(authorizations.map(({ code }) => code)).size).toBe(3);
      for (const { code } of authorizations) expect(code).toMatch(/[A-Za-z0-9_-]{43}$/);
      expect(inTime.statusCode).toBe(200);
      expect([late.statusCode, late.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
    },
  );

  test(
    'is for its client, redirect URI, challenge and resource alone, and carries its scope (OAuth 2.1 §4.1.2, §4.1.3)',
    verifies('code-bound-and-short'),
    async () => {
      const other = await registerStranger(local.proxy);
      const authorization = await authorize(local.proxy, web, { scope: 'email' });
      const wrong = [
        await redeem(local.proxy, other, authorization),
        await redeem(local.proxy, web, authorization, { redirect_uri: 'https://client.example/other' }),
        await redeem(local.proxy, web, authorization, { code_verifier: 'w'.repeat(43) }),
        await redeem(local.proxy, web, authorization, { resource: 'https://x.example' }),
      ];
      const right = await redeem(local.proxy, web, authorization, { scope: 'openid profile email' });

      expect(wrong.map((answer) => answer.json<{ error: string }>().error)).toEqual([
        'invalid_grant',
        'invalid_grant',
        'invalid_grant',
        'invalid_target',
      ]);
      expect(right.json()).toMatchObject({ scope: 'email' });
      expect((await callMcp(local.proxy, tokensOf(right).accessToken, { method: 'POST' })).statusCode).toBe(
        406,
      );
    },
  );
});

describe('pages', () => {
  test(
    'cannot be framed, have no script, send no referrer, are not stored, and let the answer through: consent, error, 404, home (RFC 9700 §4.16)',
    verifies('no-framing'),
    async () => {
      const browser = openBrowser(local.proxy);
      const pages = [
        await visit(web),
        await visit(web, { client_id: 'nobody' }),
        await visit(web, { code_challenge: undefined }),
        await browser.get('/nothing'),
        await browser.get('/'),
        await browser.get('/mcp'),
        await browser.get('/callback?state=x'),
        await browser.submit('/consent', { request_id: 'x', decision: 'approve' }),
      ];
      for (const { headers, body } of pages) {
        const policy = String(headers['content-security-policy']);
        expect(headers['content-type']).toBe('text/html; charset=utf-8');
        expect(policy).toContain("default-src 'none'");
        expect(policy).toContain("frame-ancestors 'none'");
        expect(policy).not.toMatch(/form-action|script-src|unsafe/);
        expect(headers['x-frame-options']).toBe('DENY');
        expect(headers['referrer-policy']).toBe('no-referrer');
        expect(headers['cache-control']).toBe('no-store');
        expect(headers['x-content-type-options']).toBe('nosniff');
        expect(body).not.toMatch(/<script|<iframe|<img|<object|<embed|\son\w+=/i);
      }
    },
  );

  test(
    'a public client is asked about each time unless the answer goes to the vendor’s own callback; one with a secret and a web address once (OAuth 2.1 §7.3.1, docs/divergences.md)',
    verifies('consent-asked-again'),
    async () => {
      const secret = { token_endpoint_auth_method: 'client_secret_basic' };
      const again = [];
      for (const [uri, metadata] of [
        ['http://127.0.0.1/callback', {}],
        ['http://localhost:33418/callback', secret],
        ['cursor://anysphere.cursor-mcp/oauth/callback', secret],
        ['https://client.example/callback', {}],
        ['https://client.example/callback', secret],
        ['https://claude.ai/api/mcp/auth_callback', {}],
      ] as const) {
        const client = await register(local.proxy, { ...metadata, redirect_uris: [uri] });
        const { browser } = await authorize(local.proxy, client);
        again.push(asksForConsent(await browser.get(authorizeUrl(client, verifier))));
      }

      expect(again).toEqual([true, true, true, true, false, false]);
    },
  );

  test(
    'a client that wants the person to be asked is obeyed (OpenID Connect Core §3.1.2.1)',
    verifies('consent-asked-again'),
    async () => {
      const client = await register(local.proxy, {
        redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
      });
      const { browser } = await authorize(local.proxy, client);
      const remembered = await browser.get(authorizeUrl(client, verifier));
      const forced = await browser.get(authorizeUrl(client, verifier, { prompt: 'consent' }));

      expect([remembered, forced].map(asksForConsent)).toEqual([false, true]);
    },
  );

  test.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</title><svg/onload=alert(1)>',
    '${alert(1)}{{7*7}}',
    '\u202eevil\u2066',
  ])(
    'the text %j of a client stays text, on consent and error pages (OAuth 2.1 §7.11)',
    verifies('pages-escape'),
    async (text) => {
      const client = await register(local.proxy, {
        client_name: text,
        client_uri: `https://x.example/${text}`,
      });
      const pages = [
        await visit(client, { state: text }),
        await visit(client, { scope: `openid ${text}` }),
        await visit(client, { state: text, code_challenge: undefined }),
        await visit(client, { redirect_uri: `https://evil.example/${text}` }),
        await visit(client, { client_id: text }),
        await openBrowser(local.proxy).get(`/${encodeURIComponent(text)}`),
      ];
      for (const { body } of pages) {
        for (const [tag] of body.matchAll(/<[^>]*>/g)) {
          const withoutValues = tag.replaceAll(/"[^"]*"/g, '""');
          expect(withoutValues).not.toMatch(/^<\/?(script|img|svg|iframe|object|embed)|\son\w+\s*=|'/i);
          expect(tag).not.toMatch(/href="(?!https:|http:|\/|#)/i);
        }
      }
      expect(pages[0]?.statusCode).toBe(200);
    },
  );

  test(
    'neither page nor address on the way has a token, a code or a secret of the person (OAuth 2.1 §7.1.3.7)',
    verifies('pages-escape'),
    async () => {
      const asked = await askConsent(local.proxy, web);
      const signInUrl = await approve(asked);

      expect(asked.page.body).not.toContain(verifier);
      expect(signInUrl.search).not.toContain(asked.requestId);
      expect(signInUrl.search).not.toContain(web.clientId);
      expect(signInUrl.search).not.toContain('the%20state');
    },
  );
});
