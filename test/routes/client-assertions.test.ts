/** Clients that prove who they are with a key: `private_key_jwt` at `/token` and `/revoke` (RFC 7523, RFC 7521). */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, localUrl, type TestApp } from '../support/app.ts';
import { authorize, redeem, register, signIn, tokensOf, type TestClient } from '../support/authorize.ts';
import { type Parameters, postForm } from '../support/browser.ts';
import {
  type AssertionChanges,
  assertionParameters,
  type ClientKey,
  createClientKey,
  signAssertion,
} from '../support/client-keys.ts';
import { createTestDatabase, databaseKinds, type TestDatabase } from '../support/database.ts';
import {
  type DocumentHost,
  loopbackPermitted,
  sendJson,
  startDocumentHost,
} from '../support/document-host.ts';
import { describeTls } from '../support/tls.ts';

let database: TestDatabase;
let proxy: TestApp;
let key: ClientKey;
let client: TestClient;
beforeAll(async () => {
  database = await createTestDatabase(databaseKinds[0] ?? 'embedded');
  proxy = await startTestApp({ db: database.db });
  key = await createClientKey();
  client = await registerWithKey(key);
});
afterAll(async () => {
  await proxy.close();
  await database.drop();
});

async function registerWithKey({ publicJwk }: ClientKey): Promise<TestClient> {
  return register(proxy, { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [publicJwk] } });
}

/** Redeems a new code of `client`, with an assertion in place of a secret. */
async function redeemSigned(who: TestClient, by: ClientKey, changed: AssertionChanges = {}) {
  const authorization = await authorize(proxy, who);
  const assertion = await signAssertion(by, who.clientId, localUrl, proxy.clock, changed);
  return redeem(proxy, who, authorization, assertionParameters(assertion));
}

/** A request that fails behind client authentication: what it answers says whether that succeeded. */
async function knock(parameters: Parameters, headers = {}): Promise<readonly [number, string]> {
  const form = { grant_type: 'refresh_token', refresh_token: 'unknown', ...parameters };
  const answer = await postForm(proxy, '/token', form, headers);
  return [answer.statusCode, answer.json<{ error: string }>().error];
}
const letIn = [400, 'invalid_grant'];
const refused = [401, 'invalid_client'];

describe('registration', () => {
  test('private_key_jwt with a key set is registered without a secret, and echoed (RFC 7591 §2, §3.2.1)', async () => {
    const answer = await proxy.send({
      method: 'POST',
      url: '/register',
      payload: {
        redirect_uris: [client.redirectUri],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [key.publicJwk] },
      },
    });
    expect(answer.statusCode).toBe(201);
    expect(answer.json()).toMatchObject({
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [key.publicJwk] },
    });
    expect(answer.json()).not.toHaveProperty('client_secret');
  });

  test.each<[string, object]>([
    ['no key', {}],
    ['both jwks and jwks_uri', { jwks: { keys: [] }, jwks_uri: 'https://app.example/keys' }],
    ['jwks_uri without TLS', { jwks_uri: 'http://app.example/keys' }],
    ['a symmetric key', { jwks: { keys: [{ kty: 'oct', k: 'AA' }] } }],
  ])('with %s it is refused (RFC 7591 §3.2.2)', async (_, keys) => {
    const metadata = { redirect_uris: [client.redirectUri], token_endpoint_auth_method: 'private_key_jwt' };
    const answer = await proxy.send({ method: 'POST', url: '/register', payload: { ...metadata, ...keys } });
    expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([
      400,
      'invalid_client_metadata',
    ]);
  });
});

describe('at /token', () => {
  test.each(['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA'])(
    'an assertion signed with %s stands for the client (RFC 7523 §2.2)',
    async (alg) => {
      const by = await createClientKey(alg);
      expect((await redeemSigned(await registerWithKey(by), by)).statusCode).toBe(200);
    },
  );

  test('client_id may be left out, and has to agree when it is there (RFC 7521 §4.2)', async () => {
    const sign = () => signAssertion(key, client.clientId, localUrl, proxy.clock);
    expect(await knock(assertionParameters(await sign()))).toEqual(letIn);
    expect(await knock({ client_id: client.clientId, ...assertionParameters(await sign()) })).toEqual(letIn);
    const other = await registerWithKey(key);
    expect(await knock({ client_id: other.clientId, ...assertionParameters(await sign()) })).toEqual(refused);
  });

  test('the token endpoint is accepted as audience, as older clients write it (RFC 7523 §3)', async () => {
    const assertion = await signAssertion(key, client.clientId, `${localUrl}/token`, proxy.clock);
    expect(await knock(assertionParameters(assertion))).toEqual(letIn);
  });

  test.each<[string, AssertionChanges]>([
    ['another issuer', { claims: { iss: 'someone' } }],
    ['another audience', { claims: { aud: 'https://evil.example' } }],
    ['our audience beside another', { claims: { aud: [localUrl, 'https://evil.example'] } }],
    ['no jti', { claims: { jti: undefined } }],
    ['no exp', { claims: { exp: undefined } }],
    ['exp an hour ahead', { lifetimeSeconds: 3600 }],
    ['an exp that has passed', { lifetimeSeconds: -61 }],
    ['a kid that the client does not have', { header: { kid: 'unknown' } }],
  ])('%s: 401 invalid_client (RFC 7523 §3)', async (_, changed) => {
    const assertion = await signAssertion(key, client.clientId, localUrl, proxy.clock, changed);
    expect(await knock(assertionParameters(assertion))).toEqual(refused);
  });

  test('a signature of another key, of none, or by the public key as a secret is refused (RFC 8725 §3.1)', async () => {
    const sameName = await createClientKey('ES256', key.kid);
    const foreign = await signAssertion(sameName, client.clientId, localUrl, proxy.clock);
    const good = await signAssertion(key, client.clientId, localUrl, proxy.clock);
    const [head = '', claims = ''] = good.split('.');
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`;
    const changed = `${head}.${Buffer.from(JSON.stringify({ ...decode(claims), jti: 'x' })).toString('base64url')}.${good.split('.')[2]}`;
    for (const assertion of [foreign, unsigned, changed, 'a.b.c', 'x'.repeat(8193)]) {
      expect(await knock(assertionParameters(assertion))).toEqual(refused);
    }
  });

  test('the answer is the same for every cause (RFC 6749 §5.2)', async () => {
    const bodyOf = async (assertion: string) =>
      (
        await postForm(proxy, '/token', {
          grant_type: 'refresh_token',
          refresh_token: 'x',
          ...assertionParameters(assertion),
        })
      ).body;
    const late = { lifetimeSeconds: -61 };
    const unknown = await bodyOf(await signAssertion(key, 'unknown', localUrl, proxy.clock));
    expect(await bodyOf(await signAssertion(key, client.clientId, localUrl, proxy.clock, late))).toBe(
      unknown,
    );
    expect(await bodyOf('nonsense')).toBe(unknown);
  });

  test('a client with a key must bring an assertion, and nothing else (RFC 6749 §2.3)', async () => {
    expect(await knock({ client_id: client.clientId })).toEqual(refused);
    expect(await knock({ client_id: client.clientId, client_secret: 'x' })).toEqual(refused);
  });

  test('a public client, or one with a secret, cannot come with an assertion (RFC 6749 §2.3)', async () => {
    for (const method of ['none', 'client_secret_post']) {
      const other = await register(proxy, { token_endpoint_auth_method: method });
      const assertion = await signAssertion(key, other.clientId, localUrl, proxy.clock);
      expect(await knock(assertionParameters(assertion))).toEqual(refused);
    }
  });

  test('two methods at once, or a repeated parameter, are invalid_request (RFC 6749 §2.3, §3.2)', async () => {
    const assertion = assertionParameters(await signAssertion(key, client.clientId, localUrl, proxy.clock));
    const invalid = [400, 'invalid_request'];
    expect(await knock({ ...assertion, client_secret: 'x' })).toEqual(invalid);
    expect(await knock(assertion, { authorization: `Basic ${btoa(`${client.clientId}:x`)}` })).toEqual(
      invalid,
    );
    const twice = [assertion.client_assertion ?? '', assertion.client_assertion ?? ''];
    expect(await knock({ ...assertion, client_assertion: twice })).toEqual(invalid);
    // None of these used the assertion up.
    expect(await knock(assertion)).toEqual(letIn);
  });

  test('another type of assertion, or none, is refused (RFC 7521 §4.2)', async () => {
    const { client_assertion, client_assertion_type } = assertionParameters(
      await signAssertion(key, client.clientId, localUrl, proxy.clock),
    );
    expect(await knock({ client_assertion })).toEqual(refused);
    const saml = 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer';
    expect(await knock({ client_assertion, client_assertion_type: saml })).toEqual(refused);
    expect(await knock({ client_id: client.clientId, client_assertion_type })).toEqual(refused);
  });
});

describe('an assertion is good once (RFC 7523 §3, jti)', () => {
  test('its second use is refused, also when its time is nearly over', async () => {
    const assertion = assertionParameters(await signAssertion(key, client.clientId, localUrl, proxy.clock));
    expect(await knock(assertion)).toEqual(letIn);
    expect(await knock(assertion)).toEqual(refused);
    proxy.clock.advance({ seconds: 119 });
    expect(await knock(assertion)).toEqual(refused);
    const { rows } = await proxy.db.query({
      text: 'select 1 from client_assertions where client_id = $1 and expires_at > $2',
      values: [client.clientId, proxy.clock()],
    });
    expect(rows).not.toEqual([]);
    expect((await postForm(proxy, '/revoke', { token: 'x', ...assertion })).statusCode).toBe(401);
  });

  test('of 20 callers at two instances exactly one is let in', async () => {
    const second = await startTestApp({ db: database.db, config: proxy.config, clock: proxy.clock });
    const parameters = {
      grant_type: 'refresh_token',
      refresh_token: 'x',
      ...assertionParameters(await signAssertion(key, client.clientId, localUrl, proxy.clock)),
    };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => postForm(n % 2 === 0 ? proxy : second, '/token', parameters)),
    );
    const statuses = answers.map(({ statusCode }) => statusCode);
    expect(statuses.filter((status) => status === 400)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(19);
    await second.close();
  });

  test('the same jti of another client is another one', async () => {
    const jti = randomUUID();
    const other = await registerWithKey(key);
    for (const { clientId } of [client, other]) {
      const assertion = await signAssertion(key, clientId, localUrl, proxy.clock, { claims: { jti } });
      expect(await knock(assertionParameters(assertion))).toEqual(letIn);
    }
  });
});

test('at /revoke the assertion is asked for as well (RFC 7009 §2.1)', async () => {
  const sign = async () =>
    assertionParameters(await signAssertion(key, client.clientId, localUrl, proxy.clock));
  const tokens = tokensOf(await redeemSigned(client, key));
  const without = await postForm(proxy, '/revoke', {
    token: tokens.refreshToken,
    client_id: client.clientId,
  });
  expect(without.statusCode).toBe(401);
  const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refreshToken };
  const alive = await postForm(proxy, '/token', { ...refresh, ...(await sign()) });
  expect(alive.statusCode).toBe(200);
  const { refreshToken } = tokensOf(alive);
  const revoked = await postForm(proxy, '/revoke', { token: refreshToken, ...(await sign()) });
  expect(revoked.statusCode).toBe(200);
  expect(await knock({ refresh_token: refreshToken, ...(await sign()) })).toEqual(letIn);
});

describeTls('keys behind jwks_uri (needs the program openssl)', () => {
  let host: DocumentHost;
  let remote: TestApp;
  let remoteClient: TestClient;
  beforeAll(async () => {
    host = await startDocumentHost();
    remote = await startTestApp({
      db: database.db,
      config: { ...proxy.config, clientDocuments: loopbackPermitted },
      outbound: host.outbound,
    });
    remoteClient = await register(remote, {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: host.url('/keys'),
    });
  });
  afterAll(async () => {
    await remote.close();
    await host.close();
  });

  const knockRemote = async (by: ClientKey) => {
    const assertion = await signAssertion(by, remoteClient.clientId, localUrl, remote.clock);
    const form = { grant_type: 'refresh_token', refresh_token: 'x', ...assertionParameters(assertion) };
    return (await postForm(remote, '/token', form)).statusCode;
  };
  const readings = () => host.requests.filter(({ path }) => path === '/keys').length;

  test('while they cannot be read it is 503, not a refusal (design: transient is not dead)', async () => {
    host.publish('/keys', undefined);
    expect(await knockRemote(key)).toBe(503);
    remote.clock.advance({ minutes: 1 });
  });

  test('they are read once for many callers, and kept', async () => {
    host.publish('/keys', { keys: [key.publicJwk] });
    const before = readings();
    const statuses = await Promise.all(Array.from({ length: 10 }, () => knockRemote(key)));
    expect(statuses).toEqual(Array.from({ length: 10 }, () => 400));
    expect(await knockRemote(key)).toBe(400);
    expect(readings() - before).toBe(1);
  });

  test('a new key is found by its first use, and unknown ones make us ask once in 30 seconds (OpenID Connect Core §10.1.1)', async () => {
    const next = await createClientKey();
    host.publish('/keys', { keys: [key.publicJwk, next.publicJwk] });
    remote.clock.advance({ seconds: 31 });
    const before = readings();
    expect(await knockRemote(next)).toBe(400);
    for (let count = 0; count < 5; count += 1) expect(await knockRemote(await createClientKey())).toBe(401);
    expect(readings() - before).toBe(1);
    remote.clock.advance({ seconds: 31 });
    expect(await knockRemote(await createClientKey())).toBe(401);
    expect(readings() - before).toBe(2);
  });

  test('a client that is deleted while its keys are read is not known, and that is all (RFC 6749 §5.2)', async () => {
    const gone = await register(remote, {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: host.url('/keys-of-gone'),
    });
    host.publish('/keys-of-gone', (_, response) => {
      const deleted = remote.db.query({
        text: 'delete from clients where client_id = $1',
        values: [gone.clientId],
      });
      void deleted.then(() => sendJson(response, { keys: [key.publicJwk] }));
    });
    const assertion = await signAssertion(key, gone.clientId, localUrl, remote.clock);
    const form = { grant_type: 'refresh_token', refresh_token: 'x', ...assertionParameters(assertion) };
    const answer = await postForm(remote, '/token', form);
    expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual(refused);
  });

  test('an assertion that is wrong anyway makes nobody read keys', async () => {
    remote.clock.advance({ days: 2 });
    const before = readings();
    const late = await signAssertion(key, remoteClient.clientId, 'https://evil.example', remote.clock);
    const form = { grant_type: 'refresh_token', refresh_token: 'x', ...assertionParameters(late) };
    expect((await postForm(remote, '/token', form)).statusCode).toBe(401);
    expect(readings()).toBe(before);
  });

  test('while their host is away the last ones are used for a day after they went stale', async () => {
    expect(await knockRemote(key)).toBe(400);
    host.setAway(true);
    remote.clock.advance({ hours: 24 });
    expect(await knockRemote(key)).toBe(400);
    remote.clock.advance({ hours: 2 });
    expect(await knockRemote(key)).toBe(503);
    host.setAway(false);
    remote.clock.advance({ minutes: 1 });
    expect(await knockRemote(key)).toBe(400);
  });

  test('a key that the client has withdrawn is refused once its time is over', async () => {
    const next = await createClientKey();
    host.publish('/keys', { keys: [next.publicJwk] });
    remote.clock.advance({ days: 1 });
    expect(await knockRemote(key)).toBe(401);
    expect(await knockRemote(next)).toBe(400);
  });
});

function decode(part: string): object {
  return JSON.parse(Buffer.from(part, 'base64url').toString()) as object;
}

test('a refresh token of a client with a key works with an assertion only (OAuth 2.1 §4.3.1)', async () => {
  const tokens = tokensOf(await redeemSigned(client, key));
  expect(await knock({ refresh_token: tokens.refreshToken, client_id: client.clientId })).toEqual(refused);
  await expect(signIn(proxy, client)).rejects.toThrow('401');
});
