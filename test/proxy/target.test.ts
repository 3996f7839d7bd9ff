/** Which URL of the MCP server a request is for (design.md §2, MCP_SERVER_URL). */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { publicLocation, readTarget, upstreamPath } from '../../src/proxy/target.ts';
import { publicOrigin, resourceAt } from './support.ts';

describe('MCP_SERVER_URL with a path is the endpoint, and an origin alone keeps paths (design.md §2)', () => {
  test.each([
    ['http://host:3000', '/mcp', '/mcp'],
    ['http://host:3000', '/mcp/', '/mcp/'],
    ['http://host:3000', '/mcp/x', '/mcp/x'],
    ['http://host:3000', '/mcp/x/', '/mcp/x/'],
    ['http://host:3000/', '/mcp', '/'],
    ['http://host:3000/', '/mcp/', '/'],
    ['http://host:3000/', '/mcp/x', '/x'],
    ['http://host:3000/api/mcp', '/mcp', '/api/mcp'],
    ['http://host:3000/api/mcp', '/mcp/', '/api/mcp'],
    ['http://host:3000/api/mcp', '/mcp/x', '/api/mcp/x'],
    ['http://host:3000/api/mcp', '/mcp?a=b', '/api/mcp'],
    ['http://host:3000/api/mcp', '/mcp?a=/../b', '/api/mcp'],
    ['http://host:3000/api/mcp/', '/mcp', '/api/mcp/'],
    ['http://host:3000/api/mcp/', '/mcp/', '/api/mcp/'],
    ['http://host:3000/api/mcp/', '/mcp/x', '/api/mcp/x'],
    ['http://host:3000/api/mcp', '/mcp/a%20b/%C3%A9', '/api/mcp/a%20b/%C3%A9'],
    ['http://host:3000/api/mcp', '/mcp/a%2Fb', '/api/mcp/a%2Fb'],
    ['http://host:3000/api/mcp', '/mcp/.well-known/x', '/api/mcp/.well-known/x'],
    ['http://host:3000/api/mcp', '/mcp/a.b..c', '/api/mcp/a.b..c'],
    ['http://host:3000/api/mcp', '/mcp/100%25', '/api/mcp/100%25'],
  ])('%s: %s → %s', (mcpServerUrl, requestTarget, path) => {
    expect(upstreamPath(resourceAt(mcpServerUrl), requestTarget)).toEqual({ path });
  });

  test('scheme, host and port are those of the URL', () => {
    expect(readTarget('HTTPS://Host.Example:8443/api', '/mcp').origin).toBe('https://host.example:8443');
    expect(readTarget('http://[::1]:3000', '/mcp').origin).toBe('http://[::1]:3000');
  });
});

/** Each escapes from a target in the eyes of some server. */
const escapes = [
  '/mcp/..',
  '/mcp/../admin',
  '/mcp/./admin',
  '/mcp/x/../../admin',
  '/mcp/%2e%2e/admin',
  '/mcp/%2E%2e/admin',
  '/mcp/.%2e/admin',
  '/mcp/..%2fadmin',
  '/mcp/x%2f..%2f..%2fadmin',
  '/mcp/%252e%252e/admin',
  '/mcp/%25252e%25252e/admin',
  `/mcp/%${'25'.repeat(1000)}2e%2e`,
  '/mcp/100%',
  '/mcp/%zz',
  '/mcp/..;/admin',
  '/mcp/..;a=b/admin',
  '/mcp/.;/admin',
  '/mcp\\..\\admin',
  '/mcp/..\\admin',
  '/mcp/x\\y',
  '/mcp/..%5cadmin',
  '/mcp/%5c..%5cadmin',
  '/mcp//evil.example/x',
  '/mcp/%2fevil.example',
  '/mcp/x//y',
  '/mcp/%c0%ae%c0%ae/admin',
  '/mcp/%00',
  '/mcp/x%0d%0aHost:%20evil',
  '/mcp/\u0001',
  '/mcp/ x',
  '/mcp/\u00e9',
  '/mcp/x#/../y',
  '/mcpx',
  '/%6dcp/x',
  '/mcp;/x',
  '//mcp',
  '//evil.example/mcp',
  'http://evil.example/mcp',
  'https://host:3000/mcp',
  '*',
  '',
];

test.each(escapes)('%.40j cannot leave the target: it is refused (RFC 3986 §5.2.4)', (requestTarget) => {
  for (const url of ['http://host:3000', 'http://host:3000/', 'http://host:3000/api/mcp']) {
    expect(upstreamPath(resourceAt(url), requestTarget)).toHaveProperty('refusal');
  }
});

test('no request target leads outside the target, whatever it is made of', () => {
  const piece = fc.constantFrom(
    '/',
    '.',
    '..',
    '%2e',
    '%2E',
    '%2f',
    '%5c',
    '\\',
    ';',
    '%25',
    'x',
    '%',
    '%00',
    '//',
    '\u00ff',
  );
  const requestTarget = fc.array(piece, { maxLength: 12 }).map((pieces) => `/mcp/${pieces.join('')}`);
  fc.assert(
    fc.property(requestTarget, (target) => {
      const mapped = upstreamPath(resourceAt('http://host:3000/api/mcp'), target);
      if ('refusal' in mapped) return;
      // As the most credulous server would read it.
      let path = mapped.path;
      for (let round = 0; round < 5; round += 1) path = path.replace(/%[0-7][0-9a-f]/gi, decodeURIComponent);
      path = path.replaceAll('\\', '/').replace(/;[^/]*/g, '');
      expect(new URL(path, 'http://host:3000').pathname).toMatch(/^\/api\/mcp(\/|$)/);
    }),
    { numRuns: 2000 },
  );
});

describe('a Location of the MCP server is shown as clients must see it (protocol.md, item 131)', () => {
  test.each([
    ['http://host:3000/api/mcp', 'http://host:3000/api/mcp/x?y#z', `${publicOrigin}/mcp/x?y#z`],
    ['http://host:3000/api/mcp', '/api/mcp/x', `${publicOrigin}/mcp/x`],
    ['http://host:3000/api/mcp', '/api/mcp', `${publicOrigin}/mcp`],
    ['http://host:3000/api/mcp/', '/api/mcp/', `${publicOrigin}/mcp`],
    ['http://host:3000/api/mcp', 'sibling', undefined],
    ['http://host:3000/api/mcp', '/login', undefined],
    ['http://host:3000/api/mcp', '/api/mcpx', undefined],
    ['http://host:3000/api/mcp', 'http://', undefined],
    ['http://host:3000/', '/x', `${publicOrigin}/mcp/x`],
    ['http://host:3000', '/mcp/', `${publicOrigin}/mcp/`],
    ['http://host:3000', '/mcp', `${publicOrigin}/mcp`],
    ['http://host:3000/api/mcp', 'https://files.example/x', 'https://files.example/x'],
    ['http://host:3000/api/mcp', 'http://host:3001/api/mcp', 'http://host:3001/api/mcp'],
  ])('%s: %s → %s', (mcpServerUrl, location, expected) => {
    const from = { resource: resourceAt(mcpServerUrl), publicOrigin, upstreamPath: '/api/mcp' };
    expect(publicLocation(location, from)).toBe(expected);
  });
});
