/** `/token` for machines: clients that act for themselves (RFC 6749 §4.4, OAuth 2.1 §4.2). */
import { beforeAll, describe, expect, test } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { type Arrived, startTestApp, type TestApp } from '../support/app.ts';
import {
  authorizeUrl,
  callMcp,
  refresh,
  register,
  registerByOperator,
  revoke,
  signIn,
  type TestClient,
} from '../support/authorize.ts';
import { openBrowser, type Parameters, postForm } from '../support/browser.ts';
import { databaseKinds } from '../support/database.ts';
import { textOf } from '../support/html.ts';
import { createIntrospector, createMachine, machineToken, requestMachineToken } from '../support/servers.ts';

const resource = 'http://localhost:8080/mcp';

function errorOf(answer: Awaited<ReturnType<typeof requestMachineToken>>): [number, string] {
  return [answer.statusCode, answer.json<{ error: string }>().error];
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >;
}

describe.each(databaseKinds)('on %s', (kind) => {
  let proxy: TestApp;
  let machine: TestClient;
  beforeAll(async () => {
    proxy = await startTestApp({ kind });
    machine = await createMachine(proxy.db);
    return proxy.close;
  });

  test('it gets an access token and no refresh token (RFC 6749 §4.4.3, OAuth 2.1 §4.2.2)', async () => {
    const answer = await requestMachineToken(proxy, machine);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.json()).toEqual({
      access_token: expect.any(String) as string,
      token_type: 'Bearer',
      expires_in: expect.any(Number) as number,
      scope: 'tools:read tools:write',
    });
  });

  test('the subject is its client id, and nothing speaks of a person (RFC 9068 §2.2, §5)', async () => {
    const claims = claimsOf(await machineToken(proxy, machine));
    expect(claims).toEqual({
      iss: 'http://localhost:8080',
      aud: resource,
      sub: machine.clientId,
      client_id: machine.clientId,
      scope: 'tools:read tools:write',
      jti: expect.any(String) as string,
      iat: expect.any(Number) as number,
      exp: Number(claims.iat) + 3600,
    });
  });

  test('the MCP server is told the client id as user, and no e-mail, name or provider token', async () => {
    const token = await machineToken(proxy, machine);
    const answers = [await callMcp(proxy, token), await callMcp(proxy, token)];
    for (const answer of answers) {
      expect(answer.statusCode).toBe(200);
      const { headers } = answer.json<Arrived>();
      const told = Object.keys(headers).filter((name) => name.startsWith('x-forwarded-'));
      expect(told.toSorted()).toEqual([
        'x-forwarded-client-id',
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-proto',
        'x-forwarded-user',
      ]);
      expect(headers['x-forwarded-user']).toBe(machine.clientId);
      expect(headers['x-forwarded-client-id']).toBe(machine.clientId);
    }
  });

  test('a signed identity says that it is a machine (design: signed identity)', async () => {
    const signing = await startTestApp({
      db: proxy.db,
      config: { ...proxy.config, identityAssertion: true },
    });
    const { headers } = (await callMcp(signing, await machineToken(signing, machine))).json<Arrived>();
    await signing.close();
    const claims = claimsOf(String(headers['x-forwarded-jwt-assertion']));
    expect(claims).toMatchObject({
      sub: machine.clientId,
      subject_type: 'machine',
      client_id: machine.clientId,
      scope: 'tools:read tools:write',
    });
    expect(claims).not.toHaveProperty('email');
  });

  test('what it says about itself in headers does not arrive (RFC 9700 §4.13)', async () => {
    const forged = { 'x-forwarded-client-id': 'other', 'x-forwarded-email': 'ada@example.com' };
    const { headers } = (
      await callMcp(proxy, await machineToken(proxy, machine), { headers: forged })
    ).json<Arrived>();
    expect(headers['x-forwarded-client-id']).toBe(machine.clientId);
    expect(headers).not.toHaveProperty('x-forwarded-email');
  });

  test.each<[string, Parameters, string]>([
    ['one of its scopes', { scope: 'tools:read' }, 'tools:read'],
    ['its scopes and others', { scope: 'openid tools:write offline_access' }, 'tools:write'],
    [
      'none of its scopes: SDK clients ask for what the challenge names',
      { scope: 'openid' },
      'tools:read tools:write',
    ],
    ['an empty scope', { scope: '' }, 'tools:read tools:write'],
    ['offline_access', { scope: 'offline_access' }, 'tools:read tools:write'],
  ])(
    'with %s it gets no more than it may have, and is told what (RFC 6749 §3.3)',
    async (_, changed, scope) => {
      const answer = await requestMachineToken(proxy, machine, changed);
      const { access_token, scope: told } = answer.json<{ access_token: string; scope: string }>();
      expect([told, claimsOf(access_token).scope]).toEqual([scope, scope]);
    },
  );

  test.each<[string, Parameters, [number, string]]>([
    ['a malformed scope', { scope: 'a"b' }, [400, 'invalid_scope']],
    ['a repeated scope', { scope: ['tools:read', 'tools:write'] }, [400, 'invalid_request']],
    ['a foreign resource', { resource: 'https://evil.example/mcp' }, [400, 'invalid_target']],
    ['one good and one foreign resource', { resource: [resource, 'https://a.b/'] }, [400, 'invalid_target']],
    ['a wrong secret', { client_secret: 'wrong' }, [401, 'invalid_client']],
    ['no secret', { client_secret: undefined }, [401, 'invalid_client']],
    ['another client’s id', { client_id: 'unknown' }, [401, 'invalid_client']],
  ])('%s is refused (RFC 6749 §5.2, RFC 8707 §2.2)', async (_, changed, error) => {
    expect(errorOf(await requestMachineToken(proxy, machine, changed))).toEqual(error);
  });

  test('made for one resource it gets tokens for that one alone (RFC 8707 §2.2)', async () => {
    const here = await createMachine(proxy.db, { resource: `${resource}/` });
    const elsewhere = await createMachine(proxy.db, { resource: 'https://other.example/mcp' });
    expect(claimsOf(await machineToken(proxy, here)).aud).toBe(resource);
    expect(claimsOf(await machineToken(proxy, here, { resource })).aud).toBe(resource);
    for (const changed of [{}, { resource }, { resource: 'https://other.example/mcp' }]) {
      expect(errorOf(await requestMachineToken(proxy, elsewhere, changed))).toEqual([400, 'invalid_target']);
    }
  });

  test('clients for people may not, public or confidential, whoever made them (RFC 6749 §4.4, §5.2)', async () => {
    const clients = [
      await register(proxy, { grant_types: ['authorization_code', 'client_credentials'] }),
      await register(proxy, { token_endpoint_auth_method: 'client_secret_post' }),
      await registerByOperator(proxy, { token_endpoint_auth_method: 'client_secret_basic' }),
      await createIntrospector(proxy.db),
    ];
    for (const client of clients) {
      expect(errorOf(await requestMachineToken(proxy, client))).toEqual([400, 'unauthorized_client']);
    }
  });

  test('nobody registers as a machine (OAuth 2.1 §4.2)', async () => {
    const answer = await proxy.send({
      method: 'POST',
      url: '/register',
      payload: {
        redirect_uris: ['https://client.example/callback'],
        grant_types: ['client_credentials'],
      },
    });
    expect(errorOf(answer)).toEqual([400, 'invalid_client_metadata']);
  });

  test('a machine may use no other grant (RFC 6749 §5.2)', async () => {
    const { refreshToken, authorization } = await signIn(proxy, await register(proxy));
    const code = { grant_type: 'authorization_code', code: 'c', code_verifier: authorization.codeVerifier };
    expect(errorOf(await requestMachineToken(proxy, machine, code))).toEqual([400, 'unauthorized_client']);
    expect(errorOf(await refresh(proxy, machine, refreshToken))).toEqual([400, 'unauthorized_client']);
  });

  test('it cannot send people to sign in: they get a page, and are sent nowhere (RFC 6749 §4.1.2.1)', async () => {
    for (const redirect_uri of ['https://client.example/callback', undefined]) {
      const page = await openBrowser(proxy).get(authorizeUrl(machine, 'v', { redirect_uri }));
      expect([page.statusCode, page.headers.location]).toEqual([400, undefined]);
      expect(textOf(page)).toContain('This app signs nobody in');
    }
  });

  test('a public client cannot be made a machine, even by hand (OAuth 2.1 §4.2)', async () => {
    const { clientId } = await register(proxy);
    const byHand = [
      sql`update clients set grant_types = '{client_credentials}' where client_id = ${clientId}`,
      sql`update clients set may_introspect = true where client_id = ${clientId}`,
    ];
    for (const statement of byHand)
      await expect(proxy.db.query(statement)).rejects.toThrow('clients_confidential');
  });

  test('its token lives an hour at most, however long those of people live (OAuth 2.1 §4.2.2)', async () => {
    const day = await startTestApp({
      db: proxy.db,
      config: { ...proxy.config, accessTokenTtlSeconds: 86_400 },
    });
    const minute = await startTestApp({
      db: proxy.db,
      config: { ...proxy.config, accessTokenTtlSeconds: 60 },
    });
    const livesFor = async (instance: TestApp) =>
      (await requestMachineToken(instance, machine)).json<{ expires_in: number }>().expires_in;
    const lives = [await livesFor(day), await livesFor(minute)];
    await day.close();
    await minute.close();
    expect(lives[0]).toBeGreaterThan(3590);
    expect(lives[0]).toBeLessThanOrEqual(3600);
    expect(lives[1]).toBeLessThanOrEqual(60);
  });

  test('it ends its own token, at once, and that one alone (RFC 7009 §2.1)', async () => {
    const [ended, lives] = [await machineToken(proxy, machine), await machineToken(proxy, machine)];
    expect((await callMcp(proxy, ended)).statusCode).toBe(200);
    await revoke(proxy, machine, ended);
    expect([(await callMcp(proxy, ended)).statusCode, (await callMcp(proxy, lives)).statusCode]).toEqual([
      401, 200,
    ]);
  });

  test('the operator ends all its tokens with its grant; the next one begins a new grant', async () => {
    const own = await createMachine(proxy.db);
    const tokens = [await machineToken(proxy, own), await machineToken(proxy, own)];
    for (const token of tokens) await callMcp(proxy, token);
    await proxy.db.query(sql`
      update grants set revoked_at = ${proxy.clock()}, revocation_reason = 'operator'
      where client_id = ${own.clientId} and revoked_at is null`);
    await expect
      .poll(async () => Promise.all(tokens.map(async (token) => (await callMcp(proxy, token)).statusCode)), {
        timeout: 1000,
        interval: 20,
      })
      .toEqual([401, 401]);
    expect((await callMcp(proxy, await machineToken(proxy, own))).statusCode).toBe(200);
  });

  test('when the operator deletes it, its first token ends too, and it gets no other (design §3.4)', async () => {
    const own = await createMachine(proxy.db);
    const token = await machineToken(proxy, own);
    expect((await callMcp(proxy, token)).statusCode).toBe(200);
    await proxy.db.query(sql`delete from clients where client_id = ${own.clientId}`);
    await expect
      .poll(async () => (await callMcp(proxy, token)).statusCode, { timeout: 1000, interval: 20 })
      .toBe(401);
    expect(errorOf(await requestMachineToken(proxy, own))).toEqual([401, 'invalid_client']);
  });

  test('twenty tokens at once are twenty tokens of one grant (RFC 6749 §4.4)', async () => {
    const own = await createMachine(proxy.db);
    const tokens = await Promise.all(Array.from({ length: 20 }, async () => machineToken(proxy, own)));
    expect(new Set(tokens.map((token) => claimsOf(token).jti)).size).toBe(20);
    const { rows } = await proxy.db.query(sql`
      select count(distinct grant_id)::int as grants, count(*)::int as tokens
      from grants join access_tokens using (grant_id)
      where client_id = ${own.clientId}`);
    expect(rows).toEqual([{ grants: 1, tokens: 20 }]);
  });

  test('tokens asked for while the client is deleted are refused or dead, never an error of ours', async () => {
    const own = await createMachine(proxy.db);
    const asking = Array.from({ length: 10 }, async () => requestMachineToken(proxy, own));
    await proxy.db.query(sql`delete from clients where client_id = ${own.clientId}`);
    for (const answer of await Promise.all(asking)) {
      expect([200, 401]).toContain(answer.statusCode);
      if (answer.statusCode !== 200) continue;
      const { access_token } = answer.json<{ access_token: string }>();
      expect((await callMcp(proxy, access_token)).statusCode).toBe(401);
    }
  });

  test('credentials in the header work as well (RFC 6749 §2.3.1)', async () => {
    const authorization = `Basic ${Buffer.from(`${machine.clientId}:${machine.clientSecret}`).toString('base64')}`;
    const answer = await postForm(
      proxy,
      '/token',
      { grant_type: 'client_credentials', resource },
      { authorization },
    );
    expect(answer.statusCode).toBe(200);
  });
});
