/** Access tokens as their readers see them (RFC 9068), their revocation (RFC 7009), and what is not offered. */
import { decodeJwt, decodeProtectedHeader } from 'jose';
import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../support/app.ts';
import {
  ada,
  authorize,
  callMcp,
  redeem,
  refresh,
  register,
  registerStranger,
  revoke,
  signIn,
  type TestClient,
  type Tokens,
  tokensOf,
} from '../support/authorize.ts';
import { postForm } from '../support/browser.ts';
import { createClock } from '../support/clock.ts';
import { openSite, type Outside, startAnother, startBackend } from './outside.ts';
import { verifies } from './verifies.ts';

let local: Outside;
let client: TestClient;
let tokens: Tokens;
beforeAll(async () => {
  local = await openSite();
  client = await register(local.proxy);
  tokens = await signIn(local.proxy, client);
});
afterAll(() => local.site.close());

const reached = 406;
const call = async (accessToken: string): Promise<number> =>
  (await callMcp(local.proxy, accessToken, { method: 'POST' })).statusCode;
const metadata = async (): Promise<Record<string, unknown>> =>
  (await local.ask('/.well-known/oauth-authorization-server')).json<Record<string, unknown>>();

describe('an access token', () => {
  test(
    'has typ at+jwt, an asymmetric algorithm, and the id of a published key (RFC 9068 §2.1)',
    verifies('access-token-header'),
    async () => {
      const { keys } = (await local.ask('/jwks')).json<{ keys: { kid: string }[] }>();
      const header = decodeProtectedHeader(tokens.accessToken);

      expect(header).toEqual({ typ: 'at+jwt', alg: 'ES256', kid: keys[0]?.kid });
    },
  );

  test(
    'has the claims of the profile, each of its type, for the address of the MCP server (RFC 9068 §2.2)',
    verifies('access-token-claims'),
    async () => {
      const claims = decodeJwt(tokens.accessToken);
      const server = (await metadata()) as unknown as oauth.AuthorizationServer;
      const resource = `${local.issuer}/mcp`;
      const request = new Request(resource, { headers: { authorization: `Bearer ${tokens.accessToken}` } });

      const validated = await oauth.validateJwtAccessToken(server, request, resource, {
        [oauth.allowInsecureRequests]: true,
      });

      expect(claims).toEqual({
        iss: local.issuer,
        aud: resource,
        sub: expect.stringMatching(/./) as string,
        client_id: client.clientId,
        iat: expect.any(Number) as number,
        exp: expect.any(Number) as number,
        jti: expect.stringMatching(/^[\w-]{20,}$/) as string,
        scope: 'openid profile email',
        email: ada.email,
        name: ada.name,
      });
      expect(validated.sub).toBe(claims.sub);
    },
  );

  test(
    'holds nothing of the provider’s, though the MCP server gets the provider’s token; nor do our answers (RFC 9068 §6)',
    verifies('access-token-no-secrets', 'provider-token-header'),
    async () => {
      const backend = await startBackend((_request, response) => response.end('{}'));
      const at = await openSite({ environment: { MCP_SERVER_URL: `${backend.url}/mcp` } });
      const itsClient = await register(at.proxy);
      const authorization = await authorize(at.proxy, itsClient);
      const answer = await redeem(at.proxy, itsClient, authorization);
      const { accessToken, refreshToken } = tokensOf(answer);
      const called = await callMcp(at.proxy, accessToken);
      const providerToken = String(backend.arrived[0]?.headers['x-forwarded-access-token']);
      const log = at.site.instances.flatMap((instance) => instance.log).join('\n');
      await at.site.close();
      await backend.close();

      expect(providerToken.length).toBeGreaterThan(10);
      expect(Object.keys(decodeJwt(accessToken)).toSorted()).toEqual(
        ['aud', 'client_id', 'email', 'exp', 'iat', 'iss', 'jti', 'name', 'scope', 'sub'].toSorted(),
      );
      const seenByClient = [
        answer.body,
        refreshToken,
        authorization.location.href,
        called.body,
        JSON.stringify(called.headers),
        Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString(),
        log,
      ];
      for (const text of seenByClient) expect(text).not.toContain(providerToken);
    },
  );

  test(
    'is verified by a key that was published before it signs, and as long as its tokens live (RFC 9068 §4)',
    verifies('signing-key-rotation'),
    async () => {
      const kidsAt = async (days: number): Promise<readonly string[]> => {
        const clock = createClock();
        clock.advance({ days });
        const instance = await startAnother(local, clock);
        const { keys } = (await instance.ask('/jwks')).json<{ keys: { kid: string }[] }>();
        await instance.close();
        return keys.map(({ kid }) => kid);
      };
      const [today = ''] = await kidsAt(0);
      const beforeChange = await kidsAt(89.5);
      const afterChange = await kidsAt(91);
      const muchLater = await kidsAt(99);

      expect(beforeChange).toContain(today);
      expect(beforeChange).toHaveLength(2);
      expect(afterChange).toEqual(beforeChange);
      expect(muchLater).not.toContain(today);
    },
  );
});

describe('revocation', () => {
  const codeOf = (answer: Answer): readonly [number, string | undefined] => [
    answer.statusCode,
    answer.json<{ error?: string }>().error,
  ];

  test(
    'takes a form by POST from a client that authenticates; otherwise nothing is revoked (RFC 7009 §2.1)',
    verifies('revoke-request'),
    async () => {
      const secret = await register(local.proxy, { token_endpoint_auth_method: 'client_secret_post' });
      const { accessToken } = await signIn(local.proxy, secret);
      const refused = [
        await revoke(local.proxy, { ...secret, clientSecret: 'wrong' }, accessToken),
        await revoke(local.proxy, { ...secret, clientSecret: undefined }, accessToken),
        await revoke(local.proxy, { ...secret, clientId: 'nobody' }, accessToken),
        await postForm(local.proxy, '/revoke', { token: accessToken }),
      ];
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const answer = await local.ask(`/revoke?token=${accessToken}&client_id=${client.clientId}`, {
          method,
        });
        expect(answer.statusCode).toBe(405);
      }
      const asJson = await local.ask('/revoke', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          token: accessToken,
          client_id: secret.clientId,
          client_secret: secret.clientSecret,
        }),
      });

      expect(refused.map((answer) => codeOf(answer).join(' '))).toEqual(
        Array.from({ length: 4 }, () => '401 invalid_client'),
      );
      expect(codeOf(asJson)).toEqual([400, 'invalid_request']);
      expect(await call(accessToken)).toBe(reached);
      expect((await revoke(local.proxy, secret, accessToken)).statusCode).toBe(200);
      expect(await call(accessToken)).toBe(401);
    },
  );

  test(
    'of a token that is unknown, used up or of another form is 200; a hint changes nothing; no token is 400 (RFC 7009 §2.2)',
    verifies('revoke-response'),
    async () => {
      for (const token of ['unknown', 'a.b.c', 'ä', `${tokens.accessToken}x`, 'x'.repeat(8000)]) {
        const answer = await revoke(local.proxy, client, token);
        expect([answer.statusCode, answer.headers['cache-control']]).toEqual([200, 'no-store']);
      }
      const { accessToken, refreshToken } = await signIn(local.proxy, client);
      const hinted = [
        await revoke(local.proxy, client, accessToken, { token_type_hint: 'refresh_token' }),
        await revoke(local.proxy, client, refreshToken, { token_type_hint: 'urn:unknown' }),
        await revoke(local.proxy, client, accessToken),
      ];

      expect(hinted.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
      expect(await call(accessToken)).toBe(401);
      expect((await refresh(local.proxy, client, refreshToken)).statusCode).toBe(400);
      const without = await postForm(local.proxy, '/revoke', { client_id: client.clientId });
      expect(codeOf(without)).toEqual([400, 'invalid_request']);
    },
  );

  test(
    'of a refresh token ends its access tokens; of an access token that one alone, at once (RFC 7009 §2.1)',
    verifies('revoke-effect'),
    async () => {
      const [first, second] = [await signIn(local.proxy, client), await signIn(local.proxy, client)];
      const third = tokensOf(await refresh(local.proxy, client, second.refreshToken));
      for (const { accessToken } of [first, second, third]) expect(await call(accessToken)).toBe(reached);
      await revoke(local.proxy, client, first.accessToken);
      await revoke(local.proxy, client, third.refreshToken);

      expect([
        await call(first.accessToken),
        await call(second.accessToken),
        await call(third.accessToken),
      ]).toEqual([401, 401, 401]);
      expect((await refresh(local.proxy, client, first.refreshToken)).statusCode).toBe(200);
      expect((await refresh(local.proxy, client, third.refreshToken)).statusCode).toBe(400);
    },
  );

  test(
    'by another client is 200 as for any unknown token, and the token lives (RFC 7009 §2.1, docs/divergences.md)',
    verifies('revoke-other-client'),
    async () => {
      const { accessToken, refreshToken } = await signIn(local.proxy, client);
      const others = [
        await registerStranger(local.proxy),
        await register(local.proxy, { token_endpoint_auth_method: 'client_secret_post' }),
      ];
      for (const other of others) {
        for (const token of [accessToken, refreshToken]) {
          expect((await revoke(local.proxy, other, token)).statusCode).toBe(200);
        }
      }

      expect(await call(accessToken)).toBe(reached);
      expect((await refresh(local.proxy, client, refreshToken)).statusCode).toBe(200);
    },
  );
});

describe('not offered', () => {
  const grants = {
    'id-jag': 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'token-exchange': 'urn:ietf:params:oauth:grant-type:token-exchange',
  } as const;

  test(
    'ID-JAG: neither announced nor accepted (MCP ext-auth, enterprise-managed authorization)',
    verifies('id-jag'),
    async () => {
      const document = await metadata();
      const answer = await postForm(local.proxy, '/token', {
        grant_type: grants['id-jag'],
        assertion: tokens.accessToken,
        client_id: client.clientId,
      });

      expect(document.grant_types_supported).not.toContain(grants['id-jag']);
      expect(document).not.toHaveProperty('authorization_grant_profiles_supported');
      expect([answer.statusCode, answer.json()]).toMatchObject([400, { error: 'unsupported_grant_type' }]);
    },
  );

  test(
    'token exchange: neither announced nor accepted (RFC 8693 §2.1)',
    verifies('token-exchange'),
    async () => {
      const answer = await postForm(local.proxy, '/token', {
        grant_type: grants['token-exchange'],
        subject_token: tokens.accessToken,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        client_id: client.clientId,
      });

      expect((await metadata()).grant_types_supported).not.toContain(grants['token-exchange']);
      expect([answer.statusCode, answer.json()]).toMatchObject([400, { error: 'unsupported_grant_type' }]);
    },
  );

  test(
    'DPoP: not announced; a proof is ignored and the token is Bearer; the DPoP scheme opens nothing (RFC 9449 §5, §7.1)',
    verifies('dpop'),
    async () => {
      const key = await oauth.generateKeyPair('ES256');
      const proof = oauth.DPoP({}, key);
      const server = (await metadata()) as unknown as oauth.AuthorizationServer;
      const refreshed = await oauth.refreshTokenGrantRequest(
        server,
        { client_id: client.clientId },
        oauth.None(),
        (await signIn(local.proxy, client)).refreshToken,
        { DPoP: proof, [oauth.allowInsecureRequests]: true },
      );
      const answer = (await refreshed.json()) as { token_type: string; access_token: string };
      const scheme = await local.ask('/mcp', {
        method: 'POST',
        headers: { authorization: `DPoP ${answer.access_token}`, dpop: 'x' },
      });

      expect(server).not.toHaveProperty('dpop_signing_alg_values_supported');
      expect(answer.token_type).toBe('Bearer');
      expect(decodeJwt(answer.access_token)).not.toHaveProperty('cnf');
      expect(refreshed.headers.get('dpop-nonce')).toBeNull();
      expect(scheme.statusCode).toBe(401);
      expect(scheme.headers['www-authenticate']).toMatch(/^Bearer /);
    },
  );

  test(
    'registration management: no address and no token for it is given out, and nothing is there (RFC 7592)',
    verifies('register-management-not-offered'),
    async () => {
      const answer = await local.ask('/register', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: ['https://client.example/callback'] }),
      });
      const registered = answer.json<{ client_id: string }>();

      expect(registered).not.toHaveProperty('registration_client_uri');
      expect(registered).not.toHaveProperty('registration_access_token');
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const managed = await local.ask(`/register/${registered.client_id}`, { method });
        expect(managed.statusCode).toBe(404);
      }
    },
  );
});
