/** Bodies that cannot be read, or are of the wrong kind: an OAuth error as JSON, never a 5xx. */
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type Answer, type TestApp } from '../support/app.ts';
import { complaint, complaints, failuresOf } from '../support/wrong-input.ts';

let proxy: TestApp;
beforeAll(async () => {
  proxy = await startTestApp();
  return proxy.close;
});

const form = 'application/x-www-form-urlencoded';
const json = 'application/json';

describe.each([
  ['/authorize', form],
  ['/consent', form],
  ['/token', form],
  ['/revoke', form],
  ['/register', json],
])('POST %s', (url, readable) => {
  const post = async (payload: string | Buffer, headers: Readonly<Record<string, string>>): Promise<Answer> =>
    proxy.send({ method: 'POST', url, payload, headers });

  const parts = '--x\r\ncontent-disposition: form-data; name="client_id"\r\n\r\n1\r\n--x--';
  const entities = '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>';
  test.each<[string, string | undefined, string]>([
    ['no body', undefined, ''],
    ['an empty body', readable, ''],
    ['no content type', undefined, 'client_id=x'],
    ['a JSON object', json, '{"grant_type":"authorization_code"}'],
    ['JSON null', json, 'null'],
    ['a JSON list', json, '[1,[2,[3]]]'],
    ['a JSON string', json, '"x"'],
    ['a JSON number', json, '1e999'],
    ['broken JSON', json, '{"a":'],
    ['JSON with prototypes', json, '{"__proto__":{"a":1},"constructor":{"prototype":{"b":2}}}'],
    ['deep JSON', json, '['.repeat(10_000)],
    ['100 KB', readable, `a=${'x'.repeat(100_000)}`],
    ['text', 'text/plain', 'x'],
    ['XML', 'application/xml', entities],
    ['several parts', 'multipart/form-data; boundary=x', parts],
    ['a malformed content type', 'application', 'x'],
    ['a content type with NUL', 'application/json%00', 'x'],
    ['another charset', `${readable}; charset=utf-16`, 'a=b'],
  ])('%s is refused (RFC 6749 §3.2, RFC 7591 §3.2.2)', async (_, type, payload) => {
    const answer = await post(payload, type === undefined ? {} : { 'content-type': type });
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(complaint(answer)).toBeUndefined();
  });

  test('a length that is not true is refused (RFC 9112 §6.3)', async () => {
    const answer = await post('a=b', { 'content-type': readable, 'content-length': '99' });
    expect(answer.statusCode).toBe(400);
    expect(complaint(answer)).toBeUndefined();
  });

  test('what is compressed is not unpacked', async () => {
    const headers = { 'content-type': readable, 'content-encoding': 'gzip' };
    const answer = await post(Buffer.from('1f8b08', 'hex'), headers);
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(complaint(answer)).toBeUndefined();
  });
});

describe('a member of a registration, of every type (RFC 7591 §3.2.2)', () => {
  const names =
    'redirect_uris token_endpoint_auth_method grant_types response_types scope client_name client_uri logo_uri tos_uri policy_uri software_id software_version application_type jwks jwks_uri contacts __proto__ constructor toString';
  const values = [
    'null true 0 -1 1e309 "" "x" "\\u0000" "\\ud800" [] {} [null] [[]] [{}] ["\\u0000"] ["\\ud800"]'.split(
      ' ',
    ),
    `"${'x'.repeat(20_000)}"`,
    `[${'"x",'.repeat(2000)}"x"]`,
    '{"length":3,"0":"x"}',
  ].flat();

  test.each(names.split(' '))('%s', async (name) => {
    const answers = [];
    for (const value of values) {
      const payload = `{"redirect_uris":["https://client.example/"],"${name}":${value}}`;
      const headers = { 'content-type': json };
      answers.push(await proxy.send({ method: 'POST', url: '/register', payload, headers }));
    }
    expect(complaints(answers)).toEqual([]);
  });
});

test('none of it was a failure of the server', () => {
  expect(failuresOf(proxy)).toEqual([]);
});
