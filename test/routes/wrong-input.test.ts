/** Wrong input of every kind at every endpoint: an error of the protocol, as JSON for machines, and never a 5xx. */
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type Answer, type TestApp } from '../support/app.ts';
import { authorizeUrl, formOf, register, signIn, type TestClient } from '../support/authorize.ts';

type Good = Readonly<Record<string, string>>;

let proxy: TestApp;
let client: TestClient;
let accessToken: string;
let good: Readonly<Record<string, Good>>;
beforeAll(async () => {
  proxy = await startTestApp();
  client = await register(proxy);
  ({ accessToken } = await signIn(proxy, client));
  const codeVerifier = 'v'.repeat(43);
  const query = new URLSearchParams(authorizeUrl(client, codeVerifier).split('?')[1]);
  good = {
    authorize: {
      ...Object.fromEntries(query),
      scope: 'openid',
      resource: 'http://localhost:8080/mcp',
      prompt: 'login',
    },
    consent: { request_id: 'r'.repeat(43), decision: 'approve' },
    callback: {
      state: 's'.repeat(43),
      code: 'c',
      iss: 'http://localhost:1',
      error: 'x',
      error_description: 'x',
    },
    code: {
      grant_type: 'authorization_code',
      code: 'mop_code_x',
      code_verifier: codeVerifier,
      redirect_uri: client.redirectUri,
      client_id: client.clientId,
      resource: 'http://localhost:8080/mcp',
    },
    refresh: {
      grant_type: 'refresh_token',
      refresh_token: 'mop_rt_x',
      scope: 'openid',
      client_id: client.clientId,
    },
    revoke: {
      token: 'mop_rt_x',
      token_type_hint: 'refresh_token',
      client_id: client.clientId,
      client_secret: 's',
    },
  };
  return proxy.close;
});

/** Nothing here may end as "request failed": that is logged as an error. */
afterAll(() => {
  const failures = proxy.log.filter((line) => (JSON.parse(line) as { level: number }).level >= 50);
  expect(failures).toEqual([]);
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
type Endpoint = (typeof endpoints)[number];

async function send([method, url]: Endpoint, encoded: string | Buffer, headers = {}): Promise<Answer> {
  if (method === 'GET') return proxy.send({ method, url: `${url}?${encoded}`, headers });
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  return proxy.send({ method, url, payload: encoded, headers: { ...type, ...headers } });
}

/** JSON with an error, and no server error; or an answer that is no error at all. */
function expectHandled(answer: Answer): void {
  expect(answer.statusCode).toBeLessThan(500);
  if (answer.statusCode < 400) return;
  expect(answer.headers['content-type']).toMatch(/^application\/json\b/);
  expect(answer.json()).toMatchObject({ error: expect.stringMatching(/^[a-z_]+$/) as string });
}

describe.each(endpoints)('%s %s (%s)', (method, url, set) => {
  const endpoint = [method, url, set] as Endpoint;
  const eachParameter = async (
    change: (value: string) => string | readonly string[] | undefined,
  ): Promise<Answer[]> => {
    const answers = [];
    for (const [name, value] of Object.entries(good[set] ?? {})) {
      answers.push(await send(endpoint, formOf({ ...good[set], [name]: change(value) })));
    }
    return answers;
  };

  test.each<[string, (value: string) => string | readonly string[] | undefined]>([
    ['missing', () => undefined],
    ['empty', () => ''],
    ['repeated', (value) => [value, value]],
    ['repeated with another value', (value) => [value, 'other']],
    ['many times', (value) => Array.from({ length: 200 }, () => value)],
    ['of 9 KB', () => 'x'.repeat(9_000)],
    ['of 100 KB', () => 'x'.repeat(100_000)],
    ['with NUL', (value) => `${value}\0`],
    ['nothing but NUL', () => '\0'],
    ['with control characters', (value) => `\r\n\u001b[31m${value}\u007f`],
    ['with text of all kinds', () => 'ä 漢 \u{1f600} \u202e \ufeff \uffff'],
    ['with markup', () => '"><script>alert(1)</script>'],
    ['with SQL', () => `' or 1=1; drop table clients; --`],
    ['with a path', () => '../../../../etc/passwd'],
    ['with a format', () => '%s%n${7*7}{{7*7}}'],
  ])('a parameter that is %s (RFC 6749 §3.1, §3.2)', async (_, change) => {
    const answers = await eachParameter(change);
    expect(answers.length).toBeGreaterThan(1);
    answers.forEach(expectHandled);
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
    expectHandled(await send(endpoint, encoded));
  });

  test('bytes that are no UTF-8', async () => {
    if (method === 'POST')
      expectHandled(await send(endpoint, Buffer.from([0xff, 0xfe, 0x3d, 0xc3, 0x28, 0x00])));
    else expectHandled(await send(endpoint, '\u00ff\u00fe=\u00c3('));
  });
});

describe.each([
  ['/authorize', 'application/x-www-form-urlencoded'],
  ['/consent', 'application/x-www-form-urlencoded'],
  ['/token', 'application/x-www-form-urlencoded'],
  ['/revoke', 'application/x-www-form-urlencoded'],
  ['/register', 'application/json'],
])('POST %s', (url, readable) => {
  const bodies: readonly (readonly [string, string | undefined, string])[] = [
    ['no body', undefined, ''],
    ['an empty body', readable, ''],
    ['no content type', undefined, 'client_id=x'],
    ['JSON', 'application/json', '{"grant_type":"authorization_code"}'],
    ['JSON null', 'application/json', 'null'],
    ['a JSON list', 'application/json', '[1,[2,[3]]]'],
    ['a JSON string', 'application/json', '"x"'],
    ['a JSON number', 'application/json', '1e999'],
    ['broken JSON', 'application/json', '{"a":'],
    [
      'JSON in JSON with prototypes',
      'application/json',
      '{"__proto__":{"a":1},"constructor":{"prototype":{"b":2}}}',
    ],
    ['deep JSON', 'application/json', '['.repeat(10_000)],
    ['100 KB', readable, `a=${'x'.repeat(100_000)}`],
    ['text', 'text/plain', 'x'],
    ['XML', 'application/xml', '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>'],
    [
      'several parts',
      'multipart/form-data; boundary=x',
      '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--',
    ],
    ['a malformed content type', 'application', 'x'],
    ['a content type with NUL', 'application/json%00', 'x'],
    ['another charset', `${readable}; charset=utf-16`, 'a=b'],
    ['a length that is not true', readable, 'a=b'],
  ];

  test.each(bodies)('%s', async (name, type, payload) => {
    const headers = {
      ...(type !== undefined && { 'content-type': type }),
      ...(name.startsWith('a length') && { 'content-length': '99' }),
    };
    const answer = await proxy.send({ method: 'POST', url, payload, headers });
    expectHandled(answer);
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
  });

  test('compressed bodies are not unpacked', async () => {
    const headers = { 'content-type': readable, 'content-encoding': 'gzip' };
    expectHandled(await proxy.send({ method: 'POST', url, payload: Buffer.from('1f8b08', 'hex'), headers }));
  });
});

describe('members of a registration, each of every type (RFC 7591 §3.2.2)', () => {
  const names = [
    ...[
      'redirect_uris',
      'token_endpoint_auth_method',
      'grant_types',
      'response_types',
      'scope',
      'client_name',
    ],
    ...[
      'client_uri',
      'logo_uri',
      'tos_uri',
      'policy_uri',
      'software_id',
      'software_version',
      'application_type',
    ],
    ...['jwks', 'jwks_uri', 'contacts', '__proto__', 'constructor', 'toString'],
  ];
  const values = [
    ...[
      'null',
      'true',
      '0',
      '-1',
      '1e309',
      '""',
      '"x"',
      '"\\u0000"',
      '"\\ud800"',
      '[]',
      '{}',
      '[null]',
      '[[]]',
      '[{}]',
    ],
    ...[
      '["\\u0000"]',
      '["\\ud800"]',
      `"${'x'.repeat(20_000)}"`,
      `[${'"x",'.repeat(2000)}"x"]`,
      '{"length":3,"0":"x"}',
    ],
  ];

  test.each(names)('%s', async (name) => {
    for (const value of values) {
      const payload = `{"redirect_uris":["https://client.example/"],"${name}":${value}}`;
      const headers = { 'content-type': 'application/json' };
      expectHandled(await proxy.send({ method: 'POST', url: '/register', payload, headers }));
    }
  });
});

describe('wherever it goes', () => {
  const everywhere = [
    ...[
      '/',
      '/authorize',
      '/consent',
      '/callback',
      '/token',
      '/revoke',
      '/register',
      '/jwks',
      '/health',
      '/nothing',
    ],
    ...[
      '/health/ready',
      '/.well-known/oauth-authorization-server',
      '/.well-known/oauth-protected-resource/mcp',
      '/mcp',
      '/mcp/x',
    ],
  ];
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

  test.each(everywhere)('any method at %s (RFC 9110 §15.5.6)', async (url) => {
    for (const method of methods) {
      const answer = await proxy.send({ method, url });
      expect(answer.statusCode).toBeLessThan(500);
      if (method !== 'HEAD') expectHandled(answer);
      if (answer.statusCode === 405) expect(answer.headers.allow).toMatch(/^[A-Z, ]+$/);
    }
  });

  test.each<InjectOptions['headers']>([
    { cookie: 'mop-=; =;; %ff=%ff; a=%zz; __proto__=x; __Host-x=y' },
    { cookie: `a=${'x'.repeat(10_000)}` },
    { authorization: 'Basic' },
    { authorization: `Basic ${'A'.repeat(10_000)}` },
    { authorization: 'Negotiate \u00ff' },
    { accept: `${'text/html,'.repeat(1000)}` },
    { origin: 'not an origin' },
    { 'sec-fetch-site': 'nonsense' },
    { 'content-type': 'application/json' },
    { 'x-forwarded-for': 'x', 'x-forwarded-proto': 'javascript', 'x-forwarded-host': '"><script>' },
    { expect: '100-continue', range: 'bytes=0-', 'if-none-match': '*', te: 'trailers' },
    { 'x-http-method-override': 'DELETE', 'accept-version': '99' },
  ])('odd headers: %j', async (headers) => {
    for (const url of everywhere) {
      for (const method of ['GET', 'POST'] as const) {
        expect((await proxy.send({ method, url, headers })).statusCode).toBeLessThan(500);
      }
    }
  });

  test.each([
    ...[
      '/%',
      '/%zz',
      '/%c0%af',
      '/%00',
      '/token%00',
      '/authorize%2f',
      '//authorize',
      '/authorize/',
      '/AUTHORIZE',
    ],
    ...[
      '/./token',
      '/token/../mcp',
      '/mcp/%2e%2e/token',
      '/mcp/..%2f',
      '/%2e%2e/%2e%2e/etc/passwd',
      `/${'a/'.repeat(3000)}`,
    ],
    ...['/.well-known/%', '/.well-known/%00', '/mcp?%', '/mcp/%zz', '/token?%zz=%', '/?\u00ff'],
  ])('the path %j', async (url) => {
    for (const method of ['GET', 'POST'] as const) {
      expectHandled(await proxy.send({ method, url }));
      const headers = { authorization: `Bearer ${accessToken}` };
      expect((await proxy.send({ method, url, headers })).statusCode).toBeLessThan(500);
    }
  });
});

test('after all this a person can still sign in', async () => {
  expect((await signIn(proxy, client)).scope).toBe('openid profile email');
});
