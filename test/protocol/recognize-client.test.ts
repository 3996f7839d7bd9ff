/** What a callback proves, and what a name does not (RFC 8252 §8.6, MCP security best practices). */
import { assert, constantFrom, property, string, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { knownClients } from '../../src/protocol/known-clients.ts';
import { isKnownCallback, isKnownDocument, recognizeClient } from '../../src/protocol/recognize-client.ts';
import {
  isLoopbackUri,
  isPrivateUseUri,
  matchRedirectUri,
  redirectUriProblem,
} from '../../src/protocol/redirect-uri.ts';

const kindOf = (name: string | undefined, uri: string): string => recognizeClient(name, uri).kind;
const filled = (pattern: string): string => pattern.replaceAll('{id}', 'mvp-5fnotes_1~x.y');

describe('the catalogue is sound', () => {
  test('ids are unique, each entry has a date and a source', () => {
    expect(new Set(knownClients.map(({ id }) => id)).size).toBe(knownClients.length);
    for (const { checkedOn, sources } of knownClients) {
      expect(checkedOn).toMatch(/^\d{4}-\d\d-\d\d$/);
      expect(sources.length).toBeGreaterThan(0);
    }
  });

  test.each(knownClients)(
    '$id: each callback may be registered and is of its kind (OAuth 2.1 §2.3)',
    (client) => {
      const { vendorCallbacks = [], sharedCallbacks = [], localCallbacks = [], documents = [] } = client;
      for (const uri of [...vendorCallbacks, ...sharedCallbacks, ...localCallbacks].map(filled)) {
        expect(redirectUriProblem(uri)).toBeUndefined();
        expect(isKnownCallback(uri)).toBe(true);
      }
      for (const uri of [...vendorCallbacks, ...sharedCallbacks, ...documents])
        expect(uri).toMatch(/^https:/);
      for (const uri of localCallbacks) expect(isLoopbackUri(uri) || isPrivateUseUri(uri)).toBe(true);
      for (const uri of documents.map(filled)) expect(isKnownDocument(uri)).toBe(true);
    },
  );

  test.each(knownClients)('$id under its own name and callbacks is no imitation', (client) => {
    const { vendorCallbacks = [], sharedCallbacks = [], localCallbacks = [] } = client;
    const kinds = [vendorCallbacks, sharedCallbacks, localCallbacks].map((uris) =>
      uris.map((uri) => kindOf(client.name, filled(uri))),
    );
    expect(kinds).toEqual([
      vendorCallbacks.map(() => 'vendor'),
      sharedCallbacks.map(() => 'shared'),
      localCallbacks.map(() => 'unknown'),
    ]);
  });
});

test.each([
  ['Claude', 'https://claude.ai/api/mcp/auth_callback'],
  ['whatever it says', 'https://claude.com/api/mcp/auth_callback'],
  [undefined, 'https://chatgpt.com/connector/oauth/ig2N09X8ZQ6D'],
  ['Cursor', 'https://www.cursor.com/agents/mcp/oauth/callback'],
])('%s at %s is verified: the answer goes to the vendor', (name, uri) => {
  expect(kindOf(name, uri)).toBe('vendor');
});

test.each([
  'https://claude.ai.evil.example/api/mcp/auth_callback',
  'https://claude.ai/api/mcp/auth_callback/',
  'https://claude.ai/api/mcp/auth_callback?next=https://evil.example',
  'https://claude.ai/other',
  'https://claude.ai:8443/api/mcp/auth_callback',
  'https://evil.claude.ai/api/mcp/auth_callback',
  'https://chatgpt.com/connector/oauth/',
  'https://chatgpt.com/connector/oauth/..',
  'https://chatgpt.com/connector/oauth/.',
  'https://chatgpt.com/connector/oauth/a/b',
  'https://chatgpt.com/connector/oauth/a%2Fb',
  'https://chatgpt.com/connector/oauth/%2e%2e',
  'https://chatgpt.com/connector/oauth/a?x=1',
  'https://chatgpt.com/connector/oauth/a\\b',
])('%s is no vendor’s callback: an address is compared segment by segment', (uri) => {
  expect(kindOf(undefined, uri)).toBe('unknown');
});

test('a pattern takes exactly one plain segment, whatever is put there', () => {
  const prefix = 'https://chatgpt.com/connector/oauth/';
  assert(
    property(string({ unit: constantFrom(...'ab.%2Ff/\\?#@:~-_'.split('')) }), (tail) => {
      const isPlain = /^[\w~-][\w.~-]*$/.test(tail);
      expect(kindOf(undefined, `${prefix}${tail}`) === 'vendor').toBe(isPlain);
      expect(!isPlain || new URL(`${prefix}${tail}`).href === `${prefix}${tail}`).toBe(true);
    }),
  );
});

test.each([
  ['http://localhost:1/callback', 'Claude Code'],
  ['http://localhost/callback', undefined],
  ['cursor://anysphere.cursor-mcp/oauth/callback', 'Cursor'],
])('%s is never verified, whatever it is called: any program can use it (RFC 8252 §8.6)', (uri, name) => {
  expect(kindOf(name, uri)).toBe('unknown');
});

test.each([
  ['https://global.consent.azure-apim.net/redirect/acme-5fnotes', 'Copilot Studio'],
  ['https://oauth.n8n.cloud/oauth2/callback', 'anything'],
  ['https://vscode.dev/redirect', 'Visual Studio Code'],
])('%s proves only the host: it hands the answer on', (uri, name) => {
  expect(kindOf(name, uri)).toBe('shared');
});

describe('a known name with an answer that goes elsewhere is an imitation', () => {
  test.each([
    'Claude',
    'CLAUDE',
    'Claude Connector',
    'claude.ai',
    'C l a u d e',
    'CIaude',
    'С\u04cf\u0430ud\u0435',
    'Clаude',
    'Cláude',
    'Ｃｌａｕｄｅ',
    'Cl\u200baude',
    '"Claude" ✓',
    'Cl4ude',
    'ChatGPT',
    'Chat GPT',
    'Chat-GPT Connector',
    'ChаtGРT',
    'Anthropic',
    'VS Code',
    'Cursor',
  ])('%j at https://evil.example/cb', (name) => {
    expect(kindOf(name, 'https://evil.example/cb')).toBe('imitation');
  });

  test('says whom it imitates: the one that is named most closely', () => {
    expect(recognizeClient('Claude Code', 'https://evil.example/cb')).toMatchObject({
      client: { id: 'claude-code' },
    });
  });

  test.each([
    ['ChatGPT', 'http://localhost/cb'],
    ['Claude', 'evil-app://callback'],
    ['Claude', 'https://oauth.n8n.cloud/oauth2/callback'],
    ['Cursor', 'https://global.consent.azure-apim.net/redirect/evil'],
  ])('%s at %s', (name, uri) => {
    expect(kindOf(name, uri)).toBe('imitation');
  });

  test.each([
    [undefined, 'https://client.example/cb'],
    ['', 'https://client.example/cb'],
    ['Acme Notes', 'https://client.example/cb'],
    ['Claudette', 'https://client.example/cb'],
    ['Precursor', 'https://client.example/cb'],
    ['n8n', 'https://n8n.acme.example/rest/oauth2-credential/callback'],
    ['LibreChat', 'https://chat.acme.example/api/mcp/notes/oauth/callback'],
    ['Claude Code (notes)', 'http://localhost:51234/callback'],
    ['Cursor', 'cursor://another.extension/callback'],
    ['Claude', 'https://claude.ai/a/newer/callback'],
    ['MCP CLI Proxy', 'http://127.0.0.1:3334/oauth/callback'],
  ])('%s at %s is none', (name, uri) => {
    expect(kindOf(name, uri)).toBe('unknown');
  });

  test('no name makes a client verified, none hides an imitation behind more words', () => {
    assert(
      property(tuple(string({ unit: 'grapheme' }), string({ unit: 'grapheme' })), ([before, after]) => {
        expect(kindOf(before, 'https://evil.example/cb')).not.toBe('vendor');
        expect(kindOf(`${before} Claude ${after}`, 'https://evil.example/cb')).toBe('imitation');
      }),
    );
  });
});

test('a known callback is one that may be redirected to: exact, up to the loopback port', () => {
  assert(
    property(constantFrom(...knownClients), ({ localCallbacks = [] }) => {
      for (const uri of localCallbacks.map(filled).filter((uri) => isLoopbackUri(uri))) {
        const moved = uri.replace(/^http:\/\/[^/]+/, 'http://[::1]:50123');
        expect(matchRedirectUri([uri], moved)).toBeDefined();
        expect(isKnownCallback(moved)).toBe(true);
      }
    }),
  );
});

test.each([
  'https://chatgpt.com/oauth/a/b/client.json',
  'https://chatgpt.com/oauth/../client.json',
  'https://claude.ai/oauth/claude-code-client-metadata/',
  'https://CLAUDE.ai/oauth/claude-code-client-metadata',
  'https://claude.ai:443/oauth/claude-code-client-metadata',
  'https://github.com/copilot/other/client-metadata.json',
  'https://evil.example/oauth/client.json',
])('%s is no known document: simple string comparison (CIMD §3)', (clientId) => {
  expect(isKnownDocument(clientId)).toBe(false);
});
