/** `/authorize`: who asks, what they ask for, and what a person or a program sees when it is wrong. */
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type Answer, type TestApp } from '../support/app.ts';
import {
  askConsent,
  authorize,
  authorizeUrl,
  redeem,
  register,
  registerByOperator,
  signIn,
  type TestClient,
} from '../support/authorize.ts';
import { formOf, openBrowser, type Parameters } from '../support/browser.ts';
import { linksOf, textOf } from '../support/html.ts';

const verifier = 'v'.repeat(43);
let proxy: TestApp;
let client: TestClient;
let trusted: TestClient;
beforeAll(async () => {
  proxy = await startTestApp();
  client = await register(proxy);
  trusted = await registerByOperator(proxy);
  return proxy.close;
});

const asBrowser = async (url: string): Promise<Answer> => openBrowser(proxy).get(url);
const asProgram = async (url: string): Promise<Answer> => proxy.send({ url });
const requestBy = (who: TestClient, changed: Parameters = {}): string => authorizeUrl(who, verifier, changed);

describe('a good request', () => {
  test('it shows our consent page, and nothing has left this server yet (MCP security best practices: confused deputy)', async () => {
    const page = await asBrowser(requestBy(client, { scope: 'openid email' }));
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.headers).not.toHaveProperty('location');
    const text = textOf(page);
    for (const fact of [
      'Test client',
      'Not verified',
      client.redirectUri,
      'client.example',
      'localhost:8080/mcp',
    ]) {
      expect(text).toContain(fact);
    }
    expect(text).toContain('Know who you are');
    expect(text).not.toContain('See your name and picture');
  });

  test('a POST with the same parameters is the same request (RFC 6749 §3.1)', async () => {
    const page = await proxy.send({
      method: 'POST',
      url: '/authorize',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' },
      payload: requestBy(client).split('?')[1] ?? '',
    });
    expect(page.statusCode).toBe(200);
    expect(textOf(page)).toContain('Test client');
  });

  test('unknown parameters are ignored, empty ones count as absent (RFC 6749 §3.1)', async () => {
    const page = await asBrowser(
      requestBy(client, { nonce: ['a', 'b'], scope: '', state: '', resource: '' }),
    );
    expect(page.statusCode).toBe(200);
  });

  test('without redirect_uri the only registered one is meant, and bound to the code (OAuth 2.1 §2.3.2)', async () => {
    const authorization = await authorize(proxy, client, { redirect_uri: undefined });
    expect(authorization.location.href).toMatch(/^https:\/\/client\.example\/callback\?code=/);
    const answer = await redeem(proxy, client, authorization, { redirect_uri: client.redirectUri });
    expect(answer.statusCode).toBe(200);
  });

  test('the answer has code, state and iss, each once, behind the query that was registered (OAuth 2.1 §4.1.2, RFC 9207 §2)', async () => {
    const withQuery = await register(proxy, { redirect_uris: ['https://client.example/cb?keep=%20it'] });
    const state = 'a+b &=%?#\u00e4\u{1f600}"\'<>';
    const { location } = await authorize(proxy, withQuery, { state });
    expect(location.href).toMatch(/^https:\/\/client\.example\/cb\?keep=%20it&/);
    expect([...location.searchParams.keys()]).toEqual(['keep', 'code', 'state', 'iss']);
    expect(location.searchParams.get('state')).toBe(state);
    expect(location.searchParams.get('iss')).toBe('http://localhost:8080');
    expect(location.searchParams.get('code')).toMatch(/^mop_code_[A-Za-z0-9_-]{43}$/);
  });

  test('without state there is none in the answer (RFC 6749 §4.1.2)', async () => {
    const { location } = await authorize(proxy, client, { state: undefined });
    expect([...location.searchParams.keys()]).toEqual(['code', 'iss']);
  });

  test.each([
    [undefined, 'openid profile email'],
    ['email', 'email'],
    ['email admin offline_access', 'email offline_access'],
    ['admin', 'openid profile email'],
  ])('scope %j gives %j: unknown scopes never fail a request (RFC 6749 §3.3)', async (scope, granted) => {
    expect((await signIn(proxy, client, { scope, prompt: 'consent' })).scope).toBe(granted);
  });

  test.each(['http://localhost:8080/mcp', 'HTTP://LOCALHOST:8080/mcp/', 'http://localhost:8080'])(
    'resource %s means ours; the token says it canonically (RFC 8707 §2)',
    async (resource) => {
      const { accessToken } = await signIn(proxy, client, { resource });
      const payload = Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString();
      expect(JSON.parse(payload)).toMatchObject({ aud: 'http://localhost:8080/mcp' });
    },
  );

  test.each([
    ['http://localhost:51234/callback', 'http://localhost/callback'],
    ['http://127.0.0.1:1455/callback', 'http://localhost:1455/callback'],
  ])(
    '%s is where a client that registered %s may listen today (RFC 8252 §7.3)',
    async (today, registered) => {
      const native = await register(proxy, { redirect_uris: [registered] });
      const { location, page } = await authorize(proxy, native, { redirect_uri: today });
      expect(location.href.startsWith(`${today}?code=`)).toBe(true);
      expect(textOf(page)).toContain('your computer');
    },
  );

  test('an app on the device gets its answer by its own scheme (RFC 8252 §7.1)', async () => {
    const cursor = await register(proxy, { redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback'] });
    const { location } = await authorize(proxy, cursor);
    expect(location.href).toMatch(/^cursor:\/\/anysphere\.cursor-mcp\/oauth\/callback\?code=/);
  });
});

describe('a request whose redirect URI cannot be trusted (RFC 6749 §4.1.2.1)', () => {
  test.each<[string, (client: TestClient) => string, string]>([
    [
      'an unknown client',
      ({ redirectUri }) => requestBy({ clientId: 'unknown', clientSecret: '', redirectUri }),
      'invalid_client',
    ],
    ['no client', (who) => requestBy(who, { client_id: undefined }), 'invalid_request'],
    [
      'a repeated client',
      (who) => requestBy(who, { client_id: [who.clientId, who.clientId] }),
      'invalid_request',
    ],
    [
      'another redirect URI',
      (who) => requestBy(who, { redirect_uri: 'https://evil.example/cb' }),
      'invalid_request',
    ],
    [
      'more behind the redirect URI',
      (who) => requestBy(who, { redirect_uri: `${who.redirectUri}?x=1` }),
      'invalid_request',
    ],
    [
      'a repeated redirect URI',
      (who) => requestBy(who, { redirect_uri: [who.redirectUri, 'https://evil.example/'] }),
      'invalid_request',
    ],
  ])('%s: a page or JSON, and no way out (OAuth 2.1 §4.1.2.1)', async (_, url, code) => {
    for (const who of [client, trusted]) {
      const page = await asBrowser(url(who));
      expect(page.statusCode).toBe(400);
      expect(page.headers).not.toHaveProperty('location');
      expect(page.headers['content-type']).toContain('text/html');
      expect(linksOf(page)).toEqual([]);

      const json = await asProgram(url(who));
      expect(json.statusCode).toBe(400);
      expect(json.headers).not.toHaveProperty('location');
      expect(json.json()).toMatchObject({ error: code, error_description: expect.any(String) as string });
    }
  });

  test('a mismatch names redirect_uri, and shows what was asked for and what is registered', async () => {
    const url = requestBy(client, { redirect_uri: 'https://evil.example/cb' });
    expect(textOf(await asBrowser(url))).toMatch(/evil\.example\/cb.*client\.example\/callback/);
    const { error_description } = (await asProgram(url)).json<{ error_description: string }>();
    expect(error_description).toContain('redirect_uri');
  });

  test('with several registered URIs one has to be named (OAuth 2.1 §2.3.2)', async () => {
    const several = await register(proxy, { redirect_uris: ['https://a.example/', 'https://b.example/'] });
    const answer = await asProgram(requestBy(several, { redirect_uri: undefined }));
    expect(answer.statusCode).toBe(400);
    expect((await asProgram(requestBy(several, { redirect_uri: 'https://b.example/' }))).statusCode).toBe(
      200,
    );
  });
});

describe('a request that is wrong in the rest', () => {
  const wrong: readonly [string, Parameters, string][] = [
    ['no challenge', { code_challenge: undefined }, 'invalid_request'],
    ['plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['no method', { code_challenge_method: undefined }, 'invalid_request'],
    ['a challenge that is none', { code_challenge: 'short' }, 'invalid_request'],
    ['response_type token', { response_type: 'token' }, 'unsupported_response_type'],
    ['no response_type', { response_type: undefined }, 'invalid_request'],
    ['a foreign resource', { resource: 'https://evil.example/mcp' }, 'invalid_target'],
    [
      'a resource beside ours',
      { resource: ['http://localhost:8080/mcp', 'https://evil.example/'] },
      'invalid_target',
    ],
    ['a resource with a fragment', { resource: 'http://localhost:8080/mcp#x' }, 'invalid_target'],
    ['a scope with a quote', { scope: 'a"b' }, 'invalid_scope'],
    ['a repeated scope', { scope: ['openid', 'email'] }, 'invalid_request'],
  ];

  test.each(wrong)(
    '%s from a client that registered itself: not redirected before the person acts (RFC 9700 §4.11.2)',
    async (_, changed, code) => {
      const page = await asBrowser(requestBy(client, { state: 's 1', ...changed }));
      expect(page.statusCode).toBe(400);
      expect(page.headers).not.toHaveProperty('location');
      const [link = ''] = linksOf(page);
      const { origin, searchParams } = new URL(link);
      expect(origin).toBe('https://client.example');
      expect(Object.fromEntries(searchParams)).toMatchObject({
        error: code,
        state: 's 1',
        iss: proxy.config.baseUrl,
      });

      const json = await asProgram(requestBy(client, changed));
      expect([json.statusCode, json.json<{ error: string }>().error]).toEqual([400, code]);
      expect(json.headers).not.toHaveProperty('location');
    },
  );

  test.each(wrong)(
    '%s from a client of the operator: error, state and iss go to it, each once (RFC 6749 §4.1.2.1, RFC 9207 §2)',
    async (_, changed, code) => {
      const answer = await asProgram(requestBy(trusted, { state: 's 1', ...changed }));
      expect(answer.statusCode).toBe(303);
      const { origin, searchParams } = new URL(String(answer.headers.location));
      expect(origin).toBe('https://client.example');
      expect([...searchParams.keys()]).toEqual(['error', 'error_description', 'state', 'iss']);
      expect(searchParams.get('error')).toBe(code);
      expect(searchParams.get('state')).toBe('s 1');
    },
  );

  test('a repeated state is an error, and none of them is sent back (RFC 6749 §3.1)', async () => {
    const answer = await asProgram(requestBy(trusted, { state: ['a', 'b'] }));
    const { searchParams } = new URL(String(answer.headers.location));
    expect(searchParams.get('error')).toBe('invalid_request');
    expect(searchParams.has('state')).toBe(false);
  });
});

test('methods that are not there get 405 with Allow, as JSON (RFC 9110 §15.5.6)', async () => {
  for (const method of ['PUT', 'PATCH', 'DELETE'] as const) {
    const answer = await proxy.send({ method, url: `/authorize?${formOf({ client_id: client.clientId })}` });
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'GET, HEAD, POST']);
    expect(answer.json()).toMatchObject({ error: 'invalid_request' });
  }
});

test('looking at the page starts nothing: each visit is a request of its own', async () => {
  const { browser, requestId } = await askConsent(proxy, client);
  const second = await askConsent(proxy, client, {}, browser);
  expect(second.requestId).not.toBe(requestId);
});
