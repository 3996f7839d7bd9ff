/** How clients prove who they are at `/token` and `/revoke` (OAuth 2.1 §2.4, §3.2.1). */
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { authorize, redeem, register, registerByOperator, type TestClient } from '../support/authorize.ts';
import { postForm } from '../support/browser.ts';

let proxy: TestApp;
let publicClient: TestClient;
let basicClient: TestClient;
let postClient: TestClient;
beforeAll(async () => {
  proxy = await startTestApp();
  publicClient = await register(proxy);
  basicClient = await register(proxy, { token_endpoint_auth_method: 'client_secret_basic' });
  postClient = await register(proxy, { token_endpoint_auth_method: 'client_secret_post' });
  return proxy.close;
});

const basic = (id: string, secret: string): string => {
  const encode = (text: string) => encodeURIComponent(text).replaceAll('%20', '+');
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`;
};
const inHeader = { client_id: undefined, client_secret: undefined };

/** Redeems a new code of `client`, authenticating with these. */
async function redeemWith(
  client: TestClient,
  body: Readonly<Record<string, string | undefined>>,
  authorization?: string,
) {
  const { code, codeVerifier } = await authorize(proxy, client);
  const form = { grant_type: 'authorization_code', code, code_verifier: codeVerifier, ...body };
  return postForm(proxy, '/token', form, authorization === undefined ? {} : { authorization });
}

test('a secret in the header (RFC 6749 §2.3.1)', async () => {
  const { clientId, clientSecret = '' } = basicClient;
  expect((await redeemWith(basicClient, inHeader, basic(clientId, clientSecret))).statusCode).toBe(200);
});

test('a secret in the body, as every client with a secret may (OAuth 2.1 §2.4.1)', async () => {
  for (const client of [postClient, basicClient]) {
    expect((await redeem(proxy, client, await authorize(proxy, client))).statusCode).toBe(200);
  }
});

test('a public client says its id, in the body or in a header with an empty secret (OAuth 2.1 §3.2.1)', async () => {
  const { clientId } = publicClient;
  expect((await redeemWith(publicClient, { client_id: clientId })).statusCode).toBe(200);
  expect((await redeemWith(publicClient, {}, basic(clientId, ''))).statusCode).toBe(200);
});

test('a secret of any characters works in the header, form-url-encoded (RFC 6749 §2.3.1)', async () => {
  const client = await registerByOperator(proxy, { token_endpoint_auth_method: 'client_secret_basic' });
  const secret = 'a:b%2B+c d/ä✓=';
  const text = 'update clients set client_secret_hash = sha256($2::bytea) where client_id = $1';
  await proxy.db.query({ text, values: [client.clientId, Buffer.from(secret)] });
  expect((await redeemWith(client, inHeader, basic(client.clientId, secret))).statusCode).toBe(200);
});

describe('invalid_client is 401 (RFC 6749 §5.2)', () => {
  test.each(['/token', '/revoke'])(
    'at %s, with a Basic challenge when the header was used, and without otherwise',
    async (url) => {
      const form = { grant_type: 'refresh_token', refresh_token: 'x', token: 'x' };
      const { clientId } = basicClient;
      const headers = { authorization: basic(clientId, 'wrong') };
      const withHeader = await postForm(proxy, url, form, headers);
      const withBody = await postForm(proxy, url, { ...form, client_id: clientId, client_secret: 'wrong' });
      expect([withHeader.statusCode, withBody.statusCode]).toEqual([401, 401]);
      expect(withHeader.headers['www-authenticate']).toBe('Basic realm="mcp-oauth-proxy", charset="UTF-8"');
      expect(withBody.headers).not.toHaveProperty('www-authenticate');
      for (const answer of [withHeader, withBody])
        expect(answer.json()).toMatchObject({ error: 'invalid_client' });
    },
  );

  test.each<[string, () => Readonly<Record<string, string | undefined>>, string?]>([
    ['an unknown client', () => ({ client_id: 'unknown' })],
    ['no client', () => ({})],
    ['a missing secret', () => ({ client_id: basicClient.clientId })],
    ['an empty secret', () => ({ client_id: basicClient.clientId, client_secret: '' })],
    [
      'another client’s secret',
      () => ({ client_id: basicClient.clientId, client_secret: postClient.clientSecret }),
    ],
    ['the hash of the secret', () => ({ client_id: basicClient.clientId, client_secret: 'a'.repeat(64) })],
    ['a public client with a secret', () => ({ client_id: publicClient.clientId, client_secret: 'x' })],
    ['another scheme', () => ({ client_id: publicClient.clientId }), 'Bearer abc'],
    ['a malformed header', () => ({}), 'Basic %%%'],
    ['an id with NUL', () => ({ client_id: 'a\0b' })],
    ['an id with NUL in the header', () => ({}), `Basic ${Buffer.from('a%00b:c').toString('base64')}`],
    ['a quote in the id', () => ({ client_id: `' or '1'='1` })],
  ])('%s', async (_, body, authorization) => {
    const form = { grant_type: 'refresh_token', refresh_token: 'x', ...body() };
    const answer = await postForm(
      proxy,
      '/token',
      form,
      authorization === undefined ? {} : { authorization },
    );
    expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([401, 'invalid_client']);
  });

  test('the same description for an unknown client and a wrong secret', async () => {
    const describe = async (form: Readonly<Record<string, string>>): Promise<string> =>
      (await postForm(proxy, '/token', { grant_type: 'refresh_token', refresh_token: 'x', ...form })).body;
    expect(await describe({ client_id: 'unknown', client_secret: 'x' })).toBe(
      await describe({ client_id: basicClient.clientId, client_secret: 'x' }),
    );
  });
});

test('two methods at once are invalid_request (RFC 6749 §2.3)', async () => {
  const { clientId, clientSecret = '' } = basicClient;
  const body = { client_id: clientId, client_secret: clientSecret };
  const answer = await redeemWith(basicClient, body, basic(clientId, clientSecret));
  expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([400, 'invalid_request']);
});

test('credentials in the address are not looked at (OAuth 2.1 §2.4.1)', async () => {
  const { clientId, clientSecret = '' } = postClient;
  const query = new URLSearchParams({ client_id: clientId, client_secret: clientSecret });
  const answer = await postForm(proxy, `/token?${query.toString()}`, {
    grant_type: 'refresh_token',
    refresh_token: 'x',
  });
  expect(answer.statusCode).toBe(401);
});
