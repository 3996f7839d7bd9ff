/** The signed identity beside the plain headers, as the MCP server gets it (clients.md P20). */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import type { AddressInfo } from 'node:net';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { createVerifier } from '../../docs/signed-identity/verify.ts';
import { verifies } from '../conformance/verifies.ts';
import { type Arrived, localUrl, startTestApp, type TestApp } from '../support/app.ts';
import {
  callMcp,
  refresh,
  register,
  revoke,
  signIn,
  type TestClient,
  type Tokens,
  tokensOf,
} from '../support/authorize.ts';

const header = 'x-forwarded-jwt-assertion';
const hour = 3600;

let proxy: TestApp;
let client: TestClient;
let tokens: Tokens;
let jwksUrl: string;
beforeAll(async () => {
  proxy = await startTestApp({ config: { identityAssertion: true } });
  client = await register(proxy);
  tokens = await signIn(proxy, client);
  await proxy.app.listen({ host: '127.0.0.1', port: 0 });
  jwksUrl = `http://127.0.0.1:${(proxy.app.server.address() as AddressInfo).port}/jwks`;
  return proxy.close;
});

const arrivedWith = async (accessToken: string, app = proxy, headers: Record<string, string> = {}) => {
  const answer = await callMcp(app, accessToken, { headers });
  expect(answer.statusCode).toBe(200);
  return answer.json<Arrived>().headers;
};
const assertionOf = async (accessToken: string, app = proxy) =>
  String((await arrivedWith(accessToken, app))[header]);

const settings = () => ({ issuer: localUrl, audience: String(proxy.config.mcpServerUrl), jwksUrl });

test('it says the same as the plain headers, and what they do not: client, scopes, for whom, until when', async () => {
  const headers = await arrivedWith(tokens.accessToken);

  const claims = decodeJwt(String(headers[header]));
  expect(claims).toEqual({
    iss: localUrl,
    aud: proxy.config.mcpServerUrl,
    sub: headers['x-forwarded-user'],
    subject_type: 'person',
    email: headers['x-forwarded-email'],
    name: headers['x-forwarded-name'],
    client_id: client.clientId,
    scope: tokens.scope,
    jti: expect.any(String) as string,
    iat: expect.any(Number) as number,
    exp: (claims.iat ?? 0) + 120,
  });
});

describe('the documented verifiers', () => {
  test('Node: accepts it, with the published keys', async () => {
    const readCaller = createVerifier(settings());

    expect(await readCaller(await assertionOf(tokens.accessToken))).toEqual({
      id: expect.any(String) as string,
      isMachine: false,
      email: 'ada@example.com',
      name: 'Ada Lovelace',
      clientId: client.clientId,
      scopes: tokens.scope.split(' '),
    });
  });

  test('Node: the groups of a person, where they are known', async () => {
    const { accessToken } = await signIn(proxy, await register(proxy));
    await proxy.db.query({
      text: `update grants set groups = '{acme,acme/ops}' where grant_id = (select grant_id from access_tokens where jti = $1)`,
      values: [decodeJwt(accessToken).jti],
    });

    const caller = await createVerifier(settings())(await assertionOf(accessToken));

    expect(caller.groups).toEqual(['acme', 'acme/ops']);
  });

  test('Node: refuses none, one for another server or of another issuer, and a changed one', async () => {
    const assertion = await assertionOf(tokens.accessToken);
    const [head, payload, signature] = assertion.split('.');
    const changed = Buffer.from(JSON.stringify({ ...decodeJwt(assertion), sub: 'eve' })).toString(
      'base64url',
    );

    const refused: readonly (readonly [string, Partial<ReturnType<typeof settings>>, string | undefined])[] =
      [
        ['Invalid Compact JWS', {}, undefined],
        ['unexpected "aud"', { audience: 'http://another:3000/mcp' }, assertion],
        ['unexpected "iss"', { issuer: 'https://another.example' }, assertion],
        ['signature verification failed', {}, [head, changed, signature].join('.')],
        ['signature verification failed', {}, [head, payload, ''].join('.')],
      ];

    for (const [why, other, jwt] of refused) {
      await expect(createVerifier({ ...settings(), ...other })(jwt)).rejects.toThrow(why);
    }
  });

  test('Node: an access token is none, even for a server that calls itself by the public address (RFC 8725 §3.11)', async () => {
    const readCaller = createVerifier({ ...settings(), audience: `${localUrl}/mcp` });

    await expect(readCaller(tokens.accessToken)).rejects.toThrow('typ');
  });

  const python = ['python3', '/usr/bin/python3'].find(
    (program) => spawnSync(program, ['-c', 'import jwt, cryptography']).status === 0,
  );
  const script = fileURLToPath(new URL('../../docs/signed-identity/verify.py', import.meta.url));
  const runPython = async (jwt: string, audience = String(proxy.config.mcpServerUrl)) => {
    const program = [
      'import json, runpy, sys',
      'create = runpy.run_path(sys.argv[1])["create_verifier"]',
      'print(json.dumps(create(sys.argv[2], sys.argv[3], sys.argv[4])(sys.argv[5])))',
    ].join('\n');
    const { stdout } = await promisify(execFile)(python ?? '', [
      '-c',
      program,
      script,
      localUrl,
      audience,
      jwksUrl,
      jwt,
    ]);
    return JSON.parse(stdout) as unknown;
  };

  test.skipIf(python === undefined)('Python with PyJWT: accepts it, with the published keys', async () => {
    expect(await runPython(await assertionOf(tokens.accessToken))).toMatchObject({
      sub: expect.any(String) as string,
      email: 'ada@example.com',
      client_id: client.clientId,
    });
  });

  test.skipIf(python === undefined)(
    'Python with PyJWT: refuses one for another server, and an access token (RFC 8725 §3.11)',
    async () => {
      const assertion = await assertionOf(tokens.accessToken);
      await expect(runPython(assertion, 'http://another:3000/mcp')).rejects.toThrow('InvalidAudience');
      await expect(runPython(tokens.accessToken, `${localUrl}/mcp`)).rejects.toThrow('not a signed identity');
    },
  );
});

test('it is no access token: at /mcp it is refused with 401 invalid_token (protocol.md 116, RFC 9068 §4)', async () => {
  const answer = await callMcp(proxy, await assertionOf(tokens.accessToken));

  expect(answer.statusCode).toBe(401);
  expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
});

describe('one signature serves many requests', () => {
  test('fifty at once get the same one, also when it has to be renewed; each access token has its own', async () => {
    const own = await signIn(proxy, client);
    const first = await assertionOf(own.accessToken);
    proxy.clock.advance({ minutes: 1 });

    const all = await Promise.all(Array.from({ length: 50 }, async () => assertionOf(own.accessToken)));

    expect(new Set(all).size).toBe(1);
    expect(all[0]).not.toBe(first);
    expect(await assertionOf(tokens.accessToken)).not.toBe(all[0]);
  });

  test('it is renewed after a minute, when it is good for another one', async () => {
    const first = await assertionOf(tokens.accessToken);
    proxy.clock.advance({ seconds: 59 });
    expect(await assertionOf(tokens.accessToken)).toBe(first);

    proxy.clock.advance({ seconds: 1 });

    const second = await assertionOf(tokens.accessToken);
    expect(second).not.toBe(first);
    expect(decodeJwt(second).jti).not.toBe(decodeJwt(first).jti);
  });

  test('a revoked access token brings no more of them', async () => {
    const own = await signIn(proxy, client);
    await assertionOf(own.accessToken);

    await revoke(proxy, client, own.refreshToken);

    expect((await callMcp(proxy, own.accessToken)).statusCode).toBe(401);
  });

  test('after the signing key has changed, the last one of the old key still verifies (RFC 7517 §5, overlap)', async () => {
    const own = await startTestApp({
      config: { ...proxy.config, accessTokenTtlSeconds: 24 * hour, refreshTokenTtlSeconds: 200 * 24 * hour },
    });
    const known = await register(own);
    const { refreshToken } = await signIn(own, known);
    own.clock.advance({ days: 89, hours: 23, minutes: 59, seconds: 30 });
    const { accessToken } = tokensOf(await refresh(own, known, refreshToken));
    const old = await assertionOf(accessToken, own);

    own.clock.advance({ minutes: 1 });

    const renewed = await assertionOf(accessToken, own);
    const published = (await own.send({ url: '/jwks' })).json<{ keys: { kid: string }[] }>();
    await own.close();
    const kids = [old, renewed].map((jwt) => decodeProtectedHeader(jwt).kid);
    expect(new Set(kids).size).toBe(2);
    expect(published.keys.map(({ kid }) => kid)).toEqual(expect.arrayContaining(kids));
  });
});

test(
  'off, which is the default, there is none: and what a client sends under its name does not arrive (protocol.md 118)',
  verifies('identity-headers'),
  async () => {
    const off = await startTestApp({ db: proxy.db, config: { ...proxy.config, identityAssertion: false } });
    const spellings = [
      'X-Forwarded-Jwt-Assertion',
      'x_forwarded_jwt_assertion',
      'X-Forwarded_Jwt.Assertion',
      'X-FORWARDED-JWT-ASSERTION',
    ];
    const forged = Object.fromEntries(spellings.map((name) => [name, 'forged']));

    const without = await arrivedWith(tokens.accessToken, off, forged);
    const withOurs = await arrivedWith(tokens.accessToken, proxy, forged);

    await off.close();
    expect(JSON.stringify(without)).not.toMatch(/forged|assertion/i);
    expect(JSON.stringify(withOurs)).not.toContain('forged');
  },
);

test('the public address cannot be the MCP server: its signed identities would have the audience of access tokens', async () => {
  const start = startTestApp({ db: proxy.db, config: { ...proxy.config, mcpServerUrl: `${localUrl}/mcp/` } });

  await expect(start).rejects.toThrow('MCP_SERVER_URL is the public address');
});
