/** What the MCP server is told about a request (protocol.md, items 117-119, 125; style-guide.md §8). */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Principal } from '../../src/protocol/principal.ts';
import { forwardedHeaders } from '../../src/proxy/forwarded-headers.ts';
import { alice, headerLines, publicOrigin } from './support.ts';

const identityNames = [
  'x-forwarded-user',
  'x-forwarded-email',
  'x-forwarded-name',
  'x-forwarded-client-id',
  'x-forwarded-access-token',
];

function forward(rawHeaders: readonly string[], principal: Partial<Principal> = {}) {
  const block = forwardedHeaders(rawHeaders, {
    principal: { ...alice, ...principal },
    clientAddress: '203.0.113.7',
    place: { publicOrigin, targetHost: 'mcp-server:3000' },
  });
  return readBlock(block);
}

/** As a server reads it: a list where a name came more than once. */
function readBlock(block: string): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const line of block.split('\r\n').slice(0, -1)) {
    const [, name = '', value = ''] = /^([^:]+): (.*)$/s.exec(line) ?? [];
    const earlier = headers[name];
    headers[name] = earlier === undefined ? value : [earlier, value].flat();
  }
  return headers;
}

const ours = {
  host: 'mcp-server:3000',
  'x-forwarded-for': '203.0.113.7',
  'x-forwarded-host': 'mcp.example.com',
  'x-forwarded-proto': 'https',
  'x-forwarded-user': 'alice-subject',
  'x-forwarded-email': 'alice@example.com',
  'x-forwarded-name': 'Alice Liddell',
  'x-forwarded-client-id': 'client-1',
  'x-forwarded-access-token': 'upstream-access-token',
};

test('the caller, the client and the public address are told, and the Host is the MCP server’s own', () => {
  expect(forward(['Host', 'mcp.example.com'])).toEqual(ours);
});

test('what is not known about the caller is not told', () => {
  const headers = forward([], { email: undefined, name: '', upstreamAccessToken: undefined });
  expect(Object.keys(headers).filter((name) => identityNames.includes(name))).toEqual([
    'x-forwarded-user',
    'x-forwarded-client-id',
  ]);
});

test.each([
  'Authorization',
  'authorization',
  'Cookie',
  'Cookie2',
  'Proxy-Authorization',
  'DPoP',
  'Forwarded',
  'X-Forwarded',
  'X-Forwarded-For',
  'X-Forwarded-Anything',
  'X_Forwarded_Anything',
  'X-Real-IP',
  'X_Real_IP',
  'X-Original-URL',
  'X_Original_URI',
  'X-Rewrite-URL',
  'Proxy_Authorization',
  'Expect',
  'Connection',
  'Keep-Alive',
  'Proxy-Connection',
  'Proxy-Authenticate',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'HTTP2-Settings',
])('%s of the client is not passed on (RFC 9110 §7.6.1, RFC 9700 §4.13)', (name) => {
  expect(forward([name, 'forged'])).toEqual(ours);
});

test('everything else passes, known or not, with duplicates and bytes above ASCII (protocol.md, item 125)', () => {
  const headers = forward(
    headerLines(
      'Accept: application/json, text/event-stream',
      'MCP-Protocol-Version: 2026-07-28',
      'Mcp-Session-Id: abc',
      'Mcp-Method: tools/call',
      'Mcp-Name: whoami',
      'Mcp-Param-City: Z\u00c3\u00bcrich',
      'Last-Event-ID: 7',
      'traceparent: 00-1-2-01',
      'X-Custom: one',
      'x-custom: two',
      'X-CUSTOM: ',
    ),
  );
  expect(headers).toEqual({
    ...ours,
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-session-id': 'abc',
    'mcp-method': 'tools/call',
    'mcp-name': 'whoami',
    'mcp-param-city': 'Z\u00c3\u00bcrich',
    'last-event-id': '7',
    traceparent: '00-1-2-01',
    'x-custom': ['one', 'two', ''],
  });
});

test('Connection removes what it lists, but never what we say (RFC 9110 §7.6.1)', () => {
  const headers = forward(
    headerLines(
      'Connection: close, X-Private,x-forwarded-user',
      'connection: X-FORWARDED-EMAIL, Host, X-Forwarded-Access-Token',
      'X-Private: hop',
      'X-Forwarded-User: mallory',
    ),
  );
  expect(headers).toEqual(ours);
});

test('no client header can pass as one of ours, to any server that reads names as variables (protocol.md, item 118)', () => {
  const separator = fc.constantFrom('-', '_', '.', '!', '~', '--', '');
  const letterCase = fc.constantFrom(
    (name: string) => name,
    (name: string) => name.toUpperCase(),
  );
  const variant = fc
    .tuple(
      fc.constantFrom(...identityNames, 'x-forwarded-for', 'x-real-ip', 'authorization'),
      separator,
      letterCase,
    )
    .map(([name, by, inCase]) => inCase(name.replaceAll('-', by)));
  const header = fc.tuple(
    fc.oneof(variant, fc.constantFrom('Connection', 'Accept', '__proto__')),
    fc.oneof(variant, fc.string()),
  );
  const asVariable = (name: string) => `HTTP_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
  const oursAsVariables = new Set(Object.keys(ours).map(asVariable));

  fc.assert(
    fc.property(fc.array(header, { maxLength: 10 }), (headers) => {
      const seen = Object.entries(forward(headers.flat()));
      const claims = seen.filter(([name]) => oursAsVariables.has(asVariable(name)));
      expect(Object.fromEntries(claims)).toEqual(ours);
      expect(claims).toHaveLength(Object.keys(ours).length);
      expect(seen.map(([name]) => asVariable(name))).not.toContain('HTTP_AUTHORIZATION');
    }),
  );
});

describe('identity values cannot break out of their header, nor become somebody else’s (protocol.md, item 118)', () => {
  const asUtf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

  test('text beyond ASCII is sent as UTF-8', () => {
    const headers = forward([], { name: 'Zoë 王小明 🦊', subject: 'użytkownik', email: 'zoë@example.com' });
    expect(headers['x-forwarded-name']).toBe(asUtf8('Zoë 王小明 🦊'));
    expect(headers['x-forwarded-user']).toBe(asUtf8('użytkownik'));
    expect(headers['x-forwarded-email']).toBe(asUtf8('zoë@example.com'));
  });

  test('control characters are removed from a name', () => {
    const headers = forward([], { name: ' Eve\r\nX-Forwarded-User: admin\0\u0085\u2028 ' });
    expect(headers['x-forwarded-name']).toBe('EveX-Forwarded-User: admin');
  });

  test.each([
    ['admin\n', 'admin\ufffd'],
    ['ad\0min', 'ad\ufffdmin'],
    [' admin', '\ufffdadmin'],
    ['admin  ', 'admin\ufffd'],
    ['admin\ud800', 'admin\ufffd'],
    ['a b', 'a b'],
  ])('an identifier is marked where it cannot be carried: %j', (value, expected) => {
    const headers = forward([], { subject: value, email: value });
    expect(headers['x-forwarded-user']).toBe(asUtf8(expected));
    expect(headers['x-forwarded-email']).toBe(asUtf8(expected));
  });

  test('no two subjects of ordinary length arrive as one, unless both are damaged', () => {
    const subject = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(subject, subject, (one, other) => {
        fc.pre(one !== other && !`${one}${other}`.includes('\ufffd'));
        const [first, second] = [one, other].map((value) =>
          String(forward([], { subject: value })['x-forwarded-user']),
        );
        fc.pre(!(first?.includes(asUtf8('\ufffd')) && second?.includes(asUtf8('\ufffd'))));
        expect(first?.trim()).not.toBe(second?.trim());
      }),
    );
  });

  test('long values are cut, and a cut identifier shows it', () => {
    const headers = forward([], { subject: 'u'.repeat(5000), name: `${'n'.repeat(511)}🦊` });
    expect(headers['x-forwarded-user']).toBe('u'.repeat(512) + asUtf8('\ufffd'));
    expect(headers['x-forwarded-name']).toBe('n'.repeat(511));
  });

  test.each(['', 'a b', 'a\r\nb', 'ü', 't'.repeat(20_000)])(
    'a token that cannot be sent as it is, is not sent',
    (token) => {
      expect(forward([], { upstreamAccessToken: token })).not.toHaveProperty('x-forwarded-access-token');
    },
  );

  test('every value is one that HTTP can carry (RFC 9110 §5.5)', () => {
    const text = fc.string({ unit: 'binary', maxLength: 600 });
    fc.assert(
      fc.property(text, text, text, text, (subject, email, name, upstreamAccessToken) => {
        for (const value of Object.values(forward([], { subject, email, name, upstreamAccessToken }))) {
          expect(value).toMatch(/^[\x20-\x7e\x80-\xff]*$/);
        }
      }),
    );
  });
});
