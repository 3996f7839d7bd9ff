/** The well-known documents and the keys: where clients look, they find the same (RFC 8414, RFC 9728, RFC 7517). */
import * as oauth from 'oauth4webapi';
import { beforeAll, describe, expect, test } from 'vitest';
import { publicUrl, startTestApp, type Answer, type TestApp } from '../support/app.ts';
import { authorize, register } from '../support/authorize.ts';
import { createClock } from '../support/clock.ts';

let proxy: TestApp;
beforeAll(async () => {
  proxy = await startTestApp({ config: { baseUrl: publicUrl } });
  return proxy.close;
});

const get = async (url: string, headers = {}): Promise<Answer> => proxy.send({ url, headers });
const asResponse = (answer: Answer): Response =>
  new Response(answer.body, {
    status: answer.statusCode,
    headers: { 'content-type': String(answer.headers['content-type']) },
  });

const serverForms = [
  '/.well-known/oauth-authorization-server',
  '/.well-known/oauth-authorization-server/mcp',
  '/mcp/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration',
  '/.well-known/openid-configuration/mcp',
  '/mcp/.well-known/openid-configuration',
];
const resourceForms = [
  '/.well-known/oauth-protected-resource',
  '/.well-known/oauth-protected-resource/mcp',
  '/mcp/.well-known/oauth-protected-resource',
];

describe('authorization server metadata (RFC 8414 §3)', () => {
  test.each(serverForms)('%s has it, as JSON, for everyone', async (url) => {
    const answer = await get(url);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^application\/json\b/);
    expect(answer.json()).toEqual((await get(serverForms[0] ?? '')).json());
  });

  test('an independent implementation accepts it (RFC 8414 §3.3)', async () => {
    const server = await oauth.processDiscoveryResponse(
      new URL(publicUrl),
      asResponse(await get(serverForms[0] ?? '')),
    );
    expect(server).toMatchObject({
      issuer: publicUrl,
      authorization_endpoint: `${publicUrl}/authorize`,
      token_endpoint: `${publicUrl}/token`,
      code_challenge_methods_supported: ['S256'],
    });
  });

  test('every endpoint that it names is at the root, and answers there (MCP 2025-03-26: default endpoint names)', async () => {
    const document = (await get(serverForms[0] ?? '')).json<Record<string, unknown>>();
    const endpoints = Object.entries(document).filter(([name]) => /_(endpoint|uri)$/.test(name));
    expect(endpoints).toHaveLength(6);
    for (const [, url] of endpoints) {
      expect(String(url).startsWith(`${publicUrl}/`)).toBe(true);
      const answer = await proxy.send({ method: 'POST', url: new URL(String(url)).pathname });
      expect(String(url).endsWith('/jwks') ? 200 : answer.statusCode).not.toBe(404);
    }
  });
});

describe('protected resource metadata (RFC 9728 §3)', () => {
  test.each(resourceForms)('%s has it, and its resource is the address that clients use', async (url) => {
    const answer = await get(url);
    expect(answer.statusCode).toBe(200);
    const resource = await oauth.processResourceDiscoveryResponse(
      new URL(`${publicUrl}/mcp`),
      asResponse(answer),
    );
    expect(resource).toMatchObject({
      resource: `${publicUrl}/mcp`,
      authorization_servers: [publicUrl],
      scopes_supported: ['openid', 'profile', 'email'],
      bearer_methods_supported: ['header'],
    });
  });
});

test('issuer, authorization_servers, the iss of answers and of tokens are one string (RFC 8414 §3.3, RFC 9207 §2)', async () => {
  const client = await register(proxy);
  const { location } = await authorize(proxy, client);
  const { issuer } = (await get(serverForms[0] ?? '')).json<{ issuer: string }>();
  const [server] = (await get(resourceForms[1] ?? '')).json<{ authorization_servers: string[] }>()
    .authorization_servers;
  expect([issuer, server, location.searchParams.get('iss')]).toEqual([publicUrl, publicUrl, publicUrl]);
});

describe('keys (RFC 7517, RFC 9068 §4)', () => {
  test('/jwks has public keys only, each with id, use and algorithm', async () => {
    const { keys } = (await get('/jwks')).json<{ keys: Record<string, unknown>[] }>();
    expect(keys).not.toEqual([]);
    for (const key of keys) {
      expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', use: 'sig', alg: 'ES256' });
      expect(key.kid).toMatch(/^[\w-]{43}$/);
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(secret);
    }
  });

  test('a new key is published before it signs, and the old one while its tokens live (RFC 9068 §4)', async () => {
    const clock = createClock();
    clock.advance({ days: 89, hours: 12 });
    const rotating = await startTestApp({ db: proxy.db, config: proxy.config, clock });
    const { keys } = (await rotating.send({ url: '/jwks' })).json<{ keys: { kid: string }[] }>();
    await rotating.close();
    const [before] = (await get('/jwks')).json<{ keys: { kid: string }[] }>().keys;
    expect(keys.map(({ kid }) => kid)).toContain(before?.kid);
    expect(keys.length).toBe(2);
  });
});

test('HEAD has the headers of GET and no body (RFC 9110 §9.3.2)', async () => {
  for (const url of [...serverForms, ...resourceForms, '/jwks']) {
    const [head, full] = [await proxy.send({ method: 'HEAD', url }), await get(url)];
    expect([head.statusCode, head.body]).toEqual([200, '']);
    expect(head.headers['content-length']).toBe(full.headers['content-length']);
  }
});

test.each([
  '/.well-known/unknown',
  '/.well-known/oauth-authorization-server/other',
  '/.well-known/oauth-protected-resource/other',
  '/other/.well-known/openid-configuration',
  '/.well-known/',
])('%s is 404 as JSON, for browsers, too: never a page, never 401', async (url) => {
  for (const accept of ['*/*', 'text/html']) {
    const answer = await get(url, { accept });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ error: 'not_found' });
  }
});

test.each([
  { host: 'evil.example' },
  { 'x-forwarded-host': 'evil.example' },
  { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http', 'x-forwarded-port': '81' },
  { forwarded: 'host=evil.example;proto=http' },
  { 'x-original-url': 'https://evil.example/', 'x-mcp-oauth-proxy-url': 'https://evil.example' },
])('%j changes no address: all come from BASE_URL (RFC 8414 §3.3)', async (headers) => {
  const own = await startTestApp({ db: proxy.db, config: { ...proxy.config, trustProxy: ['127.0.0.1'] } });
  for (const url of [...serverForms, ...resourceForms, '/', '/mcp']) {
    const [good, hostile] = [await own.send({ url }), await own.send({ url, headers })];
    expect(hostile.body).toBe(good.body);
    expect(JSON.stringify(hostile.headers)).not.toContain('evil.example');
    expect(hostile.headers['www-authenticate']).toBe(good.headers['www-authenticate']);
  }
  await own.close();
});
