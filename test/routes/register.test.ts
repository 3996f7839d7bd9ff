/** `/register`: dynamic client registration (RFC 7591). */
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type Answer, type TestApp } from '../support/app.ts';
import { authorize, redeem, type TestClient } from '../support/authorize.ts';

let proxy: TestApp;
beforeAll(async () => {
  proxy = await startTestApp();
  return proxy.close;
});

const redirect_uris = ['https://client.example/cb'];
const post = async (payload: unknown): Promise<Answer> =>
  proxy.send({ method: 'POST', url: '/register', payload: payload as object });
const asClient = (answer: Answer): TestClient => {
  const { client_id, client_secret, redirect_uris } = answer.json<{
    client_id: string;
    client_secret?: string;
    redirect_uris: string[];
  }>();
  return { clientId: client_id, clientSecret: client_secret, redirectUri: redirect_uris[0] ?? '' };
};

test('201 with everything that was registered, defaults included, for nobody to store (RFC 7591 §3.2.1)', async () => {
  const answer = await post({ redirect_uris });
  expect(answer.statusCode).toBe(201);
  expect(answer.headers['content-type']).toMatch(/^application\/json\b/);
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(answer.json()).toEqual({
    client_id: expect.stringMatching(/^[\w-]{22}$/) as string,
    client_id_issued_at: Math.floor(proxy.clock().getTime() / 1000),
    client_secret: expect.stringMatching(/^mop_cs_[\w-]{43}$/) as string,
    client_secret_expires_at: 0,
    redirect_uris,
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  });
});

test('a public client gets no secret, and no word about one (RFC 7591 §3.2.1)', async () => {
  const registered = (await post({ redirect_uris, token_endpoint_auth_method: 'none' })).json<object>();
  expect(Object.keys(registered).filter((name) => name.includes('secret'))).toEqual([]);
});

test('what is informational is echoed; what was null or unknown is left out: no null ever (RFC 7591 §2)', async () => {
  const answer = await post({
    redirect_uris,
    client_name: 'Claude',
    client_uri: 'https://claude.ai/',
    logo_uri: null,
    tos_uri: '',
    policy_uri: 'javascript:alert(1)',
    scope: 'openid email',
    software_id: 'x',
    application_type: 'native',
    contacts: ['a@client.example'],
    client_id: 'chosen by the client',
    source: 'operator',
  });
  const registered = answer.json<Record<string, unknown>>();
  expect(registered).toMatchObject({
    client_name: 'Claude',
    client_uri: 'https://claude.ai/',
    scope: 'openid email',
    software_id: 'x',
    application_type: 'native',
  });
  expect(registered.client_id).not.toBe('chosen by the client');
  expect(Object.values(registered)).not.toContain(null);
  for (const name of ['logo_uri', 'tos_uri', 'policy_uri', 'contacts', 'source', 'registration_client_uri']) {
    expect(registered).not.toHaveProperty(name);
  }
});

test.each(['none', 'client_secret_basic', 'client_secret_post'])(
  'a client registered with %s can get tokens that way at once (RFC 8414 §2: what is listed works)',
  async (token_endpoint_auth_method) => {
    const client = asClient(await post({ redirect_uris, token_endpoint_auth_method }));
    expect((await redeem(proxy, client, await authorize(proxy, client))).statusCode).toBe(200);
  },
);

test('the accepted part of a list is registered and echoed (RFC 7591 §3.2.1)', async () => {
  const uris = [
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'http://evil.example/cb',
    'http://localhost:8787/cb',
  ];
  const registered = (await post({ redirect_uris: uris })).json<{ redirect_uris: string[] }>();
  expect(registered.redirect_uris).toEqual([uris[0], uris[2]]);
});

describe('refusals (RFC 7591 §3.2.2)', () => {
  test.each<[string, unknown, string]>([
    ['no redirect URIs', { client_name: 'x' }, 'invalid_redirect_uri'],
    ['http that is not loopback', { redirect_uris: ['http://evil.example/cb'] }, 'invalid_redirect_uri'],
    ['javascript:', { redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
    ['a fragment', { redirect_uris: ['https://client.example/cb#x'] }, 'invalid_redirect_uri'],
    [
      'too many',
      { redirect_uris: Array.from({ length: 30 }, (_, i) => `https://a.example/${i}`) },
      'invalid_redirect_uri',
    ],
    [
      'an unknown way to authenticate',
      { redirect_uris, token_endpoint_auth_method: 'private_key_jwt' },
      'invalid_client_metadata',
    ],
    [
      'only a grant that is not there',
      { redirect_uris, grant_types: ['client_credentials'] },
      'invalid_client_metadata',
    ],
    [
      'jwks beside jwks_uri',
      { redirect_uris, jwks: {}, jwks_uri: 'https://client.example/jwks' },
      'invalid_client_metadata',
    ],
    ['a list', [], 'invalid_client_metadata'],
  ])('%s', async (_, payload, code) => {
    const answer = await post(payload);
    expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([400, code]);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body).toMatch(/^[\x20-\x7e]*$/);
  });

  test.each<[string, string, string]>([
    ['broken JSON', 'application/json', '{"redirect_uris":['],
    ['no JSON', 'application/json', ''],
    ['a form', 'application/x-www-form-urlencoded', 'redirect_uris=https://client.example/cb'],
    ['text', 'text/plain', '{"redirect_uris":["https://client.example/cb"]}'],
    ['polluted JSON', 'application/json', '{"__proto__":{"redirect_uris":["https://client.example/cb"]}}'],
  ])('%s is invalid_client_metadata', async (_, type, payload) => {
    const answer = await proxy.send({
      method: 'POST',
      url: '/register',
      payload,
      headers: { 'content-type': type },
    });
    expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([
      400,
      'invalid_client_metadata',
    ]);
  });

  test('more than anyone needs is refused before it is read (RFC 7591 §5)', async () => {
    const answer = await post({ redirect_uris, client_name: 'x'.repeat(100_000) });
    expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([
      413,
      'invalid_client_metadata',
    ]);
  });
});

test('odd characters in names are no reason to fail (RFC 7591 §2)', async () => {
  for (const client_name of ['a\0b', '\ud800', '\u202ereversed', '👩‍🚀'.repeat(5)]) {
    expect((await post({ redirect_uris, client_name, software_id: client_name })).statusCode).toBe(201);
  }
});

test.each(['GET', 'PUT', 'DELETE', 'PATCH'] as const)(
  '%s is 405 with Allow (RFC 9110 §15.5.6)',
  async (method) => {
    const answer = await proxy.send({ method, url: '/register' });
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'POST']);
  },
);

test('a secret is stored as its hash only (design: secrets at rest)', async () => {
  const { clientSecret = '' } = asClient(await post({ redirect_uris }));
  const { rows } = await proxy.db.query({ text: 'select c::text as row from clients c', values: [] });
  expect(clientSecret).not.toBe('');
  expect(JSON.stringify(rows)).not.toContain(clientSecret);
  expect(JSON.stringify(rows)).not.toContain(Buffer.from(clientSecret).toString('hex'));
});
