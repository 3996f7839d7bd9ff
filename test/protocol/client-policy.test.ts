/** Which clients may connect without the operator's doing (clients.md P23). */
import { describe, expect, test } from 'vitest';
import {
  clientPolicies,
  mayConnect,
  mayUseDocument,
  mayUseRedirectUri,
} from '../../src/protocol/client-policy.ts';

const claude = 'https://claude.ai/api/mcp/auth_callback';
const claudeCode = 'https://claude.ai/oauth/claude-code-client-metadata';
const stranger = 'https://client.example/cb';
const strangerDocument = 'https://client.example/client.json';

describe.each([
  ['open', { known: true, strange: true }],
  ['known', { known: true, strange: false }],
  ['off', { known: false, strange: false }],
] as const)('%s', (policy, expected) => {
  test('decides on redirect URIs and documents alike', () => {
    expect([mayUseRedirectUri(policy, claude), mayUseDocument(policy, claudeCode)]).toEqual([
      expected.known,
      expected.known,
    ]);
    expect([mayUseRedirectUri(policy, stranger), mayUseDocument(policy, strangerDocument)]).toEqual([
      expected.strange,
      expected.strange,
    ]);
  });

  test('decides on clients that came under another policy as on new ones', () => {
    const dynamic = { source: 'dynamic', clientId: 'x' } as const;
    const document = { source: 'document', clientId: claudeCode } as const;
    const strange = { source: 'document', clientId: strangerDocument } as const;
    expect(mayConnect(policy, dynamic, claude)).toBe(expected.known);
    expect(mayConnect(policy, dynamic, stranger)).toBe(expected.strange);
    expect(mayConnect(policy, document, stranger)).toBe(expected.known);
    expect(mayConnect(policy, strange, claude)).toBe(expected.strange);
  });
});

test.each(clientPolicies)('%s lets in what the operator made', (policy) => {
  expect(mayConnect(policy, { source: 'operator', clientId: 'x' }, stranger)).toBe(true);
});
