/** Client ID Metadata Documents and client assertions, from outside (protocol.md 7, 75–86). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authorize, authorizeUrl, redeem, refresh, signIn, type TestClient } from '../support/authorize.ts';
import { openBrowser } from '../support/browser.ts';
import {
  type AssertionChanges,
  assertionParameters,
  type ClientKey,
  createClientKey,
  signAssertion,
} from '../support/client-keys.ts';
import { createClock } from '../support/clock.ts';
import { type DocumentHost, sendJson, startDocumentHost } from '../support/document-host.ts';
import { describeTls } from '../support/tls.ts';
import { openSite, type Outside } from './outside.ts';
import { verifies } from './verifies.ts';

const redirectUri = 'https://app.example/callback';

describeTls('client metadata documents (needs the program openssl)', () => {
  const clock = createClock();
  let host: DocumentHost;
  let outside: Outside;
  let key: ClientKey;
  let paths = 0;
  beforeAll(async () => {
    host = await startDocumentHost();
    outside = await openSite({
      clock,
      // Names that are not the host’s lead to the machine’s own network, which is not permitted.
      outbound: {
        ...host.outbound,
        resolveHost: async (name) => [name === host.hostname ? '127.0.0.1' : '10.0.0.1'],
      },
      environment: { CLIENT_METADATA_ALLOWED_NETWORKS: '127.0.0.1' },
    });
    key = await createClientKey();
  });
  afterAll(async () => {
    await outside.site.close();
    await host.close();
  });

  function publish(changed: Readonly<Record<string, unknown>> = {}) {
    const path = `/${(paths += 1)}.json`;
    const clientId = host.url(path);
    const document = { client_id: clientId, client_name: 'App', redirect_uris: [redirectUri], ...changed };
    host.publish(path, document);
    return { clientId, clientSecret: undefined, redirectUri, path, document };
  }
  const readings = (path: string) => host.requests.filter((request) => request.path === path).length;
  const ask = (client: TestClient) => openBrowser(outside.proxy).get(authorizeUrl(client, 'v'.repeat(43)));
  const client = (clientId: string): TestClient => ({ clientId, clientSecret: undefined, redirectUri });
  const signed = async (
    { clientId }: TestClient,
    changed: AssertionChanges = {},
    audience = outside.issuer,
  ) => assertionParameters(await signAssertion(key, clientId, audience, clock, changed));

  test(
    'they are announced, and work (MCP client registration, "Advertising CIMD support")',
    verifies('as-metadata-cimd'),
    async () => {
      const metadata = await outside.ask('/.well-known/oauth-authorization-server');
      expect(metadata.json()).toMatchObject({ client_id_metadata_document_supported: true });
      expect(await signIn(outside.proxy, publish())).toMatchObject({ scope: expect.any(String) as string });
    },
  );

  test(
    'the URL is fetched; one with dot segments, fragment, credentials or without a path is not (CIMD §3)',
    verifies('cimd-url'),
    async () => {
      expect((await ask(publish())).statusCode).toBe(200);
      const before = host.requests.length;
      const { hostname, port } = host;
      for (const clientId of [
        `https://${hostname}:${port}/`,
        `https://${hostname}:${port}`,
        `https://${hostname}:${port}/a/../1.json`,
        `https://${hostname}:${port}/%2e%2e/1.json`,
        `https://${hostname}:${port}/1.json#`,
        `https://user@${hostname}:${port}/1.json`,
      ]) {
        const answer = await ask(client(clientId));
        expect([answer.statusCode, answer.headers.location]).toEqual([400, undefined]);
      }
      expect(host.requests).toHaveLength(before);
    },
  );

  test(
    'a document with another client_id, without a name or redirect URIs, of another type or status is refused (MCP client registration)',
    verifies('cimd-document'),
    async () => {
      for (const changed of [
        { client_id: 'https://app.example/else' },
        { client_name: undefined },
        { redirect_uris: undefined },
        { redirect_uris: [] },
      ]) {
        expect((await ask(publish(changed))).statusCode).toBe(400);
      }
      for (const [status, type] of [
        [404, 'application/json'],
        [201, 'application/json'],
        [200, 'text/html'],
      ] as const) {
        const { document, ...odd } = publish();
        host.publish(odd.path, (_, response) => {
          response.writeHead(status, { 'content-type': type }).end(JSON.stringify(document));
        });
        expect((await ask(odd)).statusCode).toBe(503);
      }
    },
  );

  test('a redirect is an error (CIMD §4)', verifies('cimd-no-redirects'), async () => {
    const target = publish();
    const moved = publish();
    host.publish(moved.path, (_, response) => {
      response.writeHead(307, { location: target.path }).end(JSON.stringify(moved.document));
    });
    expect((await ask(moved)).statusCode).toBe(503);
    expect(readings(target.path)).toBe(0);
  });

  test(
    'addresses of special use are not asked, under a name or bare (RFC 6890)',
    verifies('cimd-ssrf'),
    async () => {
      const { path } = publish();
      const before = host.requests.length;
      for (const name of [
        'inside.example',
        '127.0.0.2',
        '[::1]',
        '[::ffff:127.0.0.1]',
        '169.254.169.254',
        '0.0.0.0',
      ]) {
        expect((await ask(client(`https://${name}:${host.port}${path}`))).statusCode).toBe(400);
      }
      expect(host.requests).toHaveLength(before);
    },
  );

  test(
    'secrets, and methods that need one, are refused (CIMD §4.1)',
    verifies('cimd-no-secrets'),
    async () => {
      for (const changed of [
        { client_secret: 'x' },
        { client_secret_expires_at: 0 },
        { token_endpoint_auth_method: 'client_secret_basic' },
        { token_endpoint_auth_method: 'client_secret_post' },
        { token_endpoint_auth_method: 'client_secret_jwt' },
        { jwks: { keys: [{ kty: 'oct', k: 'AA' }] } },
      ]) {
        expect((await ask(publish(changed))).statusCode).toBe(400);
      }
    },
  );

  test(
    'the redirect URI is one of the document’s, but for a loopback port (MCP client registration)',
    verifies('cimd-redirect-uri'),
    async () => {
      const native = publish({ redirect_uris: ['http://localhost/callback'] });
      expect((await ask({ ...native, redirectUri: 'http://localhost:3118/callback' })).statusCode).toBe(200);
      for (const other of [
        'http://localhost:3118/other',
        'https://app.example/callback',
        'http://evil.example/callback',
      ]) {
        const answer = await ask({ ...native, redirectUri: other });
        expect([answer.statusCode, answer.headers.location]).toEqual([400, undefined]);
      }
    },
  );

  test(
    'the consent page shows both hosts, and warns where one is this machine (MCP, "Localhost redirect URI risks")',
    verifies('cimd-consent'),
    async () => {
      const native = publish({ redirect_uris: ['http://localhost/callback'] });
      const local = await ask({ ...native, redirectUri: 'http://localhost:3118/callback' });
      expect(local.body).toContain(`Published by`);
      expect(local.body).toContain(`${host.hostname}:${host.port}`);
      expect(local.body.replaceAll(/<\/?bdi>/g, '')).toContain('your computer (localhost:3118)');
      expect(local.body).toContain('any program there can use such an address');
    },
  );

  test(
    'a document with keys has to be followed by an assertion, unless it offers none as well (CIMD §6.2, ChatGPT)',
    verifies('cimd-private-key-jwt'),
    async () => {
      const jwks = { keys: [key.publicJwk] };
      const keyed = publish({ token_endpoint_auth_method: 'private_key_jwt', jwks });
      const authorization = await authorize(outside.proxy, keyed);
      expect((await redeem(outside.proxy, keyed, authorization)).statusCode).toBe(401);
      expect((await redeem(outside.proxy, keyed, authorization, await signed(keyed))).statusCode).toBe(200);

      const either = publish({
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
        jwks,
      });
      for (const parameters of [{}, await signed(either)]) {
        const next = await authorize(outside.proxy, either);
        expect((await redeem(outside.proxy, either, next, parameters)).statusCode).toBe(200);
      }
    },
  );

  test(
    'an assertion names the client, this server, a near end and one use, and is signed by its key (RFC 7523 §3)',
    verifies('private-key-jwt'),
    async () => {
      const keyed = publish({
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [key.publicJwk] },
      });
      await authorize(outside.proxy, keyed);
      // What fails behind authentication says that it succeeded.
      const knock = async (parameters: Readonly<Record<string, string>>) =>
        (await refresh(outside.proxy, keyed, 'unknown', parameters)).statusCode;
      const once = await signed(keyed);
      expect([await knock(once), await knock(once)]).toEqual([400, 401]);
      expect(await knock(await signed(keyed, {}, `${outside.issuer}/token`))).toBe(400);
      expect(await knock({ ...(await signed(keyed)), client_id: '' })).toBe(400);
      const foreign = await signAssertion(
        await createClientKey('ES256', key.kid),
        keyed.clientId,
        outside.issuer,
        clock,
      );
      for (const wrong of [
        await signed(keyed, { claims: { iss: 'else' } }),
        await signed(keyed, { claims: { sub: 'else' } }),
        await signed(keyed, {}, 'https://else.example'),
        await signed(keyed, { lifetimeSeconds: 3600 }),
        await signed(keyed, { lifetimeSeconds: -61 }),
        await signed(keyed, { claims: { jti: undefined } }),
        assertionParameters(foreign),
      ]) {
        expect(await knock(wrong)).toBe(401);
      }
    },
  );

  // These move the clock away from that of the identity provider: nobody signs in after them.

  test(
    'changed redirect URIs are asked about again (MCP, "Client ID Metadata Document security")',
    verifies('cimd-changed'),
    async () => {
      // A vendor's own callback: an approval is remembered there.
      const vendorUri = 'https://claude.ai/api/mcp/auth_callback';
      const changing = { ...publish({ redirect_uris: [vendorUri] }), redirectUri: vendorUri };
      const { browser } = await authorize(outside.proxy, changing);
      const url = authorizeUrl(changing, 'v'.repeat(43));
      expect((await browser.get(url)).statusCode).toBe(303);
      host.publish(changing.path, {
        ...changing.document,
        redirect_uris: [vendorUri, 'https://app.example/next'],
      });
      clock.advance({ hours: 2 });
      expect((await browser.get(url)).statusCode).toBe(200);
    },
  );

  test(
    'size and number are bounded; time is in test/outbound (CIMD §6.6)',
    verifies('cimd-bounds'),
    async () => {
      const large = publish({ software_statement: 'x'.repeat(32_768) });
      const answer = await ask(large);
      expect([answer.statusCode, answer.body]).toEqual([503, expect.stringContaining('larger than 32 KiB')]);
      const statuses = new Set<number>();
      for (let count = 0; count < 70; count += 1) {
        statuses.add((await ask(client(host.url('/missing.json')))).statusCode);
      }
      expect(statuses).toEqual(new Set([503]));
      expect(readings('/missing.json')).toBeLessThan(70);
      clock.advance({ minutes: 1 });
    },
  );

  test(
    'a document is cached as HTTP says, and errors are not (RFC 9111)',
    verifies('cimd-cache'),
    async () => {
      const { document, ...cached } = publish();
      host.publish(cached.path, undefined);
      expect((await ask(cached)).statusCode).toBe(503);
      host.publish(cached.path, (_, response) =>
        sendJson(response, document, { 'cache-control': 'max-age=600' }),
      );
      for (let count = 0; count < 3; count += 1) expect((await ask(cached)).statusCode).toBe(200);
      expect(readings(cached.path)).toBe(2);
      clock.advance({ minutes: 11 });
      expect((await ask(cached)).statusCode).toBe(200);
      expect(readings(cached.path)).toBe(3);
    },
  );
});
