/** `/introspect` (RFC 7662): what a token means, for those who may know. */
import { beforeAll, describe, expect, test } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  refresh,
  register,
  registerByOperator,
  revoke,
  signIn,
  tokensOf,
  type TestClient,
} from '../support/authorize.ts';
import { type Parameters } from '../support/browser.ts';
import { databaseKinds } from '../support/database.ts';
import {
  createIntrospector,
  createMachine,
  introspect,
  machineToken,
  requestMachineToken,
} from '../support/servers.ts';

const resource = 'http://localhost:8080/mcp';
const confidential = { token_endpoint_auth_method: 'client_secret_post' };

describe.each(databaseKinds)('on %s', (kind) => {
  let proxy: TestApp;
  let client: TestClient;
  let server: TestClient;
  beforeAll(async () => {
    proxy = await startTestApp({ kind });
    client = await register(proxy, confidential);
    server = await createIntrospector(proxy.db);
    return proxy.close;
  });

  const bodyOf = async (caller: TestClient, token: string): Promise<unknown> =>
    (await introspect(proxy, caller, token)).json();
  const isActive = async (caller: TestClient, token: string): Promise<boolean> =>
    ((await bodyOf(caller, token)) as { active: boolean }).active;

  test('of an access token: whose it is, of which client, for what and until when (RFC 7662 §2.2)', async () => {
    const { accessToken } = await signIn(proxy, client, { scope: 'openid email' });
    const [, payload = ''] = accessToken.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;

    const answer = await introspect(proxy, server, accessToken);

    expect([answer.statusCode, answer.headers['cache-control']]).toEqual([200, 'no-store']);
    expect(answer.headers['content-type']).toMatch(/^application\/json\b/);
    expect(answer.json()).toEqual({
      active: true,
      scope: 'openid email',
      client_id: client.clientId,
      username: 'ada@example.com',
      token_type: 'Bearer',
      iss: claims.iss,
      aud: claims.aud,
      sub: claims.sub,
      jti: claims.jti,
      iat: claims.iat,
      exp: claims.exp,
    });
  });

  test('of a machine’s token: no username, the client is the subject (RFC 7662 §2.2, RFC 9068 §5)', async () => {
    const machine = await createMachine(proxy.db);
    const body = await bodyOf(server, await machineToken(proxy, machine, { scope: 'tools:read' }));
    expect(body).toMatchObject({
      active: true,
      sub: machine.clientId,
      client_id: machine.clientId,
      aud: resource,
      scope: 'tools:read',
    });
    expect(body).not.toHaveProperty('username');
  });

  test('its own client may ask about a token, access or refresh (RFC 7662 §2.1)', async () => {
    const { accessToken, refreshToken } = await signIn(proxy, client);
    expect(await isActive(client, accessToken)).toBe(true);
    const body = await bodyOf(client, refreshToken);
    expect(body).toEqual({
      active: true,
      scope: 'openid profile email',
      client_id: client.clientId,
      username: 'ada@example.com',
      exp: expect.any(Number) as number,
      iat: expect.any(Number) as number,
      sub: expect.any(String) as string,
      aud: resource,
      iss: 'http://localhost:8080',
    });
    const { exp, iat } = body as { exp: number; iat: number };
    expect(Math.abs(exp - iat - 30 * 86_400)).toBeLessThanOrEqual(1);
  });

  describe('is exactly {"active":false}, whatever the reason (RFC 7662 §2.2)', () => {
    const inactive = '{"active":false}';
    const answerTo = async (caller: TestClient, token: string, asked = proxy) =>
      (await introspect(asked, caller, token)).body;

    test.each([
      ['nonsense', 'nonsense'],
      ['a JWT of another server', `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.e30.c2ln`],
      ['an unknown refresh token', 'mop_rt_unknown'],
    ])('%s', async (_, token) => {
      expect(await answerTo(server, token)).toBe(inactive);
    });

    test('a token of another client, asked by one that registered itself', async () => {
      const other = await register(proxy, confidential);
      const { accessToken, refreshToken } = await signIn(proxy, client);
      const machine = await machineToken(proxy, await createMachine(proxy.db));
      for (const token of [accessToken, refreshToken, machine]) {
        expect(await answerTo(other, token)).toBe(inactive);
      }
    });

    test('a token of another client, asked by a machine or by a client that the operator made', async () => {
      const { accessToken } = await signIn(proxy, client);
      for (const other of [
        await createMachine(proxy.db),
        await registerByOperator(proxy, { token_endpoint_auth_method: 'client_secret_basic' }),
      ]) {
        expect(await answerTo(other, accessToken)).toBe(inactive);
      }
    });

    test('a refresh token, asked by a server: it is no bearer token (RFC 7662 §4)', async () => {
      const { refreshToken } = await signIn(proxy, client);
      expect(await answerTo(server, refreshToken)).toBe(inactive);
    });

    test('a token for another resource than the server’s own (RFC 7662 §4)', async () => {
      const { accessToken } = await signIn(proxy, client);
      const foreign = await createIntrospector(proxy.db, { resource: 'https://other.example/mcp' });
      const own = await createIntrospector(proxy.db, { resource });
      expect(await answerTo(foreign, accessToken)).toBe(inactive);
      expect(await isActive(own, accessToken)).toBe(true);
    });

    test('a revoked access token, in the next moment; its refresh token is still good', async () => {
      const { accessToken, refreshToken } = await signIn(proxy, client);
      await revoke(proxy, client, accessToken);
      expect(await answerTo(server, accessToken)).toBe(inactive);
      expect(await isActive(client, refreshToken)).toBe(true);
    });

    test('each token of a revoked grant, in the next moment, also on another instance', async () => {
      const second = await startTestApp({ db: proxy.db, config: proxy.config });
      const { accessToken, refreshToken } = await signIn(proxy, client);
      expect(await isActive(server, accessToken)).toBe(true);
      await revoke(proxy, client, refreshToken);
      const answers = [
        await answerTo(server, accessToken, second),
        await answerTo(client, refreshToken, second),
      ];
      await second.close();
      expect(answers).toEqual([inactive, inactive]);
    });

    test('a refresh token that was used, though it still gets an answer for a while', async () => {
      const { refreshToken } = await signIn(proxy, client);
      const successor = tokensOf(await refresh(proxy, client, refreshToken));
      expect(await answerTo(client, refreshToken)).toBe(inactive);
      expect(await isActive(client, successor.refreshToken)).toBe(true);
    });

    test('a code', async () => {
      const { authorization } = await signIn(proxy, client);
      expect(await answerTo(client, authorization.code)).toBe(inactive);
    });

    test('a token that has expired, to the second', async () => {
      const own = await startTestApp({ db: proxy.db, config: proxy.config });
      const { accessToken, refreshToken } = await signIn(own, client);
      own.clock.advance({ seconds: 3598 });
      const alive = await answerTo(server, accessToken, own);
      own.clock.advance({ seconds: 2 });
      const expired = await answerTo(server, accessToken, own);
      own.clock.advance({ days: 30 });
      const refreshExpired = await answerTo(client, refreshToken, own);
      await own.close();
      expect(alive).toContain('"active":true');
      expect([expired, refreshExpired]).toEqual([inactive, inactive]);
    });

    test('a token of a client that was deleted', async () => {
      const gone = await register(proxy, confidential);
      const { accessToken } = await signIn(proxy, gone);
      await proxy.db.query({ text: 'delete from clients where client_id = $1', values: [gone.clientId] });
      expect(await answerTo(server, accessToken)).toBe(inactive);
    });
  });

  describe('is refused with 401 invalid_client (RFC 7662 §2.1, §2.3)', () => {
    test.each<[string, Parameters]>([
      ['without credentials', { client_id: undefined, client_secret: undefined }],
      ['with a wrong secret', { client_secret: 'wrong' }],
      ['without a secret', { client_secret: undefined }],
    ])('%s', async (_, changed) => {
      const { accessToken } = await signIn(proxy, client);
      const answer = await introspect(proxy, server, accessToken, changed);
      expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([401, 'invalid_client']);
      expect(answer.body).not.toContain('active');
    });

    test('for a public client, about its own token too', async () => {
      const open = await register(proxy);
      const { accessToken } = await signIn(proxy, open);
      const answer = await introspect(proxy, open, accessToken);
      expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([401, 'invalid_client']);
    });
    test('for a client that may come without its key elsewhere, and does (RFC 7662 §2.1)', async () => {
      const { keys } = { keys: [{ kty: 'EC' as const, crv: 'P-256', x: 'a', y: 'b' }] };
      const either = await createMachine(proxy.db, { jwks: { keys } });
      const statement = sql`update clients set assertion_optional = true where client_id = ${either.clientId}`;
      await proxy.db.query(statement);
      const token = await machineToken(proxy, either);
      const answer = await introspect(proxy, either, token);
      expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([401, 'invalid_client']);
    });
    test('for the bearer of an access token: it is no credential here', async () => {
      const { accessToken } = await signIn(proxy, client);
      const answer = await proxy.send({
        method: 'POST',
        url: '/introspect',
        headers: {
          authorization: `Bearer ${accessToken}`,
          'content-type': 'application/x-www-form-urlencoded',
        },
        payload: `token=${accessToken}`,
      });
      expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([401, 'invalid_client']);
    });
  });

  test('no token, or two, is invalid_request; an unknown hint does not matter (RFC 7662 §2.1)', async () => {
    for (const token of [undefined, '', ['a', 'b']]) {
      const answer = await introspect(proxy, server, undefined, { token });
      expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([400, 'invalid_request']);
    }
    const { accessToken } = await signIn(proxy, client);
    const answer = await introspect(proxy, server, accessToken, { token_type_hint: 'something_new' });
    expect(answer.json()).toMatchObject({ active: true });
  });

  test.each(['GET', 'PUT', 'DELETE', 'HEAD'] as const)('%s is 405 (RFC 7662 §2.1)', async (method) => {
    const answer = await proxy.send({ method, url: '/introspect?token=x' });
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'POST']);
  });

  test('a JSON body is not read (RFC 7662 §2.1)', async () => {
    const { clientId: client_id, clientSecret: client_secret } = server;
    const answer = await proxy.send({
      method: 'POST',
      url: '/introspect',
      payload: { token: 'x', client_id, client_secret },
    });
    expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([400, 'invalid_request']);
  });

  test('a script of a web page may not ask: introspection is for servers (RFC 7662 §4)', async () => {
    const headers = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
    const preflight = await proxy.send({ method: 'OPTIONS', url: '/introspect', headers });
    const { clientId: client_id, clientSecret: client_secret } = server;
    const answer = await proxy.send({
      method: 'POST',
      url: '/introspect',
      headers: { origin: 'https://app.example', 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams({ token: 'x', client_id, client_secret: client_secret ?? '' }).toString(),
    });
    for (const { headers: sent } of [preflight, answer]) {
      expect(sent).not.toHaveProperty('access-control-allow-origin');
    }
  });

  test('a server that introspects gets no tokens, and sends nobody to sign in (RFC 6749 §5.2)', async () => {
    const answer = await requestMachineToken(proxy, server);
    expect(answer.json()).toMatchObject({ error: 'unauthorized_client' });
  });

  test('an MCP server may ask as often as it is called: the limit is that of /mcp', async () => {
    const limited = await startTestApp({
      db: proxy.db,
      config: { ...proxy.config, rateLimitMax: 2, mcpRateLimitMax: 5 },
    });
    const statuses: number[] = [];
    while (statuses.length < 6)
      statuses.push((await introspect(limited, server, 'x', { client_secret: 'wrong' })).statusCode);
    await limited.close();
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
  });
});
