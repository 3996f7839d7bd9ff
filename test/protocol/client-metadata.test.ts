/** Dynamic client registration: lenient in what changes nothing, strict in what is dangerous (RFC 7591). */
import { assert, dictionary, jsonValue, oneof, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readClientMetadata } from '../../src/protocol/client-metadata.ts';
import { TokenError } from '../../src/protocol/errors.ts';

const redirect_uris = ['https://client.example/cb'];

function codeOf(body: unknown): string | undefined {
  try {
    readClientMetadata(body);
    return undefined;
  } catch (error) {
    if (error instanceof TokenError) return error.code;
    throw error;
  }
}

test('redirect URIs alone are enough: the rest has defaults (RFC 7591 §2)', () => {
  expect(readClientMetadata({ redirect_uris })).toEqual({
    redirectUris: redirect_uris,
    tokenEndpointAuthMethod: 'client_secret_basic',
    grantTypes: ['authorization_code', 'refresh_token'],
    responseTypes: ['code'],
    scopes: undefined,
    clientName: undefined,
    informational: {},
  });
});

test('nulls and empty members, which real clients send, count as absent (RFC 7591 §2)', () => {
  const names =
    'token_endpoint_auth_method grant_types response_types scope client_name client_uri logo_uri tos_uri policy_uri software_id software_version application_type jwks jwks_uri contacts';
  const nulls = Object.fromEntries(names.split(' ').map((name) => [name, null]));
  const empty = {
    redirect_uris,
    client_name: ' ',
    client_uri: '',
    scope: '',
    token_endpoint_auth_method: '',
    grant_types: [],
    response_types: [],
  };
  expect(readClientMetadata({ redirect_uris, ...nulls })).toEqual(readClientMetadata({ redirect_uris }));
  expect(readClientMetadata(empty)).toEqual(readClientMetadata({ redirect_uris }));
});

test('Cursor’s list keeps every URI, though it calls itself a web app (SEP-837)', () => {
  const uris = [
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'http://localhost:8787/callback',
    'https://www.cursor.com/agents/mcp/oauth/callback',
  ];
  const read = readClientMetadata({ redirect_uris: uris, application_type: 'web' });
  expect(read).toMatchObject({ redirectUris: uris, informational: { application_type: 'web' } });
});

describe('redirect URIs', () => {
  test('one bad URI is left out, the good ones stay, each once (RFC 7591 §3.2.1)', () => {
    const uris = [
      null,
      'javascript:alert(1)',
      'https://a.example/',
      5,
      'http://evil.example/',
      'https://a.example/',
    ];
    expect(readClientMetadata({ redirect_uris: uris }).redirectUris).toEqual(['https://a.example/']);
  });

  test.each([
    [undefined],
    [null],
    [[]],
    ['https://client.example/cb'],
    [{ 0: 'https://client.example/cb' }],
    [[5]],
    [[null]],
    [['http://evil.example/cb']],
    [['https://client.example/cb#x']],
    [Array.from({ length: 21 }, (_, index) => `https://client.example/${index}`)],
  ])('%j is invalid_redirect_uri (RFC 7591 §3.2.2)', (uris) => {
    expect(codeOf({ redirect_uris: uris })).toBe('invalid_redirect_uri');
  });

  test('what is wrong with the first one is said (RFC 7591 §3.2.2)', () => {
    expect(() => readClientMetadata({ redirect_uris: ['http://evil.example/'] })).toThrow(
      expect.objectContaining({ description: expect.stringContaining('loopback') as unknown }),
    );
  });
});

test.each([
  [null],
  [undefined],
  ['text'],
  [5],
  [[]],
  [[{ redirect_uris }]],
  [{ redirect_uris, token_endpoint_auth_method: 'private_key_jwt' }],
  [{ redirect_uris, token_endpoint_auth_method: 'client_secret_jwt' }],
  [{ redirect_uris, grant_types: ['password'] }],
  [{ redirect_uris, grant_types: ['client_credentials'] }],
  [{ redirect_uris, grant_types: 'authorization_code' }],
  [{ redirect_uris, response_types: ['token'] }],
  [{ redirect_uris, scope: 'a"b' }],
  [{ redirect_uris, jwks: { keys: [] }, jwks_uri: 'https://client.example/jwks' }],
])('%j is invalid_client_metadata (RFC 7591 §3.2.2)', (body) => {
  expect(codeOf(body)).toBe('invalid_client_metadata');
});

test('unsupported grant types beside a supported one are left out, and refresh tokens are there (RFC 7591 §3.2.1)', () => {
  const grant_types = ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'];
  const read = readClientMetadata({ redirect_uris, grant_types, response_types: ['code', 'token'] });
  expect(read.grantTypes).toEqual(['authorization_code', 'refresh_token']);
  expect(read.responseTypes).toEqual(['code']);
});

describe('informational members', () => {
  test('web addresses are kept only as https (RFC 7591 §5)', () => {
    for (const bad of ['javascript:alert(1)', 'http://client.example', 'data:text/html,x', '/about', 5, {}]) {
      expect(readClientMetadata({ redirect_uris, client_uri: bad, logo_uri: bad }).informational).toEqual({});
    }
    const client_uri = 'https://client.example/';
    expect(readClientMetadata({ redirect_uris, client_uri }).informational).toEqual({ client_uri });
  });

  test('a name is one line of storable text, of at most 200 characters (RFC 7591 §5)', () => {
    const nameOf = (client_name: unknown) => readClientMetadata({ redirect_uris, client_name }).clientName;
    expect(nameOf('  Claude\u0000 ')).toBe('Claude');
    expect(nameOf('a\r\nb')).toBe('a  b');
    expect(nameOf('half \ud800')).toBe('half \ufffd');
    expect(nameOf('a'.repeat(200))).toHaveLength(200);
    expect(nameOf('a'.repeat(201))).toBeUndefined();
    expect(nameOf(['Claude'])).toBeUndefined();
  });

  test('unknown members are not kept, whatever their names (RFC 7591 §2)', () => {
    const body = JSON.parse(
      '{"redirect_uris":["https://client.example/cb"],"__proto__":{"source":"operator"},"constructor":{"x":1},"client_id":"mine","client_secret":"mine"}',
    ) as unknown;
    expect(readClientMetadata(body)).toEqual(readClientMetadata({ redirect_uris }));
  });
});

test('any JSON is read or refused with a registration error, never anything else (RFC 7591 §3.2.2)', () => {
  assert(
    property(oneof(jsonValue(), dictionary(string(), jsonValue())), (body) => {
      expect([undefined, 'invalid_redirect_uri', 'invalid_client_metadata']).toContain(codeOf(body));
    }),
  );
});
