/** Methods, headers and paths that nobody should send, everywhere: an error as JSON, never a 5xx. */
import { beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { register, signIn } from '../support/authorize.ts';
import { complaint, complaints, failuresOf } from '../support/wrong-input.ts';

let proxy: TestApp;
let authorization: string;
beforeAll(async () => {
  proxy = await startTestApp();
  authorization = `Bearer ${(await signIn(proxy, await register(proxy))).accessToken}`;
  return proxy.close;
});

const everywhere =
  '/ /authorize /consent /callback /token /revoke /register /jwks /health /health/ready /nothing /mcp /mcp/x /.well-known/oauth-authorization-server /.well-known/oauth-protected-resource/mcp'.split(
    ' ',
  );

test.each(everywhere)('%s by any method (RFC 9110 §15.5.6)', async (url) => {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const) {
    const answer = await proxy.send({ method, url });
    expect(complaint(answer)).toBeUndefined();
    expect(answer.statusCode === 405).toBe('allow' in answer.headers);
  }
  const { statusCode, body } = await proxy.send({ method: 'HEAD', url });
  expect(statusCode).toBeLessThan(500);
  expect(body).toBe('');
});

test.each<Readonly<Record<string, string>>>([
  { cookie: 'mop-=; =;; %ff=%ff; a=%zz; __proto__=x; __Host-x=y' },
  { cookie: `a=${'x'.repeat(10_000)}` },
  { authorization: 'Basic' },
  { authorization: `Basic ${'A'.repeat(10_000)}` },
  { authorization: 'Negotiate \u00ff' },
  { accept: 'application/*;q=zz,'.repeat(500) },
  { origin: 'not an origin' },
  { 'sec-fetch-site': 'nonsense' },
  { 'content-type': 'application/json' },
  { 'x-forwarded-for': 'x', 'x-forwarded-proto': 'javascript', 'x-forwarded-host': '"><script>' },
  { expect: '100-continue', range: 'bytes=0-', 'if-none-match': '*', te: 'trailers' },
  { 'x-http-method-override': 'DELETE', 'accept-version': '99' },
])('odd headers: %j', async (headers) => {
  const answers = [];
  for (const url of everywhere) {
    for (const method of ['GET', 'POST'] as const) answers.push(await proxy.send({ method, url, headers }));
  }
  expect(complaints(answers)).toEqual([]);
});

const paths =
  '/% /%zz /%c0%af /%00 /token%00 /authorize%2f //authorize /authorize/ /AUTHORIZE /./token /token/../mcp /mcp/%2e%2e/token /mcp/..%2f /%2e%2e/%2e%2e/etc/passwd /.well-known/% /.well-known/%00 /mcp?% /mcp/%zz /token?%zz=% /?\u00ff';

test.each([...paths.split(' '), `/${'a/'.repeat(3000)}`])(
  'the path %j, with and without a token',
  async (url) => {
    const answers = [];
    for (const method of ['GET', 'POST'] as const) {
      answers.push(
        await proxy.send({ method, url }),
        await proxy.send({ method, url, headers: { authorization } }),
      );
    }
    expect(complaints(answers)).toEqual([]);
  },
);

test('none of it was a failure of the server', () => {
  expect(failuresOf(proxy)).toEqual([]);
});
