/** CLIENT_REGISTRATION: who may introduce itself, and who stops at the door (RFC 7591 §3, clients.md P23). */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ClientPolicy } from '../../src/protocol/client-policy.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  askConsent,
  authorizeUrl,
  callMcp,
  redeem,
  refresh,
  register,
  registerByOperator,
  signIn,
  authorize,
  tokensOf,
} from '../support/authorize.ts';

const claude = 'https://claude.ai/api/mcp/auth_callback';
const stranger = 'https://client.example/callback';
const serverMetadata = '/.well-known/oauth-authorization-server';

/** The server as it was before the operator closed the door. */
let open: TestApp;
beforeAll(async () => {
  open = await startTestApp();
  return open.close;
});

let proxy: TestApp;
async function restart(clientRegistration: ClientPolicy): Promise<void> {
  proxy = await startTestApp({ db: open.db, config: { ...open.config, clientRegistration } });
}
afterEach(() => proxy.close());

/** The answer to a client whose id is this URL. Nothing is there to read in these tests. */
async function statusOf(clientId: string): Promise<number> {
  const client = { clientId, clientSecret: undefined, redirectUri: 'http://localhost/callback' };
  return (await proxy.send({ url: authorizeUrl(client, 'v'.repeat(43)) })).statusCode;
}

const post = async (payload: object) => proxy.send({ method: 'POST', url: '/register', payload });

describe('off', () => {
  beforeEach(async () => restart('off'));

  test('the endpoint is not announced, in none of the documents (RFC 8414 §2)', async () => {
    for (const url of [serverMetadata, '/.well-known/openid-configuration']) {
      const document = (await proxy.send({ url })).json<object>();
      expect(document).not.toHaveProperty('registration_endpoint');
      expect(document).not.toHaveProperty('client_id_metadata_document_supported');
    }
    expect((await open.send({ url: serverMetadata })).json()).toMatchObject({
      registration_endpoint: expect.stringContaining('/register') as string,
      client_id_metadata_document_supported: true,
    });
  });

  test.each([{ redirect_uris: [claude] }, { redirect_uris: [stranger] }, {}, []])(
    '%j: 403 as JSON, whatever is sent (RFC 7591 §3)',
    async (payload) => {
      const answer = await post(payload);

      expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([403, 'access_denied']);
      expect(answer.json<{ error_description: string }>().error_description).toContain('client_id');
      expect(answer.headers['cache-control']).toBe('no-store');
    },
  );

  test('a document is no client either, not even a known one (MCP, client registration)', async () => {
    expect(await statusOf('https://claude.ai/oauth/claude-code-client-metadata')).toBe(403);
  });

  test('the start page asks for a client ID', async () => {
    const page = await proxy.send({ url: '/', headers: { accept: 'text/html' } });
    expect(page.body).toContain('Apps cannot register themselves here');
    const before = await open.send({ url: '/', headers: { accept: 'text/html' } });
    expect(before.body).not.toContain('Apps cannot register themselves here');
  });

  test('a client that the operator made goes all the way', async () => {
    const client = await registerByOperator(proxy);
    const { accessToken } = await signIn(proxy, client);

    expect((await callMcp(proxy, accessToken)).statusCode).toBe(200);
  });
});

describe('known', () => {
  beforeEach(async () => restart('known'));

  test('a known client registers with the redirect URIs that are known; the others are left out (RFC 7591 §3.2.1)', async () => {
    const answer = await post({ redirect_uris: [stranger, claude], token_endpoint_auth_method: 'none' });

    expect(answer.statusCode).toBe(201);
    expect(answer.json()).toMatchObject({ redirect_uris: [claude] });
    expect((await proxy.send({ url: serverMetadata })).json()).toHaveProperty('registration_endpoint');
  });

  test.each([
    stranger,
    'https://claude.ai.evil.example/api/mcp/auth_callback',
    'evil-app://callback',
    'http://localhost:1/evil',
  ])('%s is invalid_redirect_uri, whatever the client calls itself (RFC 7591 §3.2.2)', async (uri) => {
    const answer = await post({ client_name: 'Claude', redirect_uris: [uri] });

    expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([
      400,
      'invalid_redirect_uri',
    ]);
  });

  test('a strange document is refused before anything is read (MCP, client registration)', async () => {
    expect(await statusOf('https://client.example/client.json')).toBe(403);
  });

  test('a known client goes all the way', async () => {
    const client = await register(proxy, { redirect_uris: [claude] });
    expect((await redeem(proxy, client, await authorize(proxy, client))).statusCode).toBe(200);
  });
});

test.each(['known', 'off'] as const)(
  '%s: a stranger that came before stops at /authorize with a page, its grants live on (RFC 6749 §4.1.2.1)',
  async (policy) => {
    const client = await register(open, { client_name: `Before ${policy}` });
    const tokens = await signIn(open, client);
    await restart(policy);
    const url = authorizeUrl(client, 'v'.repeat(43));

    const page = await proxy.send({ url, headers: { accept: 'text/html' } });
    expect([page.statusCode, page.headers.location]).toEqual([403, undefined]);
    expect(page.body).toContain('This app may not connect here');
    expect((await proxy.send({ url })).json()).toMatchObject({ error: 'unauthorized_client' });
    const refreshed = tokensOf(await refresh(proxy, client, tokens.refreshToken));
    expect((await callMcp(proxy, refreshed.accessToken)).statusCode).toBe(200);
  },
);

test('known: of a client that came before, only its known redirect URI still works', async () => {
  const client = await register(open, { redirect_uris: [claude, stranger] });
  await restart('known');

  expect((await askConsent(proxy, client)).page.statusCode).toBe(200);
  const other = await proxy.send({ url: authorizeUrl({ ...client, redirectUri: stranger }, 'v'.repeat(43)) });
  expect(other.statusCode).toBe(403);
});
