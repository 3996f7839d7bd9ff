/** The token endpoint (OAuth 2.1 §3.2, §4): on PostgreSQL behind two instances, and on the embedded database. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import type { Answer } from '../support/app.ts';
import {
  authorize,
  callMcp,
  redeem,
  refresh,
  register,
  registerStranger,
  revoke,
  signIn,
  type TestClient,
  tokensOf,
} from '../support/authorize.ts';
import { formOf, postForm } from '../support/browser.ts';
import { createClock } from '../support/clock.ts';
import { databaseKinds, describePrivatePostgres } from '../support/database.ts';
import { startPostgres } from '../support/postgres.ts';
import { openSite, type Outside } from './outside.ts';
import { verifies } from './verifies.ts';

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const reached = 406;
const codeOf = (answer: Answer): readonly [number, string | undefined] => [
  answer.statusCode,
  answer.json<{ error?: string }>().error,
];
const times = async (count: number, act: () => Promise<Answer>): Promise<readonly Answer[]> =>
  Promise.all(Array.from({ length: count }, act));

describe.each(databaseKinds)('on %s', (kind) => {
  let at: Outside;
  let web: TestClient;
  let basic: TestClient;
  let post: TestClient;
  const clock = createClock();
  beforeAll(async () => {
    at = await openSite({ kind, clock, instances: kind === 'postgres' ? 2 : 1 });
    web = await register(at.proxy);
    basic = await register(at.proxy, { token_endpoint_auth_method: 'client_secret_basic' });
    post = await register(at.proxy, { token_endpoint_auth_method: 'client_secret_post' });
  });
  afterAll(() => at.site.close());

  const call = async (accessToken: string): Promise<number> =>
    (await callMcp(at.proxy, accessToken, { method: 'POST' })).statusCode;
  const basicHeader = (id: string, secret: string): { authorization: string } => ({
    authorization: `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`,
  });
  const encode = (text: string): string => new URLSearchParams({ x: text }).toString().slice(2);

  describe('a request', () => {
    test(
      'is a form by POST: other methods are 405, JSON and other types invalid_request (RFC 6749 §3.2)',
      verifies('token-post-form'),
      async () => {
        const refreshToken = (await signIn(at.proxy, web)).refreshToken;
        const parameters = {
          grant_type: 'refresh_token',
          refresh_token: refreshToken,
          client_id: web.clientId,
        };
        for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
          const answer = await at.ask(`/token?${formOf(parameters)}`, { method });
          expect([method, answer.statusCode, answer.headers.allow]).toEqual([method, 405, 'POST']);
        }
        for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/xml', undefined]) {
          const answer = await at.ask('/token', {
            method: 'POST',
            headers: type === undefined ? {} : { 'content-type': type },
            body: formOf(parameters),
          });
          expect([type, ...codeOf(answer)]).toEqual([type, 400, 'invalid_request']);
        }
        const inQuery = await at.ask(`/token?${formOf(parameters)}`, { method: 'POST', headers: form });
        expect(codeOf(inQuery)).toEqual([400, 'invalid_request']);
        expect((await refresh(at.proxy, web, refreshToken)).statusCode).toBe(200);
      },
    );

    test(
      'of the right type may have parameters and any case (RFC 9110 §8.3.1)',
      verifies('token-post-form'),
      async () => {
        for (const type of [
          'application/x-www-form-urlencoded; charset=UTF-8',
          'Application/X-WWW-Form-Urlencoded',
        ]) {
          const { refreshToken } = await signIn(at.proxy, web);
          const answer = await at.ask('/token', {
            method: 'POST',
            headers: { 'content-type': type },
            body: formOf({
              grant_type: 'refresh_token',
              refresh_token: refreshToken,
              client_id: web.clientId,
            }),
          });
          expect(answer.statusCode).toBe(200);
        }
      },
    );

    test.each([
      ['', 'invalid_request'],
      ['grant_type=', 'invalid_request'],
      ['grant_type=authorization_code&grant_type=authorization_code', 'invalid_request'],
      ['grant_type=authorization_code', 'invalid_request'],
      ['grant_type=refresh_token', 'invalid_request'],
      ['grant_type=refresh_token&refresh_token=a&refresh_token=a', 'invalid_request'],
      ['grant_type=refresh_token&refresh_token=a&client_id=b&client_id=b', 'invalid_request'],
      ['grant_type=password&username=a&password=b', 'unsupported_grant_type'],
      ['grant_type=implicit', 'unsupported_grant_type'],
      ['grant_type=Refresh_Token', 'unsupported_grant_type'],
      ['grant_type=urn:example:unknown', 'unsupported_grant_type'],
    ])('“%s” is %s (RFC 6749 §5.2, RFC 9700 §2.4)', verifies('token-parameters'), async (body, error) => {
      const withClient = body.includes('client_id') ? body : `${body}&client_id=${web.clientId}`;
      const answer = await at.ask('/token', { method: 'POST', headers: form, body: withClient });

      expect(codeOf(answer)).toEqual([400, error]);
    });
  });

  describe('an answer', () => {
    test(
      'is JSON that nobody stores, with Bearer, seconds and scope, and without null (RFC 6749 §5.1)',
      verifies('token-response', 'access-token-short-lived'),
      async () => {
        const authorization = await authorize(at.proxy, web);
        const first = await redeem(at.proxy, web, authorization);
        const second = await refresh(at.proxy, web, tokensOf(first).refreshToken);
        for (const answer of [first, second]) {
          expect(answer.headers).toMatchObject({
            'content-type': 'application/json; charset=utf-8',
            'cache-control': 'no-store',
            pragma: 'no-cache',
          });
          const body = answer.json<Record<string, unknown>>();
          expect(body).toMatchObject({ token_type: 'Bearer', scope: 'openid profile email' });
          expect(body.expires_in).toBeLessThanOrEqual(3600);
          expect(body.expires_in).toBeGreaterThan(3500);
          expect(Object.values(body)).not.toContain(null);
          const { exp = 0, iat = 0, aud } = decodeJwt(String(body.access_token));
          expect([exp - iat, aud]).toEqual([3600, `${at.issuer}/mcp`]);
        }
      },
    );

    test(
      'that is an error is JSON that nobody stores, in the characters that are allowed, and repeats nothing (RFC 6749 §5.2)',
      verifies('token-response', 'token-error-response', 'errors-echo-nothing'),
      async () => {
        const evil = 'evil"\\<b>é\u0001';
        const errors = [
          await postForm(at.proxy, '/token', { grant_type: evil, client_id: web.clientId }),
          await postForm(at.proxy, '/token', {
            grant_type: 'refresh_token',
            refresh_token: evil,
            client_id: evil,
          }),
          await refresh(at.proxy, web, evil),
          await refresh(at.proxy, web, (await signIn(at.proxy, web)).refreshToken, { scope: evil }),
          await redeem(at.proxy, web, await authorize(at.proxy, web), {
            resource: `https://x.example/${evil}`,
          }),
          await redeem(at.proxy, web, await authorize(at.proxy, web), { redirect_uri: evil }),
          await redeem(at.proxy, web, await authorize(at.proxy, web), { code_verifier: evil }),
        ];
        for (const { headers, body, statusCode } of errors) {
          expect(headers).toMatchObject({
            'content-type': 'application/json; charset=utf-8',
            'cache-control': 'no-store',
            pragma: 'no-cache',
          });
          const { error, error_description: description = '' } = JSON.parse(body) as Record<string, string>;
          expect(statusCode).toBe(error === 'invalid_client' ? 401 : 400);
          expect(description).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/);
          expect(body).not.toContain('evil');
        }
      },
    );

    test(
      'invalid_grant is 400; invalid_client is 401, with a challenge where the header was used (RFC 6749 §5.2)',
      verifies('token-error-response'),
      async () => {
        const grant = await refresh(at.proxy, web, 'unknown');
        const inBody = await refresh(at.proxy, { ...post, clientSecret: 'wrong' }, 'unknown');
        const inHeader = await postForm(
          at.proxy,
          '/token',
          { grant_type: 'refresh_token', refresh_token: 'unknown' },
          basicHeader(basic.clientId, 'wrong'),
        );

        expect(codeOf(grant)).toEqual([400, 'invalid_grant']);
        expect([codeOf(inBody), codeOf(inHeader)]).toEqual([
          [401, 'invalid_client'],
          [401, 'invalid_client'],
        ]);
        expect(inHeader.headers['www-authenticate']).toMatch(/^Basic realm="[^"]+"/);
        expect(inBody.headers).not.toHaveProperty('www-authenticate');
      },
    );
  });

  describe('a client', () => {
    test(
      'every method and grant that the metadata lists works, and what it does not list is refused (RFC 8414 §2)',
      verifies('as-metadata-explicit'),
      async () => {
        const metadata = (await at.ask('/.well-known/oauth-authorization-server')).json<
          Record<string, string[]>
        >();
        const shown = {
          none: web,
          client_secret_basic: basic,
          client_secret_post: post,
        };
        const works = [];
        for (const [method, client] of Object.entries(shown)) {
          const secret = client.clientSecret ?? '';
          const isHeader = method === 'client_secret_basic';
          const answer = await postForm(
            at.proxy,
            '/token',
            {
              grant_type: 'refresh_token',
              refresh_token: (await signIn(at.proxy, client)).refreshToken,
              ...(!isHeader && { client_id: client.clientId }),
              ...(method === 'client_secret_post' && { client_secret: secret }),
            },
            isHeader ? basicHeader(client.clientId, secret) : {},
          );
          if (answer.statusCode === 200) works.push(method);
        }

        expect(works).toEqual(Object.keys(shown));
        expect(metadata.token_endpoint_auth_methods_supported).toEqual(expect.arrayContaining(works));
        expect(metadata.revocation_endpoint_auth_methods_supported).toEqual(expect.arrayContaining(works));
        expect(metadata.grant_types_supported).toEqual(
          expect.arrayContaining(['authorization_code', 'refresh_token']),
        );
        for (const grant of ['implicit', 'password', 'urn:ietf:params:oauth:grant-type:device_code']) {
          expect(metadata.grant_types_supported).not.toContain(grant);
          const answer = await postForm(at.proxy, '/token', { grant_type: grant, client_id: web.clientId });
          expect(codeOf(answer)).toEqual([400, 'unsupported_grant_type']);
        }
        for (const method of ['client_secret_jwt', 'tls_client_auth']) {
          expect(metadata.token_endpoint_auth_methods_supported).not.toContain(method);
          const answer = await at.ask('/register', {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({
              redirect_uris: ['https://client.example/cb'],
              token_endpoint_auth_method: method,
            }),
          });
          expect([method, answer.json<{ error: string }>().error]).toEqual([
            method,
            'invalid_client_metadata',
          ]);
        }
      },
    );

    test(
      'with a secret needs it, in the header or in the body; one method at a time; never in the address (RFC 6749 §2.3, docs/divergences.md)',
      verifies('client-authentication'),
      async () => {
        const { refreshToken } = await signIn(at.proxy, basic);
        const secret = basic.clientSecret ?? '';
        const parameters = { grant_type: 'refresh_token', refresh_token: refreshToken };
        const withId = { ...parameters, client_id: basic.clientId };
        const header = basicHeader(basic.clientId, secret);
        const refused = [
          await postForm(at.proxy, '/token', withId),
          await postForm(at.proxy, '/token', { ...withId, client_secret: `${secret}x` }),
          await postForm(at.proxy, '/token', { ...withId, client_secret: '' }),
          await postForm(at.proxy, '/token', parameters, basicHeader(basic.clientId, '')),
          await postForm(at.proxy, '/token', parameters, { authorization: `Bearer ${secret}` }),
          await postForm(at.proxy, `/token?client_id=${basic.clientId}&client_secret=${secret}`, parameters),
          await postForm(at.proxy, `/token?client_secret=${secret}`, withId),
          await postForm(at.proxy, '/token', { ...withId, client_secret: secret }, header),
          await postForm(at.proxy, '/token', { ...parameters, client_id: web.clientId }, header),
        ];
        const accepted = await postForm(at.proxy, '/token', { ...withId, client_secret: secret });

        expect(refused.map((answer) => codeOf(answer).join(' '))).toEqual([
          ...Array.from({ length: 7 }, () => '401 invalid_client'),
          '400 invalid_request',
          '400 invalid_request',
        ]);
        expect(accepted.statusCode).toBe(200);
      },
    );

    test(
      'without a secret must not bring one (RFC 6749 §2.3)',
      verifies('client-authentication'),
      async () => {
        const { refreshToken } = await signIn(at.proxy, web);
        const refused = await refresh(at.proxy, web, refreshToken, { client_secret: 'x' });

        expect(codeOf(refused)).toEqual([401, 'invalid_client']);
        expect((await refresh(at.proxy, web, refreshToken)).statusCode).toBe(200);
      },
    );

    test(
      'encodes both parts of Basic credentials as forms do, or not where nothing needs it (RFC 6749 §2.3.1)',
      verifies('client-secret-basic-encoding'),
      async () => {
        const { clientId, clientSecret: secret = '' } = basic;
        const everyCharacter = (text: string): string =>
          Buffer.from(text).toString('hex').replaceAll(/../g, '%$&');
        const headers = [
          `${encode(clientId)}:${encode(secret)}`,
          `${clientId}:${secret}`,
          `${everyCharacter(clientId)}:${everyCharacter(secret)}`,
        ];
        for (const credentials of headers) {
          const answer = await postForm(
            at.proxy,
            '/token',
            { grant_type: 'refresh_token', refresh_token: (await signIn(at.proxy, basic)).refreshToken },
            { authorization: `basic ${Buffer.from(credentials).toString('base64')}` },
          );
          expect(answer.statusCode).toBe(200);
        }
        for (const bad of ['%', clientId, ':', `${clientId}:%zz`, '']) {
          const answer = await postForm(
            at.proxy,
            '/token',
            { grant_type: 'refresh_token', refresh_token: 'x' },
            { authorization: `Basic ${Buffer.from(bad).toString('base64')}` },
          );
          expect(codeOf(answer)).toEqual([401, 'invalid_client']);
        }
        expect(secret).toMatch(/^[\w-]+$/);
      },
    );

    test(
      'that does not exist, or not any more, gets invalid_client, and nothing says which (RFC 6749 §5.2)',
      verifies('client-unknown'),
      async () => {
        const gone = await registerStranger(at.proxy);
        const { refreshToken } = await signIn(at.proxy, gone);
        await at.site.database.db.query(sql`delete from clients where client_id = ${gone.clientId}`);
        const answers = [
          await refresh(at.proxy, gone, refreshToken),
          await refresh(at.proxy, { ...gone, clientId: 'nobody' }, refreshToken),
          await refresh(at.proxy, { ...post, clientSecret: 'wrong' }, refreshToken),
          await redeem(at.proxy, gone, { code: 'x', codeVerifier: 'v'.repeat(43), redirectUri: '' }),
        ];

        for (const answer of answers) expect(codeOf(answer)).toEqual([401, 'invalid_client']);
        expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
      },
    );
  });

  describe('a code', () => {
    test(
      'of another client is invalid_grant, and still works for its own (OAuth 2.1 §4.1.3)',
      verifies('code-other-client'),
      async () => {
        const authorization = await authorize(at.proxy, web);
        for (const thief of [await registerStranger(at.proxy), basic, post]) {
          expect(codeOf(await redeem(at.proxy, thief, authorization))).toEqual([400, 'invalid_grant']);
        }

        const { accessToken } = tokensOf(await redeem(at.proxy, web, authorization));
        expect(await call(accessToken)).toBe(reached);
      },
    );

    test.each<readonly [string, string | undefined, readonly string[]]>([
      ['none', undefined, ['invalid_request']],
      ['an empty one', '', ['invalid_request']],
      ['a wrong one', 'w'.repeat(43), ['invalid_grant']],
      ['the challenge itself', 'challenge', ['invalid_grant', 'invalid_request']],
      ['42 characters', 'v'.repeat(42), ['invalid_grant', 'invalid_request']],
      ['129 characters', 'v'.repeat(129), ['invalid_grant', 'invalid_request']],
      ['other characters', `${'v'.repeat(42)}+`, ['invalid_grant', 'invalid_request']],
    ])(
      'with %s for a verifier gets nothing, and the code lives (RFC 7636 §4.6)',
      verifies('pkce-verifier'),
      async (_name, verifier, errors) => {
        for (const client of [web, post]) {
          const authorization = await authorize(at.proxy, client);
          const answer = await redeem(at.proxy, client, authorization, { code_verifier: verifier });
          expect(answer.statusCode).toBe(400);
          expect(errors).toContain(codeOf(answer)[1]);
          expect((await redeem(at.proxy, client, authorization)).statusCode).toBe(200);
        }
      },
    );

    test(
      'needs no redirect_uri, but not a wrong one either, which the error names (OAuth 2.1 §10.2)',
      verifies('code-redirect-uri'),
      async () => {
        const authorization = await authorize(at.proxy, web);
        for (const wrong of ['https://client.example/other', `${web.redirectUri}/`, `${web.redirectUri}?`]) {
          const answer = await redeem(at.proxy, web, authorization, { redirect_uri: wrong });
          expect(codeOf(answer)).toEqual([400, 'invalid_grant']);
          expect(answer.body).toContain('redirect_uri');
        }

        expect((await redeem(at.proxy, web, authorization, { redirect_uri: undefined })).statusCode).toBe(
          200,
        );
      },
    );

    test(
      'used a second time is refused, and ends what the first use got (OAuth 2.1 §7.5.3)',
      verifies('code-reuse'),
      async () => {
        const authorization = await authorize(at.proxy, web);
        const first = tokensOf(await redeem(at.proxy, web, authorization));
        expect(await call(first.accessToken)).toBe(reached);
        const second = await redeem(at.proxy, web, authorization);

        expect(codeOf(second)).toEqual([400, 'invalid_grant']);
        await expect.poll(async () => call(first.accessToken), { timeout: 1000, interval: 20 }).toBe(401);
        expect(codeOf(await refresh(at.proxy, web, first.refreshToken))).toEqual([400, 'invalid_grant']);
      },
    );

    test(
      'used a second time with something wrong ends nothing: whoever saw a code cannot end a session (OAuth 2.1 §7.5.3)',
      verifies('code-reuse'),
      async () => {
        const authorization = await authorize(at.proxy, web);
        const { accessToken, refreshToken } = tokensOf(await redeem(at.proxy, web, authorization));
        const attempts = [
          await redeem(at.proxy, web, authorization, { code_verifier: 'w'.repeat(43) }),
          await redeem(at.proxy, web, authorization, { redirect_uri: 'https://client.example/other' }),
          await redeem(at.proxy, web, authorization, { resource: 'https://x.example' }),
          await redeem(at.proxy, await registerStranger(at.proxy), authorization),
        ];

        for (const answer of attempts) expect(answer.statusCode).toBe(400);
        expect(await call(accessToken)).toBe(reached);
        expect((await refresh(at.proxy, web, refreshToken)).statusCode).toBe(200);
      },
    );

    test(
      'used twelve times at once gets tokens at most once, and those end with the other attempts (OAuth 2.1 §4.1.3)',
      verifies('code-concurrent'),
      async () => {
        const authorization = await authorize(at.proxy, web);
        const answers = await times(12, async () => redeem(at.proxy, web, authorization));
        const good = answers.filter(({ statusCode }) => statusCode === 200);

        expect(good).toHaveLength(1);
        for (const answer of answers) {
          if (answer.statusCode !== 200) expect(codeOf(answer)).toEqual([400, 'invalid_grant']);
        }
        const [winner] = good;
        if (winner !== undefined) {
          await expect
            .poll(async () => call(tokensOf(winner).accessToken), { timeout: 1000, interval: 20 })
            .toBe(401);
        }
      },
    );
  });

  describe('resource and scope', () => {
    test(
      'a resource that was not authorized is invalid_target, at code and refresh, and uses nothing up (RFC 8707 §2.2)',
      verifies('resource-at-token'),
      async () => {
        const authorization = await authorize(at.proxy, web);
        const others = ['https://x.example', `${at.issuer}/other`, `${at.issuer}/mcp#x`, 'mcp'];
        for (const resource of others) {
          const answer = await redeem(at.proxy, web, authorization, { resource });
          expect(codeOf(answer)).toEqual([400, 'invalid_target']);
        }
        const tokens = tokensOf(await redeem(at.proxy, web, authorization, { resource: `${at.issuer}/mcp` }));
        for (const resource of others) {
          const answer = await refresh(at.proxy, web, tokens.refreshToken, { resource });
          expect(codeOf(answer)).toEqual([400, 'invalid_target']);
        }
        const renewed = tokensOf(await refresh(at.proxy, web, tokens.refreshToken));

        expect(decodeJwt(renewed.accessToken).aud).toBe(`${at.issuer}/mcp`);
      },
    );

    test(
      'a refresh may narrow the scope, for that access token alone, and never widen it (RFC 6749 §6)',
      verifies('refresh-scope'),
      async () => {
        const first = await signIn(at.proxy, web, { scope: 'openid email' });
        const wider = await refresh(at.proxy, web, first.refreshToken, { scope: 'openid email profile' });
        const narrow = await refresh(at.proxy, web, first.refreshToken, { scope: 'email' });
        const whole = await refresh(at.proxy, web, tokensOf(narrow).refreshToken);

        expect(codeOf(wider)).toEqual([400, 'invalid_scope']);
        expect([narrow, whole].map((answer) => tokensOf(answer).scope)).toEqual(['email', 'openid email']);
        expect(decodeJwt(tokensOf(narrow).accessToken).scope).toBe('email');
      },
    );

    test(
      'a refresh token of another client is invalid_grant, and lives on (RFC 6749 §6)',
      verifies('refresh-scope'),
      async () => {
        const { refreshToken } = await signIn(at.proxy, web);
        for (const thief of [await registerStranger(at.proxy), basic, post]) {
          expect(codeOf(await refresh(at.proxy, thief, refreshToken))).toEqual([400, 'invalid_grant']);
        }
        expect((await refresh(at.proxy, web, refreshToken)).statusCode).toBe(200);
      },
    );
  });

  describe('a refresh token', () => {
    test(
      'is replaced at each use, for public clients and others (OAuth 2.1 §4.3.1)',
      verifies('refresh-rotation'),
      async () => {
        for (const client of [web, post]) {
          const seen = new Set<string>();
          let { refreshToken } = await signIn(at.proxy, client);
          for (let use = 0; use < 4; use += 1) {
            seen.add(refreshToken);
            ({ refreshToken } = tokensOf(await refresh(at.proxy, client, refreshToken)));
          }
          expect(seen.size).toBe(4);
        }
      },
    );

    test(
      'used again after the grace window ends its grant, access tokens included, and no other (OAuth 2.1 §4.3.1, RFC 9700 §4.14.2)',
      verifies('refresh-rotation'),
      async () => {
        const [mine, another] = [await signIn(at.proxy, web), await signIn(at.proxy, web)];
        const renewed = tokensOf(await refresh(at.proxy, web, mine.refreshToken));
        expect(await call(renewed.accessToken)).toBe(reached);
        clock.advance({ seconds: 121 });
        const stolen = await refresh(at.proxy, web, mine.refreshToken);

        expect(codeOf(stolen)).toEqual([400, 'invalid_grant']);
        expect(codeOf(await refresh(at.proxy, web, renewed.refreshToken))).toEqual([400, 'invalid_grant']);
        await expect.poll(async () => call(renewed.accessToken), { timeout: 1000, interval: 20 }).toBe(401);
        expect(await call(another.accessToken)).toBe(reached);
        expect((await refresh(at.proxy, web, another.refreshToken)).statusCode).toBe(200);
      },
    );

    test(
      'used twelve times at once, or again within two minutes, gives every caller tokens, and ends nothing (RFC 9700 §4.14.2)',
      verifies('refresh-concurrent'),
      async () => {
        const first = await signIn(at.proxy, web);
        const answers = await times(12, async () => refresh(at.proxy, web, first.refreshToken));
        clock.advance({ seconds: 76 });
        const late = await refresh(at.proxy, web, first.refreshToken);
        const all = [...answers, late].map(tokensOf);

        expect(new Set(all.map(({ refreshToken }) => refreshToken)).size).toBe(1);
        for (const { accessToken } of all) expect(await call(accessToken)).toBe(reached);
        expect((await refresh(at.proxy, web, all[0]?.refreshToken ?? '')).statusCode).toBe(200);
      },
    );

    test(
      'is over when unused for thirty days, and each use begins them anew; there is no absolute end (OAuth 2.1 §4.3.3, docs/divergences.md)',
      verifies('refresh-token-lifetime'),
      async () => {
        const own = createClock();
        const site = await openSite({ kind, clock: own });
        const client = await register(site.proxy);
        const [used, unused] = [await signIn(site.proxy, client), await signIn(site.proxy, client)];
        let { refreshToken } = used;
        for (let month = 0; month < 4; month += 1) {
          own.advance({ days: 29 });
          ({ refreshToken } = tokensOf(await refresh(site.proxy, client, refreshToken)));
        }
        const expired = await refresh(site.proxy, client, unused.refreshToken);
        await site.site.close();

        expect(codeOf(expired)).toEqual([400, 'invalid_grant']);
      },
    );

    test(
      'comes with every code, whatever the client registered and asked for; it can be revoked (MCP authorization, "Refresh Tokens", docs/divergences.md)',
      verifies('refresh-token-issuance'),
      async () => {
        const clients = [
          await register(at.proxy),
          await register(at.proxy, { grant_types: ['authorization_code'] }),
          await register(at.proxy, { grant_types: ['authorization_code', 'refresh_token'] }),
        ];
        for (const client of clients) {
          for (const scope of [undefined, 'openid', 'openid offline_access']) {
            const { refreshToken } = await signIn(at.proxy, client, { scope });
            await revoke(at.proxy, client, refreshToken);
            expect(codeOf(await refresh(at.proxy, client, refreshToken))).toEqual([400, 'invalid_grant']);
          }
        }
      },
    );
  });
});

describe('trouble of ours', () => {
  test(
    'too many requests are 429 with the time to wait, and cost nobody a session (RFC 9110 §10.2.3)',
    verifies('transient-is-not-dead'),
    async () => {
      const clock = createClock();
      const at = await openSite({ clock, environment: { RATE_LIMIT_MAX: '8' } });
      const client = await register(at.proxy);
      const { refreshToken } = await signIn(at.proxy, client);
      const answers = await times(20, async () => postForm(at.proxy, '/token', { grant_type: 'x' }));
      const limited = await refresh(at.proxy, client, refreshToken);
      await at.site.close();

      expect(answers.map(({ statusCode }) => statusCode)).toContain(429);
      expect(codeOf(limited)).toEqual([429, 'temporarily_unavailable']);
      expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
    },
  );

  test(
    'a provider that is away ends nothing: tokens go on, refresh works, a sign-in says that it is away (RFC 9110 §15.6.4)',
    verifies('transient-is-not-dead'),
    async () => {
      const at = await openSite();
      const client = await register(at.proxy);
      const { accessToken, refreshToken } = await signIn(at.proxy, client);
      at.site.setProviderAway(true);
      const called = await callMcp(at.proxy, accessToken, { method: 'POST' });
      const refreshed = await refresh(at.proxy, client, refreshToken);
      await at.site.close();

      expect([called.statusCode, refreshed.statusCode]).toEqual([reached, 200]);
    },
  );

  describePrivatePostgres('with a database that stops', () => {
    test(
      'every endpoint is 503 with Retry-After, never invalid_grant and never 401; afterwards the same tokens work (RFC 9110 §15.6.4)',
      verifies('transient-is-not-dead'),
      async () => {
        const server = await startPostgres();
        const at = await openSite({ environment: { DATABASE_DSN: server.dsn } });
        const client = await register(at.proxy);
        const { refreshToken, accessToken } = await signIn(at.proxy, client);
        const unredeemed = await authorize(at.proxy, client);
        await server.stop();
        const away = [
          await refresh(at.proxy, client, refreshToken),
          await redeem(at.proxy, client, unredeemed),
          await revoke(at.proxy, client, accessToken),
          await at.ask('/register', {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: '{"redirect_uris":["https://client.example/cb"]}',
          }),
          await callMcp(at.proxy, accessToken, { method: 'POST' }),
        ];
        await server.start();
        await expect
          .poll(async () => (await at.ask('/health/ready')).statusCode, { timeout: 10_000, interval: 50 })
          .toBe(200);
        const back = [
          await refresh(at.proxy, client, refreshToken),
          await redeem(at.proxy, client, unredeemed),
        ];
        await at.site.close();
        await server.remove();

        for (const answer of away) {
          expect(answer.statusCode).toBe(503);
          expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
          expect(answer.headers['content-type']).toMatch(/^application\/json/);
        }
        expect(back.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
      },
    );
  });
});
