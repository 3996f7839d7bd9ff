/** What of the MCP server's headers a client sees (protocol.md, items 117, 125, 128, 131; clients.md P17, P27). */
import { describe, expect, test } from 'vitest';
import { returnedHeaders } from '../../src/proxy/returned-headers.ts';

function returned(received: Record<string, string | string[]>, vary = '') {
  const ours = vary === '' ? {} : { vary };
  return read(returnedHeaders(flat(received), { ours, publicLocation: (location) => `public:${location}` }));
}

function flat(headers: Record<string, string | string[]>): string[] {
  return Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().flatMap((value) => [name, value]),
  );
}

/** As a client reads it: a list where a name came more than once. */
function read(rawHeaders: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2);
    const earlier = headers[name];
    headers[name] = earlier === undefined ? value : [earlier, value].flat();
  }
  return headers;
}

const always = { 'cache-control': 'no-store', vary: 'Authorization' };

test('headers of the protocol, and unknown ones, come back as they are (protocol.md, item 125)', () => {
  const headers = {
    'content-type': 'application/json',
    'content-length': '2',
    'content-encoding': 'gzip',
    'mcp-session-id': 'abc',
    'mcp-protocol-version': '2025-11-25',
    'retry-after': '7',
    etag: '"1"',
    link: ['</a>; rel=x', '</b>; rel=y'],
  };
  expect(returned(headers)).toEqual({ ...headers, ...always });
});

test.each([
  'set-cookie',
  'www-authenticate',
  'proxy-authenticate',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'clear-site-data',
  'strict-transport-security',
  'alt-svc',
  'server',
  'x-powered-by',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'trailer',
])('%s of the MCP server is not passed on', (name) => {
  expect(returned({ [name]: name === 'set-cookie' ? ['a=1', 'b=2'] : 'anything' })).toEqual(always);
});

test('what its Connection lists stays on that connection (RFC 9110 §7.6.1)', () => {
  expect(returned({ connection: 'close, X-Hop', 'x-hop': '1', 'x-end': '2' })).toEqual({
    'x-end': '2',
    ...always,
  });
});

describe('no cache keeps an answer (clients.md P27, RFC 9111 §5.2.2.5)', () => {
  test.each([
    ['public, max-age=3600', 'no-store'],
    ['no-cache', 'no-store, no-cache'],
    ['No-Cache, No-Transform', 'no-store, No-Cache, No-Transform'],
    ['no-store', 'no-store'],
    ['private, max-age=5', 'no-store, private'],
  ])('%s → %s', (received, expected) => {
    expect(returned({ 'cache-control': received })['cache-control']).toBe(expected);
  });

  test.each([
    ['', '', 'Authorization'],
    ['Accept', 'Origin', 'Accept, Origin, Authorization'],
    ['authorization', '', 'Authorization'],
    ['Origin', 'origin', 'origin, Authorization'],
    ['*', 'Origin', '*'],
  ])('Vary %j of theirs and %j of ours → %s', (theirs, ours, expected) => {
    expect(returned(theirs === '' ? {} : { vary: theirs }, ours)['vary']).toBe(expected);
  });
});

test.each(['text/event-stream', 'Text/Event-Stream; charset=utf-8'])(
  'nobody buffers %s (protocol.md, item 128)',
  (type) => {
    expect(returned({ 'content-type': type })['x-accel-buffering']).toBe('no');
  },
);

test('X-Accel-Buffering of the MCP server passes on other answers', () => {
  expect(
    returned({ 'content-type': 'application/json', 'x-accel-buffering': 'yes' })['x-accel-buffering'],
  ).toBe('yes');
  expect(returned({ 'content-type': 'text/event-streams' })).not.toHaveProperty('x-accel-buffering');
});

test('a Location is translated, or left out when it leads nowhere', () => {
  expect(returned({ location: '/x' })['location']).toBe('public:/x');
  const headers = returnedHeaders(['location', '/x'], { ours: {}, publicLocation: () => undefined });
  expect(headers).not.toContain('location');
});

test('ours are added, but for what the MCP server says itself', () => {
  const received = ['x-request-id', 'theirs', 'access-control-allow-origin', 'https://evil.example'];
  const ours = { 'x-request-id': 'ours', 'access-control-allow-origin': '*', vary: 'Origin' };
  expect(read(returnedHeaders(received, { ours, publicLocation: () => undefined }))).toEqual({
    'x-request-id': 'theirs',
    'access-control-allow-origin': '*',
    'cache-control': 'no-store',
    vary: 'Origin, Authorization',
  });
});
