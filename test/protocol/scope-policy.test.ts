/** `TOOL_SCOPES`: which scopes an operation needs (protocol.md 100). */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  localScopes,
  missingScopes,
  readScopePolicy,
  requiredScopes,
  type ScopePolicy,
  unknownMethods,
} from '../../src/protocol/scope-policy.ts';

function policyOf(value: unknown): ScopePolicy {
  const read = readScopePolicy(JSON.stringify(value));
  if ('problems' in read) throw new Error(read.problems.join('\n'));
  return read.policy;
}
function problemsOf(text: string): readonly string[] {
  const read = readScopePolicy(text);
  return 'problems' in read ? read.problems : [];
}

const policy = policyOf({
  rules: {
    'tools/call': ['files:read'],
    'tools/call delete_*': ['files:write'],
    'tools/call delete_all': ['files:admin', 'files:write'],
    'prompts/get daily report': ['reports'],
    'resources/*': ['files:read'],
    'notifications/*': ['notify'],
  },
  scopes: {
    'files:write': { words: 'Change and delete files', includes: ['files:read'] },
    'files:admin': { includes: ['files:write'] },
  },
});

describe('what an operation needs: every rule that fits adds its own', () => {
  test.each<[string | undefined, string | undefined, readonly string[]]>([
    ['tools/call', 'list_files', ['files:read']],
    ['tools/call', 'delete_file', ['files:read', 'files:write']],
    ['tools/call', 'delete_all', ['files:read', 'files:write', 'files:admin']],
    ['tools/call', 'Delete_file', ['files:read']],
    ['tools/call', undefined, ['files:read']],
    ['tools/list', undefined, []],
    ['Tools/call', 'delete_file', []],
    ['prompts/get', 'daily report', ['reports']],
    ['prompts/get', 'daily report 2', []],
    ['resources/read', 'file:///x', ['files:read']],
    ['resources/templates/list', undefined, ['files:read']],
    ['notifications/initialized', undefined, ['notify']],
    [undefined, 'delete_file', []],
  ])('%s %s → %j', (method, name, expected) => {
    expect(requiredScopes(policy, [{ method, name }])).toEqual(expected);
  });

  test('the messages of a batch need what all of them need, each scope once', () => {
    const operations = [
      { method: 'ping', name: undefined },
      { method: 'notifications/x', name: undefined },
      { method: 'tools/call', name: 'delete_file' },
      { method: 'tools/call', name: 'list_files' },
    ];
    expect(requiredScopes(policy, operations)).toEqual(['files:read', 'files:write', 'notify']);
  });

  test('* alone means every method, and no response', () => {
    const all = policyOf({ rules: { '*': ['mcp'] } });
    expect(requiredScopes(all, [{ method: 'initialize', name: undefined }])).toEqual(['mcp']);
    expect(requiredScopes(all, [{ method: undefined, name: undefined }])).toEqual([]);
  });

  test('adding an operation never needs less', () => {
    const operation = fc.record({
      method: fc.constantFrom('tools/call', 'resources/read', 'ping', undefined),
      name: fc.constantFrom('delete_x', 'delete_all', 'list', undefined),
    });
    fc.assert(
      fc.property(fc.array(operation), operation, (operations, added) => {
        const together = requiredScopes(policy, [...operations, added]);
        expect(together).toEqual(expect.arrayContaining([...requiredScopes(policy, operations)]));
        expect(together).toEqual(expect.arrayContaining([...requiredScopes(policy, [added])]));
      }),
    );
  });
});

describe('what a token has: a broader scope stands for narrower ones (MCP 2026-07-28, scope hierarchies)', () => {
  test.each<[readonly string[], readonly string[]]>([
    [[], ['files:read', 'files:write']],
    [['files:read'], ['files:write']],
    [['files:write'], []],
    [['files:admin'], []],
    [
      ['files:writ', 'files:write2', 'FILES:WRITE'],
      ['files:read', 'files:write'],
    ],
  ])('%j lacks %j', (granted, missing) => {
    expect(missingScopes(policy, ['files:read', 'files:write'], granted)).toEqual(missing);
  });

  test('scopes that include each other end', () => {
    const round = policyOf({
      rules: { ping: ['a'] },
      scopes: { a: { includes: ['b'] }, b: { includes: ['a'] } },
    });
    expect(missingScopes(round, ['a', 'b', 'c'], ['b'])).toEqual(['c']);
  });
});

test('a scope that SCOPES_SUPPORTED does not have is local', () => {
  const supported = { toolScopes: policy, scopesSupported: ['openid', 'files:read'] };
  expect(localScopes(supported)).toEqual(['files:write', 'files:admin', 'reports', 'notify']);
  expect(localScopes({ ...supported, toolScopes: undefined })).toEqual([]);
});

test('methods that no revision has are pointed out', () => {
  const misspelt = policyOf({
    rules: { 'tool/call': ['a'], 'tools/*': ['a'], 'x-*': ['a'], 'tools/call x': ['a'] },
  });
  expect(unknownMethods(misspelt)).toEqual(['tool/call', 'x-*']);
});

describe('mistakes', () => {
  test.each([
    ['no JSON', '{', 'must be JSON'],
    ['a list', '[]', 'wrong shape'],
    ['a rule at the top', '{"rules":{"ping":["a"]},"tools/call":["a"]}', 'tools/call'],
    ['no rules', '{"rules":{}}', 'at least one rule'],
    ['a scope that is not in a list', '{"rules":{"ping":"a"}}', '"rules" → "ping"'],
    ['an unknown member', '{"rules":{"ping":["a"]},"rule":{}}', 'rule'],
    [
      'an unknown member of a scope',
      '{"rules":{"ping":["a"]},"scopes":{"a":{"word":"x"}}}',
      '"scopes" → "a"',
    ],
    ['a rule twice', '{"rules":{"ping":["a"],"ping":["b"]}}', 'twice'],
    ['a rule without scopes', '{"rules":{"ping":[]}}', 'no scope for "ping"'],
    ['a scope with a space', '{"rules":{"ping":["a b"]}}', 'RFC 6749 §3.3'],
    ['a scope with a quote', '{"rules":{"ping":["a\\"b"]}}', 'RFC 6749 §3.3'],
    ['an empty scope', '{"rules":{"ping":[""]}}', 'RFC 6749 §3.3'],
    [
      'a bad scope in includes',
      '{"rules":{"ping":["a"]},"scopes":{"a":{"includes":["ä"]}}}',
      'RFC 6749 §3.3',
    ],
    ['offline_access', '{"rules":{"ping":["offline_access"]}}', 'permits nothing'],
    ['empty words', '{"rules":{"ping":["a"]},"scopes":{"a":{"words":" "}}}', 'no words'],
    ['a * inside', '{"rules":{"tools/call *_file":["a"]}}', 'at the end only'],
    ['a * in the middle of a method', '{"rules":{"tools/*/x":["a"]}}', 'at the end only'],
    ['no method', '{"rules":{"":["a"]}}', 'cannot be read'],
    ['two spaces', '{"rules":{"tools/call  x":["a"]}}', 'cannot be read'],
    ['a space at the end', '{"rules":{"tools/call ":["a"]}}', 'cannot be read'],
    ['a URI', '{"rules":{"resources/read file:///x":["a"]}}', 'only tools/call and prompts/get'],
    ['a name behind a pattern', '{"rules":{"tools/* x":["a"]}}', 'only tools/call and prompts/get'],
  ])('%s is named', (_name, text, expected) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining(expected)]);
  });

  test('several are all named', () => {
    const text = '{"rules":{"tools/call *x":["a b"],"ping":[]}}';
    expect(problemsOf(text)).toHaveLength(3);
  });
});
