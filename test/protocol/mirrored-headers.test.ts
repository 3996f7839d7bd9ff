/** Headers that repeat the body must agree with it (MCP 2026-07-28, "Server Validation"; protocol.md 125, 126). */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readMessages, type RpcBody } from '../../src/protocol/json-rpc.ts';
import { findMismatch } from '../../src/protocol/mirrored-headers.ts';

function bodyOf(value: unknown): RpcBody {
  const read = readMessages(Buffer.from(JSON.stringify(value)));
  if ('error' in read) throw new Error(read.error.message);
  return read;
}
const call = (name: string) => bodyOf({ id: 1, method: 'tools/call', params: { name } });
const encoded = (value: string) => `=?base64?${Buffer.from(value).toString('base64')}?=`;
const version = 'io.modelcontextprotocol/protocolVersion';

describe('agree', () => {
  test.each<[string, readonly string[], RpcBody]>([
    ['no headers, as older clients send', ['Accept', 'x'], call('a')],
    ['method and name', ['Mcp-Method', 'tools/call', 'MCP-NAME', 'a'], call('a')],
    ['a URI', ['mcp-name', 'file:///x'], bodyOf({ method: 'resources/read', params: { uri: 'file:///x' } })],
    ['an encoded name', ['mcp-name', encoded('löschen')], call('löschen')],
    ['an ASCII name, encoded though it need not be', ['mcp-name', encoded('a')], call('a')],
    ['a name that looks encoded, encoded', ['mcp-name', encoded(encoded('a'))], call(encoded('a'))],
    [
      'another case of the sentinel is a plain name',
      ['mcp-name', '=?BASE64?YQ==?='],
      call('=?BASE64?YQ==?='),
    ],
    [
      'what an extension mirrors',
      ['mcp-name', 't-1'],
      bodyOf({ method: 'tasks/get', params: { taskId: 't-1' } }),
    ],
    [
      'the version',
      ['MCP-Protocol-Version', '2026-07-28'],
      bodyOf({ method: 'ping', params: { _meta: { [version]: '2026-07-28' } } }),
    ],
    ['a version that older bodies do not repeat', ['MCP-Protocol-Version', '2025-06-18'], call('a')],
  ])('%s', (_name, headers, body) => {
    expect(findMismatch(headers, body)).toBeUndefined();
  });
});

describe('disagree: HeaderMismatch', () => {
  test.each<[string, readonly string[], RpcBody]>([
    ['another method', ['Mcp-Method', 'tools/list'], call('a')],
    ['another case of the method', ['Mcp-Method', 'Tools/Call'], call('a')],
    ['another name', ['Mcp-Name', 'b'], call('a')],
    ['another case of the name', ['Mcp-Name', 'A'], call('a')],
    ['an empty method', ['Mcp-Method', ''], call('a')],
    ['a name where there is none', ['Mcp-Name', 'a'], bodyOf({ method: 'tools/list' })],
    [
      'a name that is another parameter',
      ['Mcp-Name', 'b'],
      bodyOf({ method: 'tools/call', params: { name: 'a', x: 'b' } }),
    ],
    ['a method for a response', ['Mcp-Method', 'tools/call'], bodyOf({ id: 1, result: {} })],
    ['a method for a batch', ['Mcp-Method', 'tools/call'], bodyOf([{ method: 'tools/call' }])],
    ['a name for a batch', ['Mcp-Name', 'a'], bodyOf([{ method: 'tools/call', params: { name: 'a' } }])],
    ['a method twice', ['Mcp-Method', 'tools/call', 'mcp-method', 'tools/call'], call('a')],
    [
      'a method twice, in a spelling that CGI takes for the same',
      ['Mcp-Method', 'tools/call', 'Mcp_Method', 'x'],
      call('a'),
    ],
    ['a name twice', ['Mcp-Name', 'a', 'Mcp-Name', 'b'], call('a')],
    ['Base64 that is not canonical', ['Mcp-Name', '=?base64?YR==?='], call('a')],
    ['Base64 without padding', ['Mcp-Name', '=?base64?YQ?='], call('a')],
    ['Base64 of the other alphabet', ['Mcp-Name', '=?base64?_-8=?='], call('\u00ff')],
    ['bytes that are not UTF-8', ['Mcp-Name', '=?base64?/w==?='], call('\u{fffd}')],
    ['raw UTF-8 as Node shows it', ['Mcp-Name', Buffer.from('ö').toString('latin1')], call('ö')],
    [
      'another version',
      ['MCP-Protocol-Version', '2025-11-25'],
      bodyOf({ method: 'ping', params: { _meta: { [version]: '2026-07-28' } } }),
    ],
    [
      'a version twice',
      ['MCP-Protocol-Version', '2026-07-28', 'mcp-protocol-version', '2026-07-28'],
      call('a'),
    ],
  ])('%s', (_name, headers, body) => {
    expect(findMismatch(headers, body)).toEqual(expect.any(String));
  });
});

test('any name, encoded, agrees with itself and with no other (MCP 2026-07-28, "Value Encoding")', () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1 });
  fc.assert(
    fc.property(name, name, (one, other) => {
      expect(findMismatch(['Mcp-Name', encoded(one)], call(one))).toBeUndefined();
      expect(findMismatch(['Mcp-Name', encoded(one)], call(other)) === undefined).toBe(one === other);
    }),
  );
});
