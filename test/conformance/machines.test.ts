/** Clients that no person meets: `client_credentials` (OAuth 2.1 §4.2, MCP ext-auth) and introspection (RFC 7662). */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callMcp, register, revoke, signIn, type TestClient } from '../support/authorize.ts';
import { createIntrospector, createMachine, introspect, requestMachineToken } from '../support/servers.ts';
import { openSite, type Outside } from './outside.ts';
import { verifies } from './verifies.ts';

const reached = 406;

let local: Outside;
let machine: TestClient;
let server: TestClient;
beforeAll(async () => {
  local = await openSite();
  machine = await createMachine(local.site.database.db);
  server = await createIntrospector(local.site.database.db);
});
afterAll(() => local.site.close());

const confidential = { token_endpoint_auth_method: 'client_secret_post' };

describe('client_credentials', () => {
  test(
    'is refused to public clients and to those that registered themselves, and no registration asks for it with success (OAuth 2.1 §4.2)',
    verifies('client-credentials-grant'),
    async () => {
      for (const metadata of [{}, confidential]) {
        const answer = await requestMachineToken(local.proxy, await register(local.proxy, metadata));
        expect([answer.statusCode, answer.json()]).toMatchObject([400, { error: 'unauthorized_client' }]);
      }
      const registered = await local.ask('/register', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          redirect_uris: ['https://client.example/callback'],
          client_id: 'ada',
          grant_types: ['authorization_code', 'client_credentials'],
        }),
      });
      const { client_id, grant_types } = registered.json<{ client_id: string; grant_types: string[] }>();
      expect(client_id).toMatch(/^[\w-]{22}$/);
      expect(grant_types).not.toContain('client_credentials');
    },
  );

  test(
    'has the client as subject, as no person has it, and is announced (RFC 9700 §4.15, RFC 8414 §2)',
    verifies('client-credentials-grant'),
    async () => {
      const answer = await requestMachineToken(local.proxy, machine);
      const claims = decodeJwt(answer.json<{ access_token: string }>().access_token);
      const document = (await local.ask('/.well-known/oauth-authorization-server')).json();

      expect(claims).toMatchObject({ sub: machine.clientId, client_id: machine.clientId });
      expect(claims).not.toHaveProperty('email');
      expect(document).toMatchObject({
        grant_types_supported: expect.arrayContaining(['client_credentials']) as string[],
      });
    },
  );

  test(
    'honours scope and resource, and gives no refresh token (MCP ext-auth, OAuth client credentials)',
    verifies('client-credentials-extension'),
    async () => {
      const resource = `${local.issuer}/mcp`;
      const answer = await requestMachineToken(local.proxy, machine, { scope: 'tools:read', resource });
      const body = answer.json<{ access_token: string; scope: string }>();
      const elsewhere = await requestMachineToken(local.proxy, machine, { resource: 'https://a.example/' });
      const called = await callMcp(local.proxy, body.access_token, { method: 'POST' });

      expect(body).not.toHaveProperty('refresh_token');
      expect(body.scope).toBe('tools:read');
      expect(decodeJwt(body.access_token)).toMatchObject({ aud: resource, scope: 'tools:read' });
      expect(called.statusCode).toBe(reached);
      expect([elsewhere.statusCode, elsewhere.json()]).toMatchObject([400, { error: 'invalid_target' }]);
    },
  );
});

describe('introspection', () => {
  test(
    'refuses callers without proof, and public clients, with 401 (RFC 7662 §2.1)',
    verifies('introspection'),
    async () => {
      const open = await register(local.proxy);
      const { accessToken } = await signIn(local.proxy, open);
      const answers = [
        await introspect(local.proxy, server, accessToken, {
          client_id: undefined,
          client_secret: undefined,
        }),
        await introspect(local.proxy, server, accessToken, { client_secret: undefined }),
        await introspect(local.proxy, server, accessToken, { client_secret: 'wrong' }),
        await introspect(local.proxy, open, accessToken),
      ];

      for (const answer of answers)
        expect([answer.statusCode, answer.json()]).toMatchObject([401, { error: 'invalid_client' }]);
    },
  );

  test(
    'gives the facts of an active token, and of any other exactly {"active":false} (RFC 7662 §2.2)',
    verifies('introspection-response'),
    async () => {
      const client = await register(local.proxy, confidential);
      const other = await register(local.proxy, confidential);
      const { accessToken, refreshToken } = await signIn(local.proxy, client);
      const { iss, aud, sub, jti, iat, exp, scope } = decodeJwt(accessToken);

      const active = await introspect(local.proxy, server, accessToken);
      const inactive = [
        await introspect(local.proxy, other, accessToken),
        await introspect(local.proxy, server, refreshToken),
        await introspect(local.proxy, server, 'nonsense'),
      ];
      await revoke(local.proxy, client, accessToken);
      inactive.push(await introspect(local.proxy, server, accessToken));

      expect(active.json()).toMatchObject({ active: true, iss, aud, sub, jti, iat, exp, scope });
      expect(active.json()).toMatchObject({ client_id: client.clientId, token_type: 'Bearer' });
      expect(active.headers['cache-control']).toBe('no-store');
      for (const answer of inactive) {
        expect([answer.statusCode, answer.body]).toEqual([200, '{"active":false}']);
      }
    },
  );
});
