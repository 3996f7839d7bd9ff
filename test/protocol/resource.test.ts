/** The `resource` parameter (RFC 8707 §2; MCP authorization, "canonical server URI"). */
import { assert, oneof, property, webPath, webUrl } from 'fast-check';
import { expect, test } from 'vitest';
import { findResource, readResources, type Resource } from '../../src/protocol/resource.ts';

const resourceAt = (path: string): Resource => ({
  path,
  identifier: `https://mcp.example.com${path}`,
  name: 'Example',
  serverUrl: 'http://localhost:3000',
});
const [mcp, other] = [resourceAt('/mcp'), resourceAt('/other')];
const resources = [mcp, other] as const;

test.each([
  'https://mcp.example.com/mcp',
  'https://mcp.example.com/mcp/',
  'HTTPS://MCP.Example.COM/mcp',
  'https://mcp.example.com:443/mcp',
  'https://mcp.example.com',
  'https://mcp.example.com/',
])('%s means the resource /mcp (MCP authorization, canonical server URI)', (requested) => {
  expect(findResource(resources, requested)).toBe(mcp);
});

test.each([
  'https://mcp.example.com/other/x',
  'https://mcp.example.com/MCP',
  'https://mcp.example.com/mcp//',
  'https://mcp.example.com/mcp?x=1',
  'https://mcp.example.com/mcp#',
  'https://mcp.example.com/mcp#x',
  'https://user@mcp.example.com/mcp',
  'https://mcp.example.com:8443/mcp',
  'http://mcp.example.com/mcp',
  'https://mcp.example.com.evil.example/mcp',
  'https://evil.example/mcp',
  'mcp',
  '/mcp',
  '',
  'urn:example:mcp',
])('%s is none of ours (RFC 8707 §2: invalid_target)', (requested) => {
  expect(findResource(resources, requested)).toBeUndefined();
});

test('no resource means the first one: clients of 2025-03-26 send none', () => {
  expect(readResources(resources, [])).toBe(mcp);
});

test('a resource named twice is one; two resources are refused, since a token has one audience (RFC 8707 §2)', () => {
  const spellings = [mcp.identifier, `${mcp.identifier}/`];
  expect(readResources(resources, spellings)).toBe(mcp);
  expect(readResources(resources, [mcp.identifier, other.identifier])).toBeUndefined();
  expect(readResources(resources, [mcp.identifier, 'https://evil.example/mcp'])).toBeUndefined();
});

test('only our own origin names a resource of ours (RFC 8707 §2)', () => {
  assert(
    property(
      oneof(
        webUrl(),
        webPath().map((path) => `https://mcp.example.com${path}`),
      ),
      (uri) => {
        const found = findResource(resources, uri);
        expect(found === undefined || new URL(uri).origin === 'https://mcp.example.com').toBe(true);
      },
    ),
  );
});
