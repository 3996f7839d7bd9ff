/** Scopes per method and tool, where the operator asks for them: 403, and headers that must not lie (MCP 2026-07-28). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authorize, redeem, register, signIn, type TestClient, tokensOf } from '../support/authorize.ts';
import { type Backend, openSite, type Outside, startBackend } from './outside.ts';
import { verifies } from './verifies.ts';

let backend: Backend;
let at: Outside;
let client: TestClient;
beforeAll(async () => {
  backend = await startBackend((request, response) => {
    request.resume();
    request.on('end', () => response.end('{}'));
  });
  at = await openSite({
    environment: {
      MCP_SERVER_URL: `${backend.url}/mcp`,
      TOOL_SCOPES: JSON.stringify({
        rules: {
          'tools/call delete_*': ['files:write'],
          'tools/call delete_all': ['files:admin'],
          'prompts/get': ['files:read'],
        },
        scopes: { 'files:write': { includes: ['files:read'] } },
      }),
    },
  });
  client = await register(at.proxy);
});
afterAll(async () => {
  await at.site.close();
  await backend.close();
});

const withScope = async (scope: string | undefined): Promise<string> => {
  const authorization = await authorize(at.proxy, client, { scope });
  return tokensOf(await redeem(at.proxy, client, authorization)).accessToken;
};
const call = async (
  accessToken: string,
  method: string,
  name: string,
  headers: Readonly<Record<string, string>> = {},
) =>
  at.ask('/mcp', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${accessToken}`,
      'content-type': 'application/json',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { name } }),
  });

test(
  'too little scope is 403 with all that the operation needs, at once, and where to ask (MCP authorization, "Runtime Insufficient Scope Errors")',
  verifies('insufficient-scope'),
  async () => {
    const { accessToken } = await signIn(at.proxy, client);
    const before = backend.arrived.length;
    const refused = await call(accessToken, 'tools/call', 'delete_all');
    const challenge = String(refused.headers['www-authenticate']);
    const needed = (/scope="([^"]+)"/.exec(challenge)?.[1] ?? '').split(' ');

    expect([refused.statusCode, refused.json()]).toMatchObject([403, { error: 'insufficient_scope' }]);
    expect(challenge).toMatch(/^Bearer error="insufficient_scope"/);
    expect(challenge).toContain(`resource_metadata="${at.issuer}/.well-known/oauth-protected-resource/mcp"`);
    expect(needed).toEqual(expect.arrayContaining(['files:write', 'files:admin']));
    expect(needed).not.toContain('offline_access');
    expect(backend.arrived).toHaveLength(before);

    const stepped = await withScope(needed.join(' '));
    expect((await call(stepped, 'tools/call', 'delete_all')).statusCode).toBe(200);
  },
);

test(
  'a broader scope counts for the narrower ones that it includes (MCP authorization, "Step-Up Authorization Flow")',
  verifies('insufficient-scope'),
  async () => {
    const [writer, reader] = [await withScope('openid files:write'), await withScope('openid files:read')];
    const statuses = [
      await call(writer, 'prompts/get', 'any'),
      await call(reader, 'prompts/get', 'any'),
      await call(reader, 'tools/call', 'delete_file'),
      await call(await withScope(undefined), 'tools/call', 'list_files'),
    ].map(({ statusCode }) => statusCode);

    expect(statuses).toEqual([200, 200, 403, 200]);
  },
);

test.each<readonly [string, Readonly<Record<string, string>>]>([
  ['another name', { 'mcp-method': 'tools/call', 'mcp-name': 'list_files' }],
  ['another method', { 'mcp-method': 'tools/list', 'mcp-name': 'delete_all' }],
  ['another name in an encoding', { 'mcp-method': 'tools/call', 'mcp-name': '=?base64?bGlzdF9maWxlcw==?=' }],
])(
  'headers that say %s than the body are 400, and the MCP server hears nothing (MCP 2026-07-28 transports, "Server Validation")',
  verifies('header-body-mismatch'),
  async (_name, headers) => {
    const { accessToken } = await signIn(at.proxy, client);
    const before = backend.arrived.length;
    const revision = { 'mcp-protocol-version': '2026-07-28' };
    const answer = await call(accessToken, 'tools/call', 'delete_all', { ...revision, ...headers });

    expect([400, 403]).toContain(answer.statusCode);
    expect(backend.arrived).toHaveLength(before);

    const admin = await withScope('openid files:write files:admin');
    const mismatch = await call(admin, 'tools/call', 'delete_all', { ...revision, ...headers });
    expect([mismatch.statusCode, mismatch.json()]).toMatchObject([400, { error: { code: -32020 } }]);
    expect(backend.arrived).toHaveLength(before);
  },
);
