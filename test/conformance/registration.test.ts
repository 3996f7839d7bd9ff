/** Dynamic client registration (RFC 7591). */
import { OAuthClientInformationFullSchema } from '@modelcontextprotocol/sdk/shared/auth.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../support/app.ts';
import { askConsent, refresh, register, signIn } from '../support/authorize.ts';
import { createClock } from '../support/clock.ts';
import { textOf } from '../support/html.ts';
import { openSite, type Outside } from './outside.ts';
import { verifies } from './verifies.ts';

let local: Outside;
beforeAll(async () => {
  local = await openSite();
});
afterAll(() => local.site.close());

const redirectUri = 'https://client.example/callback';
const post = async (metadata: unknown, at = local): Promise<Answer> =>
  at.ask('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof metadata === 'string' ? metadata : JSON.stringify(metadata),
  });
const registered = async (metadata: Readonly<Record<string, unknown>> = {}) => {
  const answer = await post({ redirect_uris: [redirectUri], ...metadata });
  expect(answer.statusCode).toBe(201);
  return answer.json<Record<string, unknown>>();
};

test(
  'anyone may register, without a credential, where the metadata says; nothing has to be asked for first (MCP 2025-03-26 and later, "Dynamic Client Registration")',
  verifies('register-policy'),
  async () => {
    const { registration_endpoint: endpoint } = (
      await local.ask('/.well-known/oauth-authorization-server')
    ).json<{ registration_endpoint: string }>();

    expect(endpoint).toBe(`${local.issuer}/register`);
    expect((await post({ redirect_uris: [redirectUri] })).statusCode).toBe(201);
  },
);

test(
  'where the operator switched it off it is neither announced nor there; known clients alone can be let in (MCP 2026-07-28, "Dynamic Client Registration")',
  verifies('register-policy'),
  async () => {
    const off = await openSite({ environment: { CLIENT_REGISTRATION: 'off' } });
    const known = await openSite({ environment: { CLIENT_REGISTRATION: 'known' } });
    const documents = await Promise.all(
      [off, known].map(async (at) =>
        (await at.ask('/.well-known/oauth-authorization-server')).json<Record<string, unknown>>(),
      ),
    );
    const claude = { redirect_uris: ['https://claude.ai/api/mcp/auth_callback', redirectUri] };
    const answers = [await post(claude, off), await post({ redirect_uris: [redirectUri] }, known)];
    const letIn = await post(claude, known);
    await off.site.close();
    await known.site.close();

    expect(documents.map((document) => 'registration_endpoint' in document)).toEqual([false, true]);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([403, 400]);
    expect(letIn.statusCode).toBe(201);
    expect(letIn.json()).toMatchObject({ redirect_uris: ['https://claude.ai/api/mcp/auth_callback'] });
  },
);

test(
  'the answer is 201, JSON, not stored, with all that was registered and when, as strict parsers take it (RFC 7591 §3.2.1)',
  verifies('register-response'),
  async () => {
    const sent = {
      redirect_uris: [redirectUri, 'http://127.0.0.1/callback'],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      client_name: 'A client',
      client_uri: 'https://client.example/',
      scope: 'openid email',
    };
    const answer = await post(sent);
    const body = answer.json<Record<string, unknown>>();

    expect(answer.statusCode).toBe(201);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      pragma: 'no-cache',
    });
    expect(body).toMatchObject(sent);
    expect(Number.isInteger(body.client_id_issued_at)).toBe(true);
    expect(Math.abs(Number(body.client_id_issued_at) - Date.now() / 1000)).toBeLessThan(60);
    expect(OAuthClientInformationFullSchema.parse(body).client_id).toBe(body.client_id);
  },
);

test(
  'a secret comes with the integer that says that it does not expire; a public client gets neither (RFC 7591 §3.2.1)',
  verifies('register-secret'),
  async () => {
    for (const method of ['client_secret_basic', 'client_secret_post']) {
      const body = await registered({ token_endpoint_auth_method: method });
      expect(body.client_secret).toMatch(/[\w-]{43}$/);
      expect(body.client_secret_expires_at).toBe(0);
    }
    const body = await registered({ token_endpoint_auth_method: 'none' });
    expect(body).not.toHaveProperty('client_secret');
    expect(body).not.toHaveProperty('client_secret_expires_at');
  },
);

test(
  'nothing in the answer is null or empty, whatever was sent (LM Studio, Claude Code and SDK parsers refuse null)',
  verifies('register-no-null'),
  async () => {
    const names = ['client_name', 'client_uri', 'logo_uri', 'tos_uri', 'policy_uri', 'software_id', 'scope'];
    for (const nothing of [null, '']) {
      const body = await registered({
        ...Object.fromEntries(names.map((name) => [name, nothing])),
        grant_types: null,
        response_types: null,
        token_endpoint_auth_method: null,
        contacts: null,
        jwks: null,
        jwks_uri: null,
        application_type: null,
      });
      for (const value of Object.values(body)) {
        expect([null, '', undefined]).not.toContain(value);
        if (Array.isArray(value)) expect(value.length).toBeGreaterThan(0);
      }
      expect(OAuthClientInformationFullSchema.safeParse(body).success).toBe(true);
    }
  },
);

test(
  'what is left out has the defaults, with refresh tokens besides; what is unknown is ignored (RFC 7591 §2, docs/divergences.md)',
  verifies('register-defaults'),
  async () => {
    const body = await registered({ 'x-unknown': { a: 1 }, userinfo_signed_response_alg: 'RS256' });

    expect(body).toMatchObject({
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      redirect_uris: [redirectUri],
    });
    expect(body).not.toHaveProperty('x-unknown');
  },
);

test.each<readonly [string, unknown]>([
  ['invalid_redirect_uri', { redirect_uris: [] }],
  ['invalid_redirect_uri', {}],
  ['invalid_redirect_uri', { redirect_uris: 'https://client.example/cb' }],
  ['invalid_redirect_uri', { redirect_uris: [1] }],
  ['invalid_redirect_uri', { redirect_uris: ['javascript:alert(1)'] }],
  ['invalid_redirect_uri', { redirect_uris: ['http://evil.example/cb'] }],
  ['invalid_client_metadata', { redirect_uris: [redirectUri], token_endpoint_auth_method: 'unknown' }],
  ['invalid_client_metadata', { redirect_uris: [redirectUri], grant_types: ['implicit'] }],
  ['invalid_client_metadata', { redirect_uris: [redirectUri], grant_types: ['password'] }],
  ['invalid_client_metadata', { redirect_uris: [redirectUri], response_types: ['token'] }],
  [
    'invalid_client_metadata',
    { redirect_uris: [redirectUri], jwks: { keys: [] }, jwks_uri: 'https://client.example/jwks' },
  ],
  ['invalid_client_metadata', '{'],
  ['invalid_client_metadata', ''],
])('%s for %j (RFC 7591 §3.2.2)', verifies('register-errors'), async (error, metadata) => {
  const answer = await post(metadata);

  expect([answer.statusCode, answer.json()]).toMatchObject([400, { error }]);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
  });
});

test(
  'of several redirect URIs the good ones are registered and said (RFC 7591 §3.2.1, docs/divergences.md)',
  verifies('register-errors'),
  async () => {
    const good = [
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'http://localhost:8787/callback',
      redirectUri,
    ];
    const body = await registered({ redirect_uris: ['http://evil.example/cb', ...good, 'javascript:x'] });

    expect(body.redirect_uris).toEqual(good);
  },
);

test(
  'what a client says of itself is a claim: the page says so, loads none of it, and leaves out what is not https (RFC 7591 §5)',
  verifies('register-self-asserted'),
  async () => {
    const hostile = {
      client_name: 'Claude',
      client_uri: 'javascript:alert(1)',
      logo_uri: 'http://evil.example/logo.png',
      tos_uri: 'data:text/html,x',
      policy_uri: 'https://evil.example/policy',
    };
    const answer = await registered({ ...hostile, token_endpoint_auth_method: 'none' });
    const client = await register(local.proxy, {
      ...hostile,
      logo_uri: 'https://evil.example/logo.png',
      redirect_uris: ['https://evil.example/callback'],
    });
    const { page } = await askConsent(local.proxy, client);

    for (const name of ['client_uri', 'logo_uri', 'tos_uri']) expect(answer).not.toHaveProperty(name);
    expect(page.body).not.toMatch(/<img|src=|javascript:|data:text/i);
    expect(textOf(page)).toContain('Claude');
    expect(textOf(page)).toContain('evil.example');
    expect(textOf(page)).toMatch(
      /not verified|unverified|says it is|claims|nobody has checked|calls itself/i,
    );
  },
);

describe('limits', () => {
  test('a body, a list and a name have a size (RFC 7591 §5)', verifies('register-limits'), async () => {
    const many = Array.from({ length: 100 }, (_, index) => `https://client.example/${index}`);
    const large = await post({ redirect_uris: [redirectUri], client_name: 'x'.repeat(100_000) });
    const long = await post({ redirect_uris: [`https://client.example/${'x'.repeat(5000)}`] });

    expect(large.statusCode).toBe(413);
    expect((await post({ redirect_uris: many })).json()).toMatchObject({ error: 'invalid_redirect_uri' });
    expect(long.json()).toMatchObject({ error: 'invalid_redirect_uri' });
    expect((await post({ redirect_uris: many.slice(0, 12) })).statusCode).toBe(201);
  });

  test(
    'too many are 429 with the time to wait (RFC 7591 §5, RFC 6585 §4)',
    verifies('register-limits'),
    async () => {
      const limited = await openSite({ environment: { RATE_LIMIT_MAX: '1' } });
      const answers = [];
      for (let index = 0; index < 13; index += 1) {
        answers.push(await post({ redirect_uris: [`https://client.example/${index}`] }, limited));
      }
      await limited.site.close();

      expect(answers[0]?.statusCode).toBe(201);
      expect(answers.at(-1)?.statusCode).toBe(429);
      expect(Number(answers.at(-1)?.headers['retry-after'])).toBeGreaterThan(0);
    },
  );

  test(
    'a client that someone uses is still there after months (RFC 7591 §5)',
    verifies('register-limits'),
    async () => {
      const clock = createClock();
      const at = await openSite({ clock });
      const client = await register(at.proxy);
      let { refreshToken } = await signIn(at.proxy, client);
      for (let month = 0; month < 3; month += 1) {
        clock.advance({ days: 29 });
        refreshToken = (await refresh(at.proxy, client, refreshToken)).json<{ refresh_token: string }>()
          .refresh_token;
      }
      const { page } = await askConsent(at.proxy, client);
      await at.site.close();

      expect(refreshToken).toMatch(/./);
      expect(page.statusCode).toBe(200);
    },
  );
});

test.each([
  ['web', ['cursor://anysphere.cursor-mcp/oauth/callback', 'http://localhost:8787/callback']],
  ['web', ['http://127.0.0.1/callback']],
  ['native', ['https://client.example/callback']],
  ['native', ['http://localhost:33418/callback']],
  ['something', ['http://localhost:33418/callback']],
])(
  'application_type %s with %j is accepted (MCP 2026-07-28, "Application Type and Redirect URI Constraints")',
  verifies('register-application-type'),
  async (type, uris) => {
    const body = await registered({ application_type: type, redirect_uris: uris });

    expect(body.redirect_uris).toEqual(uris);
  },
);

test(
  'an id that we make is no address, and nobody can choose one (MCP 2026-07-28, "Client ID Metadata Documents")',
  verifies('client-id-not-a-url'),
  async () => {
    const wanted = {
      client_id: 'https://client.example/metadata.json',
      client_name: 'https://client.example',
    };
    const ids = [await registered(wanted), await registered({ ...wanted, software_id: 'x' })].map(
      ({ client_id: id }) => String(id),
    );

    for (const id of ids) {
      expect(id).toMatch(/^[\w-]{16,}$/);
      expect(URL.canParse(id)).toBe(false);
    }
  },
);
