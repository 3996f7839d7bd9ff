/** What a body asks for: read as `JSON.parse` reads it, or refused where parsers differ (protocol.md 126). */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readMessages } from '../../src/protocol/json-rpc.ts';
import { repeatsKey } from '../../src/protocol/json-text.ts';

const read = (text: string) => readMessages(Buffer.from(text));
const codeOf = (body: Uint8Array) => {
  const result = readMessages(body);
  return 'error' in result ? result.error.code : 'read';
};

const call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_file","arguments":{}}}';
const huge = `"arguments":{"text":"${'x'.repeat(100_000)}","list":[${'0,'.repeat(50_000)}0]}`;

const manyMembers = Array.from({ length: 1001 }, (_, index) => `"k${index}":1`).join();

describe('is read as by JSON.parse', () => {
  test.each([
    ['plain', call],
    ['white space', ` \t\r\n{ "params" :\n{ "name" : "delete_file" } ,"method":"tools/call","id":1}\r\n`],
    ['method last, behind much', `{"id":1,"params":{${huge},"name":"delete_file"},"method":"tools/call"}`],
    ['method first, before much', `{"method":"tools/call","id":1,"params":{"name":"delete_file",${huge}}}`],
    [
      'escaped key and value',
      '{"\\u006dethod":"tools\\/call","id":1,"par\\u0061ms":{"n\\u0061me":"delete_\\u0066ile"}}',
    ],
    [
      'the same keys deeper down',
      `{"method":"tools/call","id":1,"params":{"name":"delete_file","arguments":{"name":"x","name":"y","method":"ping"}}}`,
    ],
    [
      'deep nesting in the arguments',
      `{"method":"tools/call","id":1,"params":{"name":"delete_file","arguments":${'['.repeat(5000)}${']'.repeat(5000)}}}`,
    ],
    [
      'braces and quotes in strings',
      `{"x":"}{][,:\\"\\\\","method":"tools/call","id":1,"params":{"name":"delete_file","y":"\\\\\\""}}`,
    ],
    [
      'numbers of every form',
      `{"a":-0,"b":1e400,"c":1E-2,"d":123456789012345678901,"method":"tools/call","id":1,"params":{"name":"delete_file"}}`,
    ],
  ])('%s', (_name, text) => {
    const result = read(text);
    expect(result).toMatchObject({
      isBatch: false,
      messages: [{ id: 1, method: 'tools/call', params: { name: 'delete_file' } }],
    });
  });

  test.each([
    ['a response', '{"jsonrpc":"2.0","id":"a","result":{"method":"tools/call"}}', ['a', undefined]],
    [
      'a notification',
      '{"jsonrpc":"2.0","method":"notifications/initialized"}',
      [null, 'notifications/initialized'],
    ],
    [
      'params in an array, which MCP does not have',
      '{"method":"tools/call","params":["x"]}',
      [null, 'tools/call'],
    ],
    ['an id of another type', '{"method":"ping","id":{}}', [null, 'ping']],
  ])('%s', (_name, text, expected) => {
    const result = read(text);
    expect('messages' in result && result.messages.map(({ id, method }) => [id, method])).toEqual([expected]);
  });

  test('each message of a batch (MCP 2025-03-26)', () => {
    const result = read(`[${call},{"method":"ping"},{"id":2,"result":{}}]`);
    expect(result).toMatchObject({
      isBatch: true,
      messages: [{ method: 'tools/call' }, { method: 'ping' }, { method: undefined, id: 2 }],
    });
  });
});

describe('is refused, since some server might read it differently', () => {
  const parseError = -32700;
  const invalid = -32600;

  test.each([
    ['no JSON', 'method=tools/call', parseError],
    ['nothing', '', parseError],
    ['a part', '{"method":"tools/call"', parseError],
    ['more behind it', `{"method":"ping"}${call}`, parseError],
    ['two lines', `{"method":"ping"}\n${call}`, parseError],
    ['a byte order mark', `\ufeff${call}`, parseError],
    ['a comment', `{"method":"ping"/*,"method":"tools/call"*/}`, parseError],
    ['single quotes', `{'method':'tools/call'}`, parseError],
    ['a comma at the end', '{"method":"tools/call",}', parseError],
    ['NaN', '{"method":"tools/call","x":NaN}', parseError],
    ['NUL between tokens', '{"method":"tools/call"\0}', parseError],
    ['NUL in a string', '{"method":"tools/call\0"}', parseError],
    ['a line break in a string', '{"method":"tools\n/call"}', parseError],
    ['a bad escape', '{"\\x6dethod":"tools/call"}', parseError],
    ['method twice', '{"method":"ping","method":"tools/call"}', invalid],
    ['method twice, far apart', `{"method":"ping","params":{${huge}},"method":"tools/call"}`, invalid],
    ['method twice, escaped', '{"method":"ping","\\u006dethod":"tools/call"}', invalid],
    ['method twice, the same', '{"method":"ping","method":"ping"}', invalid],
    ['params twice', '{"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}', invalid],
    ['name twice', '{"method":"tools/call","params":{"name":"a","arguments":{},"name":"b"}}', invalid],
    ['name twice in a batch', '[{"method":"tools/call","params":{"name":"a","n\\u0061me":"b"}}]', invalid],
    ['any other key twice', '{"method":"ping","x":1,"x":2}', invalid],
    ['Method', '{"Method":"tools/call"}', invalid],
    ['METHOD beside method (Go takes either)', '{"method":"ping","METHOD":"tools/call"}', invalid],
    ['Params', '{"method":"tools/call","Params":{"name":"a"}}', invalid],
    ['Name beside name', '{"method":"tools/call","params":{"name":"a","Name":"b"}}', invalid],
    ['ſ for s (Go folds it)', '{"method":"tools/call","paramſ":{"name":"a"}}', invalid],
    ['a wide letter', '{"method":"ping","ｍethod":"tools/call"}', invalid],
    ['method, NUL and more (C reads up to the NUL)', '{"method":"tools/call\\u0000x"}', invalid],
    ['name, NUL and more', '{"method":"tools/call","params":{"name":"a\\u0000x"}}', invalid],
    ['method, half a surrogate pair (no UTF-8 has it)', '{"method":"tools/call\\ud800"}', invalid],
    ['name, half a surrogate pair', '{"method":"tools/call","params":{"name":"a\\udc00"}}', invalid],
    ['the key method, NUL and more', '{"method\\u0000x":"tools/call","method":"ping"}', invalid],
    [
      'the key name, NUL and more',
      '{"method":"tools/call","params":{"Name\\u0000x":"b","name":"a"}}',
      invalid,
    ],
    ['me_thod (fastjson takes it for method)', '{"method":"ping","me_thod":"tools/call"}', invalid],
    ['na-me beside name', '{"method":"tools/call","params":{"name":"a","Na-Me":"b"}}', invalid],
    ['white space around name', '{"method":"tools/call","params":{"name":"a"," name":"b"}}', invalid],
    ['__proto__', '{"__proto__":{"method":"tools/call"},"id":1}', invalid],
    ['__proto__ in params', '{"method":"tools/call","params":{"__proto__":{"name":"a"}}}', invalid],
    ['a method that is no string', '{"method":["tools/call"]}', invalid],
    ['a method that is null', '{"method":null}', invalid],
    ['a string', '"tools/call"', invalid],
    ['null', 'null', invalid],
    ['an empty batch', '[]', invalid],
    ['a batch of more than 100', `[${Array(101).fill(call).join()}]`, invalid],
    ['a message of more than 1,000 members', `{${manyMembers},"method":"ping"}`, invalid],
    ['params of more than 1,000 members', `{"method":"ping","params":{${manyMembers}}}`, invalid],
    ['a result of more than 1,000 members', `{"id":1,"result":{${manyMembers}}}`, invalid],
    ['a batch in a batch', `[[${call}]]`, invalid],
    ['something else in a batch', `[${call},1]`, invalid],
  ])('%s', (_name, text, code) => {
    expect(codeOf(Buffer.from(text))).toBe(code);
  });

  test.each([
    ['UTF-16, little end first', Buffer.from(call, 'utf16le')],
    ['UTF-16 with its mark', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(call, 'utf16le')])],
    ['UTF-16, big end first', Buffer.from(call, 'utf16le').swap16()],
    ['UTF-32', Buffer.from(Array.from(Buffer.from(call), (byte) => [byte, 0, 0, 0]).flat())],
    ['Latin-1', Buffer.from('{"method":"é"}', 'latin1')],
    [
      'an overlong slash',
      Buffer.from([...Buffer.from('{"method":"tools'), 0xc0, 0xaf, ...Buffer.from('call"}')]),
    ],
    ['half a character', Buffer.from([...Buffer.from('{"method":"'), 0xf0, 0x9f, ...Buffer.from('"}')])],
  ])('%s', (_name, body) => {
    expect(codeOf(body)).toBe(parseError);
  });

  test('nesting beyond all reason neither crashes nor passes unread', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const result = read(`{"method":"tools/call","params":{"arguments":${deep},"name":"delete_file"}}`);
    expect('error' in result || result.messages[0]?.params['name'] === 'delete_file').toBe(true);
  });
});

describe('laws', () => {
  const key = fc.constantFrom(
    'method',
    'params',
    'name',
    'id',
    'arguments',
    'x"y',
    'a\\',
    '',
    '\u2028',
    '🦊',
  );
  const json = fc.jsonValue({ maxDepth: 3 });
  const params = fc.dictionary(key, json, { maxKeys: 5 });
  const message = fc.record(
    {
      jsonrpc: fc.constant('2.0'),
      id: fc.oneof(fc.integer(), fc.string()),
      method: fc.string(),
      params,
      extra: json,
    },
    { requiredKeys: ['jsonrpc'] },
  );

  /** Writes JSON in one of the many ways in which it can be written. */
  function print(value: unknown, random: () => number): string {
    const space = (): string => ['', '', ' ', '\n\t'][random() % 4] ?? '';
    const text = (content: string): string =>
      random() % 2 === 0
        ? JSON.stringify(content)
        : `"${Array.from({ length: content.length }, (_, at) => `\\u${content.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`;
    const write = (item: unknown): string => {
      if (typeof item === 'string') return text(item);
      if (Array.isArray(item))
        return `[${space()}${item.map(write).join(`${space()},${space()}`)}${space()}]`;
      if (typeof item !== 'object' || item === null) return JSON.stringify(item);
      const entries = Object.entries(item).toSorted(() => (random() % 3) - 1);
      return `{${space()}${entries.map(([name, member]) => `${text(name)}${space()}:${space()}${write(member)}`).join(`${space()},`)}${space()}}`;
    };
    return space() + write(value) + space();
  }

  test('a message reads the same however it is written: order, white space, escapes (RFC 8259)', () => {
    fc.assert(
      fc.property(message, fc.array(fc.nat(), { minLength: 50, maxLength: 50 }), (value, numbers) => {
        let turn = 0;
        const text = print(value, () => numbers[(turn += 1) % numbers.length] ?? 0);
        const parsed = JSON.parse(text) as { method?: string; params?: object };

        const result = read(text);

        expect(result).toMatchObject({ messages: [{ method: parsed.method, params: parsed.params ?? {} }] });
      }),
      { numRuns: 500 },
    );
  });

  test('whatever bytes come, only what JSON.parse accepts is read, and as it reads it', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      '\\',
      '"method"',
      '"params"',
      '{"name":"a"}',
      '1',
      ' ',
      '\0',
      'é',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = pieces.join('');
        const result = read(text);
        if ('error' in result) return;
        const parsed = [JSON.parse(text) as object].flat() as { method?: string }[];
        expect(result.messages.map(({ method }) => method)).toEqual(parsed.map(({ method }) => method));
      }),
      { numRuns: 2000 },
    );
  });

  test('a key is found twice exactly where an object has it twice', () => {
    const keys = fc.array(fc.tuple(key, json), { maxLength: 4 });
    const print = (entries: readonly (readonly [string, unknown])[]): string =>
      `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
    fc.assert(
      fc.property(keys, keys, (outer, inner) => {
        const text = `${print(outer).slice(0, -1)}${outer.length === 0 ? '' : ','}"inner":${print(inner)}}`;
        const isRepeated = (entries: readonly (readonly [string, unknown])[]): boolean =>
          new Set(entries.map(([name]) => name)).size < entries.length;

        expect(repeatsKey(text, 1)).toBe(isRepeated(outer));
        expect(repeatsKey(text, Infinity)).toBe(isRepeated(outer) || isRepeated(inner));
      }),
      { numRuns: 500 },
    );
  });
});
