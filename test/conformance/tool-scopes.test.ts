/** More than a good token, where the operator says so (MCP 2026-07-28, "Scope Challenge Handling", "Server Validation"). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { register, signIn, type TestClient, type Tokens } from '../support/authorize.ts';
import { openSite, type Outside } from './outside.ts';
import { verifies } from './verifies.ts';

const policy = {
  rules: { 'tools/call': ['tools:use'], 'tools/call count*': ['tools:count'] },
  scopes: { 'tools:count': { includes: ['tools:use'] } },
};

let local: Outside;
let client: TestClient;
let tokens: Tokens;
beforeAll(async () => {
  local = await openSite({ environment: { TOOL_SCOPES: JSON.stringify(policy) } });
  client = await register(local.proxy);
  tokens = await signIn(local.proxy, client);
});
afterAll(() => local.site.close());

/** The MCP server's own answer to a request that accepts nothing: the proxy has let it through. */
const reached = 406;
const call = async ({ accessToken }: Tokens, name: string, headers: Readonly<Record<string, string>> = {}) =>
  local.ask('/mcp', {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name, arguments: {} } }),
  });

test(
  'too little scope is 403 with all that the call needs, where to ask, and no offline_access (RFC 6750 §3.1, MCP "Runtime Insufficient Scope Errors")',
  verifies('insufficient-scope'),
  async () => {
    const refused = await call(tokens, 'counter');
    expect(refused.statusCode).toBe(403);
    expect(refused.headers['www-authenticate']).toMatch(
      new RegExp(
        `^Bearer error="insufficient_scope", error_description="[^"]+", resource_metadata="${local.issuer}/\\.well-known/oauth-protected-resource/mcp", scope="openid profile email tools:use tools:count"$`,
      ),
    );

    const broad = await signIn(local.proxy, client, { scope: 'openid tools:count' });
    expect((await call(broad, 'counter')).statusCode).toBe(reached);
    expect((await call(broad, 'echo')).statusCode).toBe(reached);
    const narrow = await signIn(local.proxy, client, { scope: 'openid tools:use' });
    expect((await call(narrow, 'echo')).statusCode).toBe(reached);
    expect((await call(narrow, 'counter')).statusCode).toBe(403);
  },
);

test(
  'a header that says something else than the body is 400 and HeaderMismatch (MCP "Server Validation")',
  verifies('header-body-mismatch'),
  async () => {
    const broad = await signIn(local.proxy, client, { scope: 'tools:count' });
    for (const headers of [{ 'mcp-method': 'ping' }, { 'mcp-method': 'tools/call', 'mcp-name': 'counter' }]) {
      const answer = await call(broad, 'echo', headers);
      expect([answer.statusCode, answer.json()]).toMatchObject([400, { id: 5, error: { code: -32020 } }]);
    }
    const agreed = await call(broad, 'echo', {
      'mcp-method': 'tools/call',
      'mcp-name': '=?base64?ZWNobw==?=',
    });
    expect(agreed.statusCode).toBe(reached);
  },
);
