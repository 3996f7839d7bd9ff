/** The documents by which clients find everything (RFC 8414, RFC 9728, OpenID Connect Discovery). */
import * as v2 from '@modelcontextprotocol/client';
import * as v1 from '@modelcontextprotocol/sdk/client/auth.js';
import {
  OAuthMetadataSchema,
  OAuthProtectedResourceMetadataSchema,
  OpenIdProviderDiscoveryMetadataSchema,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authorize, authorizeUrl, callMcp, redeem, register, tokensOf } from '../support/authorize.ts';
import { openBrowser } from '../support/browser.ts';
import { openSite, type Outside, publicUrl } from './outside.ts';
import { verifies } from './verifies.ts';

let local: Outside;
/** The same server as the world would know it, for what a hostile front could change. */
let named: Outside;
beforeAll(async () => {
  [local, named] = await Promise.all([openSite(), openSite({ isPublic: true })]);
});
afterAll(async () => {
  await Promise.all([local.site.close(), named.site.close()]);
});

const formsOf = (name: string): readonly string[] =>
  [`/.well-known/${name}`, `/.well-known/${name}/mcp`, `/mcp/.well-known/${name}`].flatMap((path) => [
    path,
    `${path}/`,
  ]);
const serverForms = [...formsOf('oauth-authorization-server'), ...formsOf('openid-configuration')];
const resourceForms = formsOf('oauth-protected-resource');
const allForms = [...serverForms, ...resourceForms, '/jwks'];
const serverMetadata = '/.well-known/oauth-authorization-server';
const resourceMetadata = '/.well-known/oauth-protected-resource/mcp';

const read = async (path: string, at = local) => (await at.ask(path)).json<Record<string, unknown>>();

describe('authorization server metadata', () => {
  test('is JSON at the well-known address, for everyone (RFC 8414 §3)', verifies('as-metadata'), async () => {
    const answer = await local.ask(serverMetadata);

    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.json()).toMatchObject({ issuer: local.issuer });
  });

  test(
    'has what a client cannot do without, and an issuer without path, query and fragment (RFC 8414 §2)',
    verifies('as-metadata-members'),
    async () => {
      expect(await read(serverMetadata, named)).toMatchObject({
        issuer: publicUrl,
        authorization_endpoint: `${publicUrl}/authorize`,
        token_endpoint: `${publicUrl}/token`,
        registration_endpoint: `${publicUrl}/register`,
        revocation_endpoint: `${publicUrl}/revoke`,
        jwks_uri: `${publicUrl}/jwks`,
        response_types_supported: ['code'],
      });
      expect(publicUrl).toMatch(/^https:\/\/[^/?#]+$/);
    },
  );

  test(
    'names addresses at the root of the origin, and something is there (RFC 8414 §2)',
    verifies('as-metadata-members'),
    async () => {
      const document = await read(serverMetadata);
      const named = Object.entries(document).filter(([name]) => /_(endpoint|uri)$/.test(name));

      expect(named.length).toBeGreaterThan(4);
      for (const [, value] of named) {
        const { origin, pathname } = new URL(String(value));
        expect([origin, pathname.split('/').length]).toEqual([local.issuer, 2]);
        expect((await local.ask(pathname, { method: 'POST' })).statusCode).not.toBe(404);
      }
    },
  );

  test(
    'announces S256 and nothing weaker (MCP authorization, "Authorization Code Protection")',
    verifies('as-metadata-pkce'),
    async () => {
      for (const form of serverForms) {
        expect((await read(form)).code_challenge_methods_supported).toEqual(['S256']);
      }
    },
  );

  test(
    'says that answers carry the issuer, and they do (RFC 9207 §3)',
    verifies('as-metadata-iss-parameter'),
    async () => {
      const { location } = await authorize(local.proxy, await register(local.proxy));

      expect((await read(serverMetadata)).authorization_response_iss_parameter_supported).toBe(true);
      expect(location.searchParams.getAll('iss')).toEqual([local.issuer]);
    },
  );

  test(
    'and resource metadata have no null, no empty list and no empty text (RFC 8414 §3.2, RFC 9728 §3.2)',
    verifies('as-metadata-no-empty-members'),
    async () => {
      const bare = await openSite({ environment: { SCOPES_SUPPORTED: 'offline_access' } });
      for (const at of [local, bare]) {
        for (const form of [serverMetadata, '/.well-known/openid-configuration', resourceMetadata]) {
          const members = Object.values(await read(form, at));
          expect(members.length).toBeGreaterThan(2);
          for (const value of members) expect([null, '', '[]', '{}']).not.toContain(printed(value));
        }
      }
      await bare.site.close();
    },
  );

  test(
    'names what tokens and refresh tokens need: offline_access here, and neither in the resource’s metadata nor in its challenge (MCP authorization, "Refresh Tokens")',
    verifies('offline-access-as-only'),
    async () => {
      const challenge = (await local.ask('/mcp', { method: 'POST' })).headers['www-authenticate'];

      expect((await read(serverMetadata)).scopes_supported).toContain('offline_access');
      expect(JSON.stringify(await read(resourceMetadata))).not.toContain('offline_access');
      expect(challenge).toContain('scope="openid profile email"');
    },
  );
});

const printed = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : value;

describe('every form that clients try', () => {
  test.each(serverForms)(
    '%s is the authorization server’s metadata (RFC 8414 §3.1)',
    verifies('discovery-forms'),
    async (form) => {
      const answer = await local.ask(form);

      expect(answer.statusCode).toBe(200);
      expect(answer.body).toBe((await local.ask(serverMetadata)).body);
    },
  );

  test.each(resourceForms)(
    '%s is the resource’s metadata: the path behind the name, and the root as well (RFC 9728 §3.1)',
    verifies('discovery-forms', 'prm'),
    async (form) => {
      const answer = await local.ask(form);

      expect(answer.statusCode).toBe(200);
      expect(answer.json()).toMatchObject({ resource: `${local.issuer}/mcp` });
    },
  );

  test(
    'OpenID’s name serves it too, with the members that OpenID parsers insist on, though no ID token is issued (MCP authorization, "Authorization Code Protection")',
    verifies('openid-configuration'),
    async () => {
      const document = await read('/.well-known/openid-configuration');

      expect(document).toMatchObject({
        jwks_uri: `${local.issuer}/jwks`,
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
        code_challenge_methods_supported: ['S256'],
      });
      expect(OpenIdProviderDiscoveryMetadataSchema.parse(document)).toMatchObject({ issuer: local.issuer });
      expect(document).not.toHaveProperty('userinfo_endpoint');
    },
  );

  test.each(allForms)(
    'HEAD %s has the headers of GET and no body (RFC 9110 §9.3.2)',
    verifies('discovery-head'),
    async (form) => {
      const [head, get] = [await local.ask(form, { method: 'HEAD' }), await local.ask(form)];

      expect([head.statusCode, head.body]).toEqual([200, '']);
      expect(head.headers['content-length']).toBe(String(Buffer.byteLength(get.body)));
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
      expect(head.headers['cache-control']).toBe(get.headers['cache-control']);
    },
  );

  test.each(allForms)(
    'other methods at %s are 405 as JSON, readable by scripts, and not cached (RFC 9110 §15.5.6)',
    verifies('discovery-head'),
    async (form) => {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const answer = await local.ask(form, { method, headers: { origin: 'https://app.example' } });
        expect([method, answer.statusCode, answer.headers.allow]).toEqual([method, 405, 'GET, HEAD']);
        expect(answer.json()).toMatchObject({ error: 'invalid_request' });
        expect(answer.headers['access-control-allow-origin']).toBe('*');
        expect(answer.headers['cache-control']).toBe('no-store');
      }
    },
  );

  test.each(allForms)(
    '%s may be kept for minutes, is JSON in UTF-8, and the same for every caller (RFC 9110 §12.5.5)',
    verifies('discovery-caching'),
    async (form) => {
      const answer = await local.ask(form);
      const asked = [
        { accept: 'text/html' },
        { accept: 'application/xml' },
        { authorization: 'Bearer x' },
        { cookie: 'a=b' },
        { 'mcp-protocol-version': '2026-07-28' },
        { origin: 'https://app.example', 'accept-language': 'de' },
      ];

      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(answer.headers['cache-control']).toBe('public, max-age=300');
      expect(answer.headers).not.toHaveProperty('set-cookie');
      for (const headers of asked) {
        const again = await local.ask(form, { headers });
        expect([again.statusCode, again.body]).toEqual([200, answer.body]);
      }
    },
  );

  test.each([
    '/.well-known/unknown',
    '/.well-known/',
    '/.well-known/oauth-authorization-server/other',
    '/.well-known/oauth-protected-resource/other',
    '/.well-known/oauth-protected-resource/mcp/tenant',
    '/.well-known/openid-configuration/mcp/tenant',
    '/.well-known/jwks.json',
    '/other/.well-known/openid-configuration',
    '/mcp/.well-known/unknown',
    '/mcp/.well-known/',
    '/mcp/tenant/.well-known/openid-configuration',
  ])(
    '%s is 404 as JSON for programs and browsers: never a page, never 401 (RFC 8414 §3.2)',
    verifies('well-known-unknown'),
    async (path) => {
      for (const accept of ['*/*', 'text/html', 'text/html,application/xhtml+xml,*/*;q=0.8']) {
        const answer = await local.ask(path, { headers: { accept, origin: 'https://app.example' } });
        expect(answer.statusCode).toBe(404);
        expect(answer.json()).toMatchObject({ error: 'not_found' });
        expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
        expect(answer.headers['access-control-allow-origin']).toBe('*');
        expect(answer.headers).not.toHaveProperty('www-authenticate');
      }
    },
  );
});

describe('protected resource metadata', () => {
  test(
    'is about the address that clients use: https, no fragment, no slash at its end (RFC 9728 §3.3)',
    verifies('prm-resource'),
    async () => {
      for (const form of resourceForms) {
        expect((await read(form, named)).resource).toBe(`${publicUrl}/mcp`);
      }
    },
  );

  test(
    'names its one authorization server, its scopes, how tokens come, and what people call it (RFC 9728 §2)',
    verifies('prm-members'),
    async () => {
      expect(await read(resourceMetadata, named)).toEqual({
        resource: `${publicUrl}/mcp`,
        authorization_servers: [publicUrl],
        scopes_supported: ['openid', 'profile', 'email'],
        bearer_methods_supported: ['header'],
        resource_name: 'mcp.example.com',
      });
    },
  );
});

describe('one issuer', () => {
  test(
    'is the same string in metadata, resource metadata, answers and tokens (RFC 8414 §3.3, RFC 9207 §2, RFC 9068 §2.2)',
    verifies('as-metadata-issuer'),
    async () => {
      const client = await register(named.proxy);
      const authorization = await authorize(named.proxy, client);
      const { accessToken } = tokensOf(await redeem(named.proxy, client, authorization));

      expect([
        (await read(serverMetadata, named)).issuer,
        (await read('/.well-known/openid-configuration', named)).issuer,
        ...((await read(resourceMetadata, named)).authorization_servers as string[]),
        authorization.location.searchParams.get('iss'),
        decodeJwt(accessToken).iss,
      ]).toEqual([publicUrl, publicUrl, publicUrl, publicUrl, publicUrl]);
      expect(decodeJwt(accessToken).aud).toBe(`${publicUrl}/mcp`);
    },
  );

  const evil = 'evil.example';
  const hostile: readonly (readonly [string, (path: string) => string, Record<string, string>])[] = [
    ['Host', (path) => path, { host: evil }],
    ['Host with a port', (path) => path, { host: `${evil}:8443` }],
    ['X-Forwarded-Host', (path) => path, { 'x-forwarded-host': evil, 'x-forwarded-proto': 'http' }],
    ['X-Forwarded-Prefix', (path) => path, { 'x-forwarded-prefix': `/${evil}`, 'x-forwarded-port': '81' }],
    ['Forwarded', (path) => path, { forwarded: `host=${evil};proto=http` }],
    ['X-Original-URL', (path) => path, { 'x-original-url': `https://${evil}/`, 'x-rewrite-url': `/${evil}` }],
    ['X-Mcp-Oauth-Proxy-URL', (path) => path, { 'x-mcp-oauth-proxy-url': `https://${evil}` }],
    ['a whole URL as target', (path) => `http://${evil}${path}`, { host: evil }],
    ['a whole URL beside Host', (path) => `https://${evil}:99${path}`, { host: 'mcp.example.com' }],
  ];

  test.each(hostile)(
    'does not come from the request: %s changes no document, no challenge, no page (RFC 8414 §3.3, RFC 9112 §3.2.2)',
    verifies('as-metadata-issuer'),
    async (_name, target, headers) => {
      for (const form of [...allForms, '/mcp', '/']) {
        const [plain, changed] = [await named.ask(form), await named.ask(target(form), { headers })];
        expect([form, changed.statusCode, changed.body]).toEqual([form, plain.statusCode, plain.body]);
        expect(changed.headers['www-authenticate']).toBe(plain.headers['www-authenticate']);
        expect(JSON.stringify(changed.headers)).not.toContain(evil);
      }
    },
  );

  test(
    'nor do headers that a trusted front sends: they say who calls, not who we are (RFC 8414 §3.3)',
    verifies('as-metadata-issuer'),
    async () => {
      const trusting = await openSite({ isPublic: true, environment: { TRUST_PROXY: '127.0.0.1' } });
      const headers = { 'x-forwarded-host': evil, 'x-forwarded-proto': 'http', host: evil };
      for (const form of [serverMetadata, resourceMetadata, '/mcp']) {
        const answer = await trusting.ask(form, { headers });
        expect(answer.body + JSON.stringify(answer.headers)).not.toContain(evil);
      }
      await trusting.site.close();
    },
  );
});

describe('keys', () => {
  test(
    'are published, public parts only, each with id, use and algorithm (RFC 9068 §4, RFC 7517 §4)',
    verifies('jwks'),
    async () => {
      const { keys } = (await local.ask('/jwks')).json<{ keys: Record<string, unknown>[] }>();

      expect(keys.length).toBeGreaterThan(0);
      for (const key of keys) {
        expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', use: 'sig', alg: 'ES256' });
        expect(key.kid).toMatch(/^[\w-]{43}$/);
        for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(secret);
      }
    },
  );

  test(
    'sign with RS256 where the operator wants that (RFC 9068 §2.1)',
    verifies('signing-rs256'),
    async () => {
      const rsa = await openSite({ environment: { SIGNING_ALG: 'RS256' } });
      const { keys } = (await rsa.ask('/jwks')).json<{ keys: Record<string, unknown>[] }>();
      const client = await register(rsa.proxy);
      const { accessToken } = tokensOf(await redeem(rsa.proxy, client, await authorize(rsa.proxy, client)));
      const accepted = await callMcp(rsa.proxy, accessToken, { method: 'POST' });
      await rsa.site.close();

      expect(keys[0]).toMatchObject({ kty: 'RSA', alg: 'RS256' });
      expect(accepted.statusCode).toBe(406);
    },
  );
});

describe('strict clients take every document', () => {
  test(
    'the schemas of MCP’s SDK 1 (RFC 8414 §2, RFC 9728 §2)',
    verifies('discovery-forms', 'as-metadata-members', 'prm-members'),
    async () => {
      for (const form of serverForms) {
        const document = await read(form);
        expect(OAuthMetadataSchema.parse(document)).toMatchObject({ issuer: local.issuer });
        expect(OpenIdProviderDiscoveryMetadataSchema.parse(document)).toMatchObject({ issuer: local.issuer });
      }
      for (const form of resourceForms) {
        const resource = OAuthProtectedResourceMetadataSchema.parse(await read(form));
        expect(resource.resource).toBe(`${local.issuer}/mcp`);
      }
    },
  );

  test.each([
    ['SDK 1', v1],
    ['SDK 2', v2],
  ])(
    'MCP’s %s finds resource and server by itself (MCP 2026-07-28, "Authorization Server Discovery")',
    verifies('discovery-forms', 'prm', 'as-metadata'),
    async (_name, sdk) => {
      const resource = await sdk.discoverOAuthProtectedResourceMetadata(`${local.issuer}/mcp`);
      const [server = ''] = resource.authorization_servers ?? [];
      const metadata = await sdk.discoverAuthorizationServerMetadata(server);

      expect(metadata).toMatchObject({ issuer: local.issuer, code_challenge_methods_supported: ['S256'] });
    },
  );

  test.each(['oauth2', 'oidc'] as const)(
    'oauth4webapi and openid-client by %s, with the issuer compared (RFC 8414 §3.3)',
    verifies('discovery-forms', 'as-metadata-issuer'),
    async (algorithm) => {
      const issuer = new URL(local.issuer);
      const found = await oauth.processDiscoveryResponse(
        issuer,
        await oauth.discoveryRequest(issuer, { algorithm, [oauth.allowInsecureRequests]: true }),
      );
      const config = await openid.discovery(issuer, 'a client', undefined, openid.None(), {
        algorithm,
        execute: [openid.allowInsecureRequests],
      });

      expect(found.issuer).toBe(local.issuer);
      expect(config.serverMetadata().token_endpoint).toBe(`${local.issuer}/token`);
    },
  );

  test(
    'oauth4webapi by the resource, with its address compared (RFC 9728 §3.3)',
    verifies('prm-resource'),
    async () => {
      const resource = new URL(`${local.issuer}/mcp`);
      const found = await oauth.processResourceDiscoveryResponse(
        resource,
        await oauth.resourceDiscoveryRequest(resource, { [oauth.allowInsecureRequests]: true }),
      );

      expect(found.authorization_servers).toEqual([local.issuer]);
    },
  );
});

describe('a client of MCP 2025-03-26, which knows the origin alone', () => {
  test(
    'finds metadata at the root, without ever seeing resource metadata (MCP 2025-03-26 authorization, "Server Metadata Discovery")',
    verifies('root-fallback-endpoints'),
    async () => {
      const origin = new URL('/mcp/anything', local.issuer).origin;
      const metadata = (await local.ask(serverMetadata)).json<Record<string, string>>();

      expect(metadata.authorization_endpoint).toBe(`${origin}/authorize`);
      expect(metadata.token_endpoint).toBe(`${origin}/token`);
      expect(metadata.registration_endpoint).toBe(`${origin}/register`);
    },
  );

  test(
    'or goes straight to /register, /authorize and /token, sends no resource, and gets a token for the MCP server (MCP 2025-03-26 authorization, "Fallbacks for Servers without Metadata Discovery")',
    verifies('root-fallback-endpoints'),
    async () => {
      const client = await register(local.proxy, { redirect_uris: ['http://localhost:33418/callback'] });
      const authorization = await authorize(local.proxy, client);
      const tokens = tokensOf(await redeem(local.proxy, client, authorization));

      expect(decodeJwt(tokens.accessToken).aud).toBe(`${local.issuer}/mcp`);
      expect((await callMcp(local.proxy, tokens.accessToken, { method: 'POST' })).statusCode).toBe(406);
    },
  );
});

describe('scripts of other sites', () => {
  const origin = 'https://app.example';

  test.each([...allForms, '/token', '/revoke', '/register'])(
    'may ask %s anything, and never with credentials (RFC 9700 §2.6)',
    verifies('cors-machines'),
    async (path) => {
      const wanted = 'authorization,content-type,mcp-protocol-version';
      const preflight = await local.ask(path, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': wanted,
        },
      });
      const answer = await local.ask(path, { headers: { origin } });

      expect(preflight.statusCode).toBe(204);
      expect(preflight.headers['access-control-allow-headers']).toBe(wanted);
      expect(preflight.headers['access-control-allow-methods']).toContain('POST');
      for (const { headers } of [preflight, answer]) {
        expect(headers['access-control-allow-origin']).toBe('*');
        expect(headers).not.toHaveProperty('access-control-allow-credentials');
      }
      expect(answer.headers['access-control-expose-headers']).toMatch(/WWW-Authenticate.*Retry-After/);
    },
  );

  test('may read refusals too: 400, 401, 405, 429 (RFC 9700 §2.6)', verifies('cors-machines'), async () => {
    const limited = await openSite({ environment: { RATE_LIMIT_MAX: '1' } });
    const form = { 'content-type': 'application/x-www-form-urlencoded', origin };
    const answers = [
      await local.ask('/token', { method: 'POST', headers: form, body: 'grant_type=password' }),
      await local.ask('/token', {
        method: 'POST',
        headers: form,
        body: 'grant_type=refresh_token&refresh_token=x&client_id=nobody',
      }),
      await local.ask('/token', { headers: { origin } }),
      await limited.ask('/token', { method: 'POST', headers: form }),
      await limited.ask('/token', { method: 'POST', headers: form }),
    ];
    await limited.site.close();

    expect(answers.map(({ statusCode }) => statusCode)).toEqual([400, 401, 405, 400, 429]);
    for (const { headers } of answers) expect(headers['access-control-allow-origin']).toBe('*');
    expect(Number(answers[4]?.headers['retry-after'])).toBeGreaterThan(0);
  });

  test.each(['/', '/authorize', '/consent', '/callback'])(
    'get nothing from %s, which is for people (RFC 9700 §2.6)',
    verifies('cors-never-on-pages'),
    async (path) => {
      const spellings = [path, `${path}?client_id=x`, path.replace('a', '%61'), `http://evil.example${path}`];
      const methods = ['GET', 'POST', 'OPTIONS', 'DELETE'];
      for (const target of spellings) {
        for (const method of methods) {
          const headers = { origin, 'access-control-request-method': 'GET', accept: 'text/html' };
          const answer = await local.ask(target, { method, headers });
          const allowed = Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'));
          expect([target, method, allowed]).toEqual([target, method, []]);
        }
      }
    },
  );

  test(
    'nor from the consent page itself, whatever client asked for it (RFC 9700 §2.6)',
    verifies('cors-never-on-pages'),
    async () => {
      const url = authorizeUrl(await register(local.proxy), 'v'.repeat(43));
      const page = await openBrowser(local.proxy).get(url, { origin });

      expect(page.statusCode).toBe(200);
      expect(page.headers).not.toHaveProperty('access-control-allow-origin');
    },
  );
});
