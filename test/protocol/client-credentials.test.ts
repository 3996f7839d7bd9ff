/** How a client says who it is (RFC 6749 §2.3, OAuth 2.1 §2.4). */
import { assert, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { readClientCredentials } from '../../src/protocol/client-credentials.ts';
import { TokenError } from '../../src/protocol/errors.ts';

/** As RFC 6749 §2.3.1 wants it: both parts form-url-encoded. */
function basic(id: string, secret: string): string {
  const encode = (text: string) => new URLSearchParams([['', text]]).toString().slice(1);
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`;
}
const plainBasic = (text: string): string => `Basic ${Buffer.from(text, 'latin1').toString('base64')}`;

function codeOf(authorization: string | undefined, raw: Readonly<Record<string, unknown>>): string {
  try {
    readClientCredentials(authorization, raw);
    return 'none';
  } catch (error) {
    if (error instanceof TokenError) return error.code;
    throw error;
  }
}

test('in the body: id, and secret if there is one; empty values count as none (OAuth 2.1 §2.4.1, RFC 6749 §3.2)', () => {
  const answers = { clientId: 'a', clientSecret: undefined, usedHeader: false };
  expect(readClientCredentials(undefined, { client_id: 'a' })).toEqual(answers);
  expect(readClientCredentials(undefined, { client_id: 'a', client_secret: '' })).toEqual(answers);
  expect(readClientCredentials(undefined, { client_id: 'a', client_secret: 's' })).toEqual({
    ...answers,
    clientSecret: 's',
  });
});

test('in the header: any id and secret, form-url-encoded, is read back as itself (RFC 6749 §2.3.1)', () => {
  const text = string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter(
    (value) => !value.includes('\0') && value.isWellFormed(),
  );
  assert(
    property(text, text, (clientId, clientSecret) => {
      const read = readClientCredentials(basic(clientId, clientSecret), {});
      expect(read).toEqual({ clientId, clientSecret, usedHeader: true });
    }),
  );
});

test.each([
  [plainBasic('a:b:c'), 'a', 'b:c'],
  [plainBasic('a:mop_cs_x-_'), 'a', 'mop_cs_x-_'],
  [plainBasic('a:').replace('Basic', 'bAsIc'), 'a', undefined],
  [plainBasic('a%3Ab:%2B+'), 'a:b', '+ '],
])(
  '%s is id %j and secret %j: the first colon divides, the scheme has no case (RFC 7617 §2)',
  (header, id, secret) => {
    expect(readClientCredentials(header, {})).toEqual({
      clientId: id,
      clientSecret: secret,
      usedHeader: true,
    });
  },
);

test.each([
  ['another scheme', 'Bearer abc'],
  ['no credentials', 'Basic'],
  ['no base64', 'Basic ***'],
  ['broken base64', 'Basic a'],
  ['no colon', plainBasic('abc')],
  ['no id', plainBasic(':secret')],
  ['broken percent-encoding', plainBasic('a:%zz')],
  ['an encoded NUL in the id', plainBasic('a%00:s')],
  ['no UTF-8', plainBasic('a:\xff')],
  ['a list', `${plainBasic('a:b')}, ${plainBasic('c:d')}`],
  ['a huge id', plainBasic(`${'a'.repeat(9000)}:s`)],
])('a header with %s is invalid_client (RFC 6749 §5.2)', (_, header) => {
  expect(codeOf(header, {})).toBe('invalid_client');
});

test('two methods at once are invalid_request (RFC 6749 §2.3)', () => {
  expect(codeOf(basic('a', 's'), { client_id: 'a', client_secret: 's' })).toBe('invalid_request');
  expect(codeOf(basic('a', 's'), { client_secret: 's' })).toBe('invalid_request');
});

test('the id may be in header and body, if it is the same one (RFC 6749 §3.2.1)', () => {
  expect(codeOf(basic('a', 's'), { client_id: 'a' })).toBe('none');
  expect(codeOf(basic('a', 's'), { client_id: 'b' })).toBe('invalid_request');
});

test.each([
  [{ client_id: ['a', 'a'] }, 'invalid_request'],
  [{ client_id: 'a', client_secret: ['s', 's'] }, 'invalid_request'],
  [{}, 'invalid_client'],
  [{ client_id: '' }, 'invalid_client'],
  [{ client_id: 'a\0' }, 'invalid_client'],
  [{ client_id: 'a'.repeat(8193) }, 'invalid_client'],
  [{ client_id: { toString: 'a' } }, 'invalid_client'],
])('%j is %s (RFC 6749 §3.2, §5.2)', (raw, code) => {
  expect(codeOf(undefined, raw)).toBe(code);
});
