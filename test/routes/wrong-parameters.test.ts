/** Parameters that are wrong in every way, at every endpoint that takes some: an OAuth error, never a 5xx. */
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type Answer, type TestApp } from '../support/app.ts';
import { authorizeUrl, register, signIn, type TestClient } from '../support/authorize.ts';
import { formOf, type Parameters } from '../support/browser.ts';
import { complaint, complaints, failuresOf } from '../support/wrong-input.ts';

let proxy: TestApp;
let client: TestClient;
let good: Readonly<Record<string, Readonly<Record<string, string>>>>;
beforeAll(async () => {
  proxy = await startTestApp();
  client = await register(proxy);
  const codeVerifier = 'v'.repeat(43);
  const client_id = client.clientId;
  const resource = 'http://localhost:8080/mcp';
  const asked = Object.fromEntries(new URLSearchParams(authorizeUrl(client, codeVerifier).split('?')[1]));
  good = {
    authorize: { ...asked, scope: 'openid', resource, prompt: 'login' },
    consent: { request_id: 'r'.repeat(43), decision: 'approve' },
    callback: { state: 's'.repeat(43), code: 'c', iss: 'http://localhost:1', error_description: 'x' },
    code: {
      grant_type: 'authorization_code',
      code: 'mop_code_x',
      code_verifier: codeVerifier,
      redirect_uri: client.redirectUri,
      client_id,
      resource,
    },
    refresh: { grant_type: 'refresh_token', refresh_token: 'mop_rt_x', scope: 'openid', client_id },
    revoke: { token: 'mop_rt_x', token_type_hint: 'refresh_token', client_id, client_secret: 's' },
  };
  return proxy.close;
});

/** How parameters reach each endpoint, and the name of a good set of them. */
const endpoints = [
  ['GET', '/authorize', 'authorize'],
  ['POST', '/authorize', 'authorize'],
  ['POST', '/consent', 'consent'],
  ['GET', '/callback', 'callback'],
  ['POST', '/token', 'code'],
  ['POST', '/token', 'refresh'],
  ['POST', '/revoke', 'revoke'],
] as const;

describe.each(endpoints)('%s %s (%s)', (method, url, set) => {
  const send = async (encoded: string | Buffer): Promise<Answer> =>
    method === 'GET'
      ? proxy.send({ method, url: `${url}?${encoded.toString()}` })
      : proxy.send({
          method,
          url,
          payload: encoded,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        });

  test.each<[string, (value: string) => Parameters[string]]>([
    ['missing', () => undefined],
    ['empty', () => ''],
    ['repeated', (value) => [value, value]],
    ['repeated with another value', (value) => [value, 'other']],
    ['there 200 times', (value) => Array.from({ length: 200 }, () => value)],
    ['of 9 KB', () => 'x'.repeat(9_000)],
    ['of 100 KB', () => 'x'.repeat(100_000)],
    ['with NUL', (value) => `${value}\0`],
    ['nothing but NUL', () => '\0'],
    ['with control characters', (value) => `\r\n\u001b[31m${value}\u007f`],
    ['of all kinds of text', () => 'ä 漢 \u{1f600} \u202e \ufeff \uffff'],
    ['markup', () => '"><script>alert(1)</script>'],
    ['SQL', () => `' or 1=1; drop table clients; --`],
    ['a path', () => '../../../../etc/passwd'],
  ])('a parameter that is %s (RFC 6749 §3.1, §3.2)', async (_, change) => {
    const answers = [];
    for (const [name, value] of Object.entries(good[set] ?? {})) {
      answers.push(await send(formOf({ ...good[set], [name]: change(value) })));
    }
    expect(answers.length).toBeGreaterThan(1);
    expect(complaints(answers)).toEqual([]);
  });

  test.each([
    '',
    '%',
    '%zz=%zz',
    'client_id=%&state=%f',
    'client_id=%ff%fe&state=%c3%28&code=%ed%a0%80',
    '=&=&&&=x',
    '&'.repeat(5_000),
    'a=1&'.repeat(3_000),
    '__proto__=x&constructor=y&prototype=z&toString=1&hasOwnProperty=2',
    '__proto__[client_id]=x&constructor[prototype][x]=y',
    'client_id[]=x&client_id[a]=y&grant_type[]=refresh_token&state[]=x&request_id[$ne]=',
    'client_id=a;state=b',
  ])('parameters encoded as %j (URL Standard §5.1)', async (encoded) => {
    expect(complaint(await send(encoded))).toBeUndefined();
  });

  test('bytes that are no UTF-8', async () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x3d, 0xc3, 0x28]);
    expect(complaint(await send(method === 'GET' ? bytes.toString('latin1') : bytes))).toBeUndefined();
  });
});

test('none of it was a failure of the server, and a person can still sign in', async () => {
  expect(failuresOf(proxy)).toEqual([]);
  expect((await signIn(proxy, client)).scope).toBe('openid profile email');
});
