/**
 * Clients whose client_id is the URL of a document that describes them (MCP authorization, "Client ID Metadata
 * Documents"), read from a real https server under a made-up name.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config.ts';
import { sweepExpired } from '../../src/repositories/sweep.ts';
import { evictUnfinishedClients } from '../../src/repositories/unfinished-clients.ts';
import { localUrl, startTestApp, type TestApp } from '../support/app.ts';
import {
  askConsent,
  approve,
  authorize,
  authorizeUrl,
  callMcp,
  redeem,
  refresh,
  register,
  revoke,
  signIn,
  type TestClient,
  tokensOf,
} from '../support/authorize.ts';
import { openBrowser } from '../support/browser.ts';
import {
  assertionParameters,
  type ClientKey,
  createClientKey,
  signAssertion,
} from '../support/client-keys.ts';
import { createTestDatabase, databaseKinds, type TestDatabase } from '../support/database.ts';
import {
  type DocumentHost,
  loopbackPermitted,
  type Published,
  sendJson,
  startDocumentHost,
} from '../support/document-host.ts';
import { describeTls } from '../support/tls.ts';

const redirectUri = 'https://app.example/callback';

describeTls('client metadata documents (needs the program openssl)', () => {
  let host: DocumentHost;
  let database: TestDatabase;
  let proxy: TestApp;
  let baseConfig: Config;
  let paths = 0;
  beforeAll(async () => {
    host = await startDocumentHost();
    database = await createTestDatabase(databaseKinds[0] ?? 'embedded');
    const first = await startTestApp({ db: database.db });
    baseConfig = { ...first.config, clientDocuments: loopbackPermitted };
    await first.close();
  });
  afterAll(async () => {
    await database.drop();
    await host.close();
  });
  // A process of its own for each test: nothing counted, nothing remembered, and a clock that tells the time.
  beforeEach(async () => {
    proxy = await start();
    return proxy.close;
  });

  function start(config: Partial<Config> = {}) {
    return startTestApp({
      db: database.db,
      config: { ...baseConfig, ...config },
      outbound: host.outbound,
    });
  }

  /** A client with a document of its own. */
  function publish(changed: Readonly<Record<string, unknown>> = {}, path = `/clients/${(paths += 1)}.json`) {
    const clientId = host.url(path);
    const document = { client_id: clientId, client_name: 'App', redirect_uris: [redirectUri], ...changed };
    host.publish(path, document);
    return { clientId, clientSecret: undefined, redirectUri, path, document };
  }
  const readingsOf = (path: string) => host.requests.filter((request) => request.path === path);
  const ask = (client: TestClient, app = proxy) => openBrowser(app).get(authorizeUrl(client, 'v'.repeat(43)));

  test('a document is all that a client needs: consent, sign-in, tokens, calls, refresh, revocation (protocol.md 75)', async () => {
    const client = publish();
    const tokens = await signIn(proxy, client);
    expect((await callMcp(proxy, tokens.accessToken)).statusCode).toBe(200);
    const refreshed = tokensOf(await refresh(proxy, client, tokens.refreshToken));
    expect((await revoke(proxy, client, refreshed.refreshToken)).statusCode).toBe(200);
    expect((await callMcp(proxy, refreshed.accessToken)).statusCode).toBe(401);
    expect(readingsOf(client.path)).toHaveLength(1);
  });

  test('the request for it carries no cookie and no credentials, and says who asks', async () => {
    const client = publish();
    await ask(client);
    const [{ headers } = { headers: {} }] = readingsOf(client.path);
    expect(headers).toEqual({
      host: `${host.hostname}:${host.port}`,
      connection: expect.any(String) as string,
      accept: 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'mcp-oauth-proxy',
    });
  });

  test('the redirect URI is one of the document’s, but for the port on loopback (Claude Code; OAuth 2.1 §8.4.2)', async () => {
    const client = publish({ redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'] });
    const asked = await askConsent(proxy, { ...client, redirectUri: 'http://localhost:3118/callback' });
    expect(asked.page.body).toContain('This is a program on your computer');
    const other = await ask({ ...client, redirectUri: 'https://evil.example/callback' });
    expect(other.statusCode).toBe(400);
    expect(other.headers).not.toHaveProperty('location');
    expect(other.body).toContain('https://evil.example/callback');
  });

  test('the consent page shows who published it, and where the answer goes (protocol.md 84)', async () => {
    const { body } = await ask(publish({ client_name: '<b>Claude</b>' }));
    expect(body).toMatch(/Published by\s*<strong>(?:<bdi>)?app\.example:\d+</);
    expect(body).toMatch(/class="host"><bdi>app\.example</);
    expect(body).not.toContain('<b>Claude');
  });

  describe('a URL that is not acceptable is not asked (protocol.md 75)', () => {
    test.each([
      'https://app.example',
      'https://app.example/',
      'https://app.example/?x=1',
      'https://app.example/a/../b',
      'https://app.example/./b',
      'https://app.example/a/%2e%2e/b',
      'https://app.example/a/.%2E',
      'https://app.example/a#b',
      'https://app.example/a#',
      'https://user@app.example/a',
      'https://user:pass@app.example/a',
      'https://@app.example/a',
      'https://APP.example/a',
      'https://app.example:443/a',
      'HTTPS://app.example/a',
      'https:app.example/a',
      'https:///app.example/a',
      'https:\\\\app.example\\a',
      'https://0x7f.1/a',
      'https://2130706433/a',
      'https://app.example/a b',
      `https://app.example/${'a'.repeat(2048)}`,
    ])('%s', async (clientId) => {
      const before = host.requests.length;
      const answer = await ask({ clientId, clientSecret: undefined, redirectUri });
      expect(answer.statusCode).toBe(400);
      expect(answer.body).toContain('invalid_client_document');
      expect(host.requests).toHaveLength(before);
    });

    test('http:// is an unknown client, and not asked', async () => {
      const answer = await ask({ clientId: 'http://app.example/a', clientSecret: undefined, redirectUri });
      expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining('invalid_client')]);
    });
  });

  describe('a document that is not acceptable is refused on a page that says why, and is not stored', () => {
    const key = { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' };
    test.each<[string, Readonly<Record<string, unknown>>, string]>([
      ['another client_id (76)', { client_id: 'https://app.example/other' }, 'client_id'],
      ['no client_id (76)', { client_id: undefined }, 'client_id'],
      ['no name (76)', { client_name: undefined }, 'client_name'],
      ['an empty name (76)', { client_name: ' ' }, 'client_name'],
      ['no redirect_uris (76)', { redirect_uris: undefined }, 'redirect_uris'],
      [
        'no usable redirect URI (21)',
        { redirect_uris: ['http://evil.example/', 'javascript:alert(1)'] },
        'http',
      ],
      ['a secret (81)', { client_secret: 'public' }, 'client_secret'],
      ['the expiry of a secret (81)', { client_secret_expires_at: 0 }, 'client_secret_expires_at'],
      ['a method with a secret (81)', { token_endpoint_auth_method: 'client_secret_basic' }, 'shared secret'],
      ['client_secret_jwt (81)', { token_endpoint_auth_method: 'client_secret_jwt' }, 'shared secret'],
      ['an unknown method', { token_endpoint_auth_method: 'tls_client_auth' }, 'none or private_key_jwt'],
      ['private_key_jwt without a key (82)', { token_endpoint_auth_method: 'private_key_jwt' }, 'jwks'],
      ['a symmetric key (81)', { jwks: { keys: [{ kty: 'oct', k: 'AA' }] } }, 'symmetric'],
      ['a private key (81)', { jwks: { keys: [{ ...key, d: 'AA' }] } }, 'private key'],
      ['jwks and jwks_uri', { jwks: { keys: [key] }, jwks_uri: 'https://app.example/k' }, 'together'],
      ['jwks_uri without TLS', { jwks_uri: 'http://app.example/k' }, 'https'],
      ['only machine grants', { grant_types: ['client_credentials'] }, 'authorization_code'],
    ])('%s', async (_, changed, words) => {
      const client = publish(changed);
      for (let count = 1; count <= 2; count += 1) {
        const answer = await ask(client);
        expect(answer.statusCode).toBe(400);
        expect(answer.headers['content-type']).toContain('text/html');
        expect(answer.body).toContain(words);
        expect(answer.body).toContain(client.path);
        // M: neither errors nor invalid documents are cached.
        expect(readingsOf(client.path)).toHaveLength(count);
      }
      const { rows } = await proxy.db.query({
        text: 'select 1 from clients where client_id = $1',
        values: [client.clientId],
      });
      expect(rows).toEqual([]);
    });

    test.each<[string, Published, string]>([
      ['404', (_, response) => void response.writeHead(404).end(), 'answered 404'],
      ['500', (_, response) => void response.writeHead(500).end('<script>upstream</script>'), 'answered 500'],
      ['201', (_, response) => void response.writeHead(201).end('{}'), 'answered 201'],
      ['204', (_, response) => void response.writeHead(204).end(), 'answered 204'],
      [
        'a redirect',
        (_, response) => void response.writeHead(302, { location: '/other' }).end(),
        'redirects',
      ],
      ['304 to a first request', (_, response) => void response.writeHead(304).end(), 'redirects'],
      ['HTML', (_, response) => sendJson(response, {}, { 'content-type': 'text/html' }), 'content type'],
      ['no type', (_, response) => void response.writeHead(200).end('{}'), 'content type'],
      [
        'no JSON',
        (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('<script>'),
        'not JSON',
      ],
    ])(
      '%s: 503 with Retry-After, without a word of what was there (protocol.md 76, 77)',
      async (_, listener, words) => {
        const client = publish();
        host.publish(client.path, listener);
        const answer = await ask(client);
        expect(answer.statusCode).toBe(503);
        expect(answer.headers).toHaveProperty('retry-after');
        expect(answer.body).toContain(words);
        expect(answer.body).not.toContain('<script>');
        host.publish(client.path, client.document);
        expect((await ask(client)).statusCode).toBe(200);
      },
    );
  });

  test('what is not known is ignored, and one bad redirect URI does not spoil the others (clients.md P3)', async () => {
    const client = publish({
      redirect_uris: ['http://evil.example/', redirectUri],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
      response_types: ['code', 'none'],
      logo_uri: null,
      token_endpoint_auth_methods_supported: 'none',
      whatever: { deep: [1] },
    });
    expect((await ask(client)).statusCode).toBe(200);
  });

  test('a JSON caller gets JSON (RFC 6749 §5.2)', async () => {
    const client = publish({ client_name: undefined });
    const answer = await proxy.send({
      url: authorizeUrl(client, 'v'.repeat(43)),
      headers: { accept: '*/*' },
    });
    expect(answer.json()).toMatchObject({
      error: 'invalid_client',
      details: { client_id: client.clientId, problem: 'client_name is missing' },
    });
  });

  describe('caching (RFC 9111, protocol.md 80)', () => {
    const cached = (cacheControl: string, headers = {}) => {
      const client = publish();
      host.publish(client.path, (_, response) =>
        sendJson(response, client.document, { 'cache-control': cacheControl, ...headers }),
      );
      return client;
    };

    test.each([
      ['max-age=600', 9, 11],
      ['no-store', 4, 6],
      ['max-age=1', 4, 6],
      ['max-age=31536000', 24 * 60 - 1, 24 * 60 + 1],
    ] as const)('%s: not asked within %i minutes, asked after %i', async (cacheControl, within, after) => {
      const client = cached(cacheControl);
      await ask(client);
      proxy.clock.advance({ minutes: within });
      await ask(client);
      expect(readingsOf(client.path)).toHaveLength(1);
      proxy.clock.advance({ minutes: after - within });
      await ask(client);
      expect(readingsOf(client.path)).toHaveLength(2);
    });

    test('what has not changed is not sent again: ETag, Last-Modified, 304 (RFC 9110 §13.1)', async () => {
      const client = publish();
      const lastModified = 'Tue, 03 Nov 2026 10:00:00 GMT';
      host.publish(client.path, (request, response) => {
        if (request.headers['if-none-match'] === '"one"') response.writeHead(304).end();
        else sendJson(response, client.document, { etag: '"one"', 'last-modified': lastModified });
      });
      await ask(client);
      proxy.clock.advance({ hours: 2 });
      expect((await ask(client)).statusCode).toBe(200);
      expect(readingsOf(client.path)[1]?.headers).toMatchObject({
        'if-none-match': '"one"',
        'if-modified-since': lastModified,
      });
      await ask(client);
      expect(readingsOf(client.path)).toHaveLength(2);
    });

    test('of many who ask at once, at two instances, each instance asks once', async () => {
      const second = await start();
      const client = publish();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => ask(client, n % 2 === 0 ? proxy : second)),
      );
      expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
      expect(readingsOf(client.path).length).toBeLessThanOrEqual(2);
      await second.close();
    });
  });

  describe('while the origin is away, or publishes something else (clients.md P1)', () => {
    test.each<[string, (client: ReturnType<typeof publish>) => void]>([
      ['it is away', () => host.setAway(true)],
      [
        'it answers HTML',
        ({ path }) =>
          host.publish(
            path,
            (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('x'),
          ),
      ],
      [
        'the document is invalid',
        ({ path, document }) => host.publish(path, { ...document, client_name: null }),
      ],
      ['the document is gone', ({ path }) => host.publish(path, undefined)],
    ])('%s: the last good one is used for a week', async (_, fail) => {
      const client = publish();
      await ask(client);
      fail(client);
      proxy.clock.advance({ days: 6 });
      expect((await ask(client)).statusCode).toBe(200);
      proxy.clock.advance({ days: 1, minutes: 1 });
      const late = await ask(client);
      expect([400, 503]).toContain(late.statusCode);
      expect(late.body).toContain(client.path);
      host.setAway(false);
      host.publish(client.path, client.document);
      proxy.clock.advance({ minutes: 1 });
      expect((await ask(client)).statusCode).toBe(200);
    });

    test('someone who waits is not made to wait each time: the origin is asked again after 30 seconds', async () => {
      const client = publish();
      await ask(client);
      host.publish(client.path, undefined);
      proxy.clock.advance({ hours: 2 });
      await ask(client);
      await ask(client);
      expect(readingsOf(client.path)).toHaveLength(2);
      proxy.clock.advance({ seconds: 31 });
      await ask(client);
      expect(readingsOf(client.path)).toHaveLength(3);
    });

    test('tokens are refreshed long after (protocol.md 80)', async () => {
      const client = publish();
      const { refreshToken } = await signIn(proxy, client);
      host.publish(client.path, undefined);
      proxy.clock.advance({ days: 20 });
      expect((await refresh(proxy, client, refreshToken)).statusCode).toBe(200);
    });
  });

  describe('a document that changes (protocol.md 85)', () => {
    const next = 'https://app.example/next';
    /** A vendor's own callback: an approval is remembered there, although a document's address is public. */
    const vendorUri = 'https://claude.ai/api/mcp/auth_callback';
    const publishOfVendor = (redirectUris = [vendorUri]) => ({
      ...publish({ redirect_uris: redirectUris }),
      redirectUri: vendorUri,
    });

    test('an approval is remembered at a vendor’s own callback only: anyone can link to a document (OAuth 2.1 §7.3.1)', async () => {
      for (const [client, status] of [
        [publishOfVendor(), 303],
        [publish(), 200],
      ] as const) {
        const { browser } = await authorize(proxy, client);
        expect((await browser.get(authorizeUrl(client, 'v'.repeat(43)))).statusCode).toBe(status);
      }
    });

    test.each<[string, Readonly<Record<string, unknown>>, boolean]>([
      ['another redirect URI beside: consent is asked again', { redirect_uris: [vendorUri, next] }, true],
      [
        'keys: consent is asked again',
        { jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }] } },
        true,
      ],
      [
        'a way to authenticate: consent is asked again',
        {
          token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
          jwks_uri: 'https://app.example/keys',
        },
        true,
      ],
      ['another name: nothing is asked', { client_name: 'App 2' }, false],
    ])('%s', async (_, changed, isAsked) => {
      const client = publishOfVendor();
      const { browser } = await authorize(proxy, client);
      const url = authorizeUrl(client, 'v'.repeat(43));
      expect((await browser.get(url)).statusCode).toBe(303);
      host.publish(client.path, { ...client.document, ...changed });
      proxy.clock.advance({ hours: 2 });
      expect((await browser.get(url)).statusCode).toBe(isAsked ? 200 : 303);
    });

    test('the order of redirect URIs is not a change', async () => {
      const client = publishOfVendor([vendorUri, next]);
      const { browser } = await authorize(proxy, client);
      host.publish(client.path, { ...client.document, redirect_uris: [next, vendorUri] });
      proxy.clock.advance({ hours: 2 });
      expect((await browser.get(authorizeUrl(client, 'v'.repeat(43)))).statusCode).toBe(303);
    });

    test('a redirect URI that went away while the person was thinking gets no answer (protocol.md 114)', async () => {
      const client = publish();
      const asked = await askConsent(proxy, client);
      host.publish(client.path, { ...client.document, redirect_uris: [next] });
      const later = await start();
      later.clock.advance({ hours: 2 });
      await ask({ ...client, redirectUri: next }, later);
      await later.close();
      await expect(approve(asked)).rejects.toThrow('403');
    });
  });

  describe('keys (protocol.md 82, 86)', () => {
    let key: ClientKey;
    beforeAll(async () => {
      key = await createClientKey('RS256');
    });
    const assertionFor = async ({ clientId }: TestClient) =>
      assertionParameters(await signAssertion(key, clientId, localUrl, proxy.clock));

    test('private_key_jwt alone: an assertion is needed', async () => {
      host.publish('/keys', { keys: [key.publicJwk] });
      const client = publish({ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: host.url('/keys') });
      const authorization = await authorize(proxy, client);
      const without = await redeem(proxy, client, authorization);
      expect([without.statusCode, without.json<{ error: string }>().error]).toEqual([401, 'invalid_client']);
      const withIt = await redeem(proxy, client, authorization, await assertionFor(client));
      expect(withIt.statusCode).toBe(200);
      const { refreshToken } = tokensOf(withIt);
      expect((await refresh(proxy, client, refreshToken)).statusCode).toBe(401);
      expect((await refresh(proxy, client, refreshToken, await assertionFor(client))).statusCode).toBe(200);
    });

    test('ChatGPT’s document: private_key_jwt, and none in the list: with an assertion or without', async () => {
      const client = publish({
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
        token_endpoint_auth_signing_alg: 'RS256',
        grant_types: ['authorization_code', 'refresh_token', 'urn:openai:something'],
        response_types: ['code', 'token'],
        jwks: { keys: [key.publicJwk] },
      });
      const authorization = await authorize(proxy, client);
      expect((await redeem(proxy, client, authorization)).statusCode).toBe(200);
      const again = await authorize(proxy, client);
      expect((await redeem(proxy, client, again, await assertionFor(client))).statusCode).toBe(200);
      const foreign = await createClientKey('RS256', key.kid);
      const wrong = assertionParameters(await signAssertion(foreign, client.clientId, localUrl, proxy.clock));
      const third = await authorize(proxy, client);
      expect((await redeem(proxy, client, third, wrong)).statusCode).toBe(401);
    });

    test('a list that offers none, and no key: a public client', async () => {
      const client = publish({
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
      });
      expect((await redeem(proxy, client, await authorize(proxy, client))).statusCode).toBe(200);
    });
  });

  describe('what the operator decides', () => {
    test.each<[string, Partial<Config['clientDocuments']>]>([
      ['switched off', { enabled: false }],
      ['a host that is denied', { deniedHosts: ['app.example'] }],
      ['a host below a denied one', { deniedHosts: ['*.example'] }],
      ['a host that is not on the list', { allowedHosts: ['other.example'] }],
      ['denied goes before allowed', { allowedHosts: ['app.example'], deniedHosts: ['app.example'] }],
    ])('%s: nothing is asked, and the page says so', async (_, changed) => {
      const strict = await start({ clientDocuments: { ...loopbackPermitted, ...changed } });
      const client = publish();
      const answer = await ask(client, strict);
      expect([answer.statusCode, answer.body]).toEqual([403, expect.stringContaining('this server')]);
      expect(readingsOf(client.path)).toHaveLength(0);
      await strict.close();
    });

    test('a host on the list is asked', async () => {
      const strict = await start({
        clientDocuments: { ...loopbackPermitted, allowedHosts: ['app.example'] },
      });
      expect((await ask(publish(), strict)).statusCode).toBe(200);
      await strict.close();
    });

    test('with CLIENT_REGISTRATION=known a document that is not in the catalogue is not asked for', async () => {
      const strict = await start({ clientRegistration: 'known' });
      const client = publish();
      expect((await ask(client, strict)).statusCode).toBe(403);
      expect(readingsOf(client.path)).toHaveLength(0);
      await strict.close();
    });

    test('a host that is denied later loses what it had', async () => {
      const client = publish();
      const { refreshToken } = await signIn(proxy, client);
      const strict = await start({ clientDocuments: { ...loopbackPermitted, deniedHosts: ['app.example'] } });
      const answer = await refresh(strict, client, refreshToken);
      expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([401, 'invalid_client']);
      expect((await refresh(proxy, client, refreshToken)).statusCode).toBe(200);
      await strict.close();
    });

    test('documents are announced, unless they are switched off (protocol.md 7)', async () => {
      const strict = await start({ clientDocuments: { ...loopbackPermitted, enabled: false } });
      const announced = async (app: TestApp) =>
        (await app.send({ url: '/.well-known/oauth-authorization-server' })).json<Record<string, unknown>>()
          .client_id_metadata_document_supported;
      expect(await announced(proxy)).toBe(true);
      expect(await announced(strict)).toBeUndefined();
      await strict.close();
    });
  });

  test('at /token a URL that nobody signed in with is an unknown client, and not asked (protocol.md 39)', async () => {
    const client = publish();
    expect((await refresh(proxy, client, 'unknown')).statusCode).toBe(401);
    expect(readingsOf(client.path)).toHaveLength(0);
  });

  describe('snapshots that nobody needs (clients.md P2)', () => {
    let own: TestApp;
    beforeEach(async () => {
      own = await startTestApp({ config: { clientDocuments: loopbackPermitted }, outbound: host.outbound });
      return own.close;
    });
    const isKept = async ({ clientId }: TestClient) => {
      const { rows } = await own.db.query({
        text: 'select 1 from clients join client_documents using (client_id) where client_id = $1',
        values: [clientId],
      });
      return rows.length === 1;
    };
    const sweepAfter = async (days: number) =>
      sweepExpired(own.db, new Date(own.clock().getTime() + days * 86_400_000));

    test('one that nobody signed in with goes two days after it was read last', async () => {
      const client = publish();
      await ask(client, own);
      own.clock.advance({ days: 1 });
      await ask(client, own);
      await sweepAfter(1.5);
      expect(await isKept(client)).toBe(true);
      await sweepAfter(2.1);
      expect(await isKept(client)).toBe(false);
      expect((await ask(client, own)).statusCode).toBe(200);
    });

    test('one that was used stays for as long as a grant lives, and a year', async () => {
      const client = publish();
      await signIn(own, client);
      await sweepAfter(360);
      expect(await isKept(client)).toBe(true);
      await sweepAfter(2 * 365);
      expect(await isKept(client)).toBe(false);
    });

    test('a host with many documents displaces its own, not clients of others', async () => {
      const newcomer = await register(own);
      for (let count = 0; count < 8; count += 1) await ask(publish(), own);
      await sweepAfter(0.1);
      await evictUnfinishedClients(own.db, 4);
      expect((await ask(newcomer, own)).statusCode).toBe(200);
      const { rows } = await own.db.query({ text: 'select 1 from client_documents', values: [] });
      expect(rows.length).toBeLessThan(8);
    });

    test('assertions that were used are forgotten when they could not be used any more', async () => {
      const key = await createClientKey();
      const client = publish({
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [key.publicJwk] },
      });
      await ask(client, own);
      const assertion = await signAssertion(key, client.clientId, localUrl, own.clock);
      await refresh(own, client, 'unknown', assertionParameters(assertion));
      const kept = async () =>
        (await own.db.query({ text: 'select 1 from client_assertions', values: [] })).rows.length;
      await sweepAfter(2 / 1440);
      expect(await kept()).toBe(1);
      await sweepAfter(4 / 1440);
      expect(await kept()).toBe(0);
    });
  });
});
