/** `TOOL_SCOPES` on the whole server: advertised, asked for, approved, demanded (protocol.md 93, 95, 100, 126). */
import type { InjectOptions } from 'fastify';
import { beforeAll, describe, expect, test } from 'vitest';
import { readScopePolicy } from '../../src/protocol/scope-policy.ts';
import { type Arrived, startTestApp, type TestApp, type TestAppOptions } from '../support/app.ts';
import {
  approve,
  askConsent,
  authorize,
  authorizeUrl,
  callMcp,
  redeem,
  refresh,
  register,
  registerByOperator,
  signIn,
  type TestClient,
  type Tokens,
  tokensOf,
} from '../support/authorize.ts';
import { textOf } from '../support/html.ts';
import { createMachine, machineToken } from '../support/servers.ts';

function policyOf(value: unknown) {
  const read = readScopePolicy(JSON.stringify(value));
  if ('problems' in read) throw new Error(read.problems.join('\n'));
  return read.policy;
}

const toolScopes = policyOf({
  rules: {
    'tools/call delete_*': ['files:write'],
    'tools/call delete_all': ['files:admin'],
    'tools/call mail': ['email'],
    'prompts/get': ['files:read'],
  },
  scopes: {
    'files:write': { words: 'Change and delete files', includes: ['files:read'] },
    'files:admin': { words: '<b>Everything</b>' },
  },
});

const start = async (options: TestAppOptions = {}): Promise<TestApp> =>
  startTestApp({ ...options, config: { toolScopes, ...options.config } });

let proxy: TestApp;
let client: TestClient;
let tokens: Tokens;
beforeAll(async () => {
  proxy = await start();
  client = await register(proxy);
  tokens = await signIn(proxy, client);
  return proxy.close;
});

const toolCall = (name: string, id = 1) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } });
const call = async (
  accessToken: string | undefined,
  payload: object | string,
  headers: Readonly<Record<string, string>> = {},
) =>
  callMcp(proxy, accessToken, {
    method: 'POST',
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    headers: { 'content-type': 'application/json', ...headers },
  });

const challengeFor = (scope: string) =>
  `Bearer error="insufficient_scope", error_description="The access token is good, but not for this operation", resource_metadata="http://localhost:8080/.well-known/oauth-protected-resource/mcp", scope="${scope}"`;

describe('what is advertised (MCP 2026-07-28, "Scope Selection Strategy")', () => {
  test('authorization server metadata names the local scopes, the resource and its 401 do not: they are no default (protocol.md 93, 95)', async () => {
    const server = await proxy.send({ url: '/.well-known/oauth-authorization-server' });
    const resource = await proxy.send({ url: '/.well-known/oauth-protected-resource/mcp' });
    const unauthorized = await call(undefined, toolCall('delete_file'));

    expect(server.json()).toMatchObject({
      scopes_supported: [
        'openid',
        'profile',
        'email',
        'files:write',
        'files:admin',
        'files:read',
        'offline_access',
      ],
    });
    expect(resource.json()).toMatchObject({ scopes_supported: ['openid', 'profile', 'email'] });
    expect(unauthorized.statusCode).toBe(401);
    expect(unauthorized.headers['www-authenticate']).toContain('scope="openid profile email"');
  });

  test('a client that asks for nothing gets none of them', () => {
    expect(tokens.scope).toBe('openid profile email');
  });
});

describe('403 insufficient_scope (RFC 6750 §3.1, protocol.md 100)', () => {
  test.each<[string, object, string | undefined]>([
    ['an ordinary tool', toolCall('list_files'), undefined],
    ['a tool whose scope the default has', toolCall('mail'), undefined],
    ['another method', { jsonrpc: '2.0', id: 1, method: 'tools/list' }, undefined],
    ['a response', { jsonrpc: '2.0', id: 1, result: {} }, undefined],
    ['a protected tool', toolCall('delete_file'), 'openid profile email files:write'],
    [
      'a tool that two rules protect: both at once',
      toolCall('delete_all'),
      'openid profile email files:write files:admin',
    ],
    [
      'a method',
      { jsonrpc: '2.0', id: 1, method: 'prompts/get', params: { name: 'x' } },
      'openid profile email files:read',
    ],
    [
      'one of a batch',
      [toolCall('list_files', 1), toolCall('delete_file', 2)],
      'openid profile email files:write',
    ],
    [
      'a batch: all that it needs',
      [toolCall('delete_all', 1), { jsonrpc: '2.0', id: 2, method: 'prompts/get' }],
      'openid profile email files:write files:admin files:read',
    ],
  ])('%s', async (_name, payload, needed) => {
    const answer = await call(tokens.accessToken, payload);
    if (needed === undefined) {
      expect([answer.statusCode, answer.json<Arrived>().method]).toEqual([200, 'POST']);
      return;
    }
    expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([403, challengeFor(needed)]);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.json()).toEqual({
      error: 'insufficient_scope',
      error_description: 'The access token is good, but not for this operation',
    });
  });

  test('offline_access is no scope of the resource, and stays out of the challenge (SEP-2207)', async () => {
    const offline = await signIn(proxy, client, { scope: 'openid offline_access' });
    const answer = await call(offline.accessToken, toolCall('delete_file'));
    expect(answer.headers['www-authenticate']).toBe(challengeFor('openid files:write'));
  });

  test.each([
    ['a header that lies about the tool', { 'mcp-method': 'tools/call', 'mcp-name': 'list_files' }],
    ['a header that lies about the method', { 'mcp-method': 'ping' }],
  ])(
    '%s opens nothing: 400 (MCP 2026-07-28, "Server Validation", protocol.md 126)',
    async (_name, headers) => {
      const answer = await call(tokens.accessToken, toolCall('delete_file', 9), headers);
      expect([answer.statusCode, answer.json()]).toEqual([
        400,
        { jsonrpc: '2.0', id: 9, error: { code: -32020, message: expect.any(String) as string } },
      ]);
    },
  );

  test.each([
    ['the name is missing', '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{}}', -32602],
    [
      'the name is a list',
      '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":["delete_file"]}}',
      -32602,
    ],
    ['params are a list', '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":["delete_file"]}', -32602],
  ])('%s: nobody can say what the tool is, so 400 (JSON-RPC 2.0 §5.1)', async (_name, body, code) => {
    const answer = await call(tokens.accessToken, body);
    expect([answer.statusCode, answer.json()]).toEqual([
      400,
      { jsonrpc: '2.0', id: 3, error: { code, message: 'params.name must be a string' } },
    ]);
  });

  test('a bad token is 401 before the body is looked at (protocol.md 94, 96)', async () => {
    expect((await call('nonsense', 'no JSON')).statusCode).toBe(401);
    expect((await call(undefined, 'no JSON')).statusCode).toBe(401);
  });
});

describe('asking for more', () => {
  test('the page says it in the operator’s words, as text; the provider hears nothing of it (protocol.md 107)', async () => {
    const asked = await askConsent(proxy, client, {
      scope: 'openid email files:write files:admin files:read',
    });

    const page = textOf(asked.page);
    expect(page).toContain('Change and delete files');
    expect(page).toContain('<b>Everything</b>');
    expect(page).toContain('files:read');
    expect(asked.page.body).not.toContain('<b>Everything');
    const scope = (await approve(asked)).searchParams.get('scope');
    expect(scope?.split(' ')).toEqual(expect.arrayContaining(['openid', 'email']));
    expect(scope).not.toContain('files');
  });

  test('what was approved is in the token, opens the tool, and a broader scope opens what it includes (MCP 2026-07-28, scope hierarchies)', async () => {
    const wide = await signIn(proxy, client, { scope: 'openid files:write' });

    expect(wide.scope).toBe('openid files:write');
    expect((await call(wide.accessToken, toolCall('delete_file'))).statusCode).toBe(200);
    expect(
      (await call(wide.accessToken, { id: 1, method: 'prompts/get', params: { name: 'x' } })).statusCode,
    ).toBe(200);
    expect((await call(wide.accessToken, toolCall('delete_all'))).headers['www-authenticate']).toBe(
      challengeFor('openid files:write files:admin'),
    );
  });

  test('a browser that has approved less is asked again, and then remembered with more (protocol.md 108)', async () => {
    const own = await register(proxy, { redirect_uris: ['https://claude.ai/api/mcp/auth_callback'] });
    const { browser } = await authorize(proxy, own);
    const narrow = authorizeUrl(own, 'v'.repeat(43));
    const wide = authorizeUrl(own, 'v'.repeat(43), { scope: 'openid profile email files:write' });
    expect((await browser.get(narrow)).statusCode).toBe(303);
    expect((await browser.get(wide)).statusCode).toBe(200);

    await authorize(proxy, own, { scope: 'openid profile email files:write' }, { browser });

    expect((await browser.get(wide)).statusCode).toBe(303);
  });

  test('a refresh keeps the wider scope, may narrow it, and the narrower token is not enough (RFC 6749 §6)', async () => {
    const wide = await signIn(proxy, client, { scope: 'openid files:write' });
    const narrowed = tokensOf(await refresh(proxy, client, wide.refreshToken, { scope: 'openid' }));

    expect((await call(narrowed.accessToken, toolCall('delete_file'))).headers['www-authenticate']).toBe(
      challengeFor('openid files:write'),
    );

    const again = tokensOf(
      await refresh(proxy, client, narrowed.refreshToken, { scope: 'openid files:write' }),
    );
    expect((await call(again.accessToken, toolCall('delete_file'))).statusCode).toBe(200);
    const wider = await refresh(proxy, client, again.refreshToken, { scope: 'openid files:admin' });
    expect(wider.json()).toMatchObject({ error: 'invalid_scope' });
  });

  test('a client whose operator allows it less cannot get more (RFC 6749 §3.3)', async () => {
    const limited = await registerByOperator(proxy, { scope: 'openid files:write' });
    const granted = await signIn(proxy, limited, { scope: 'openid files:write files:admin' });
    expect(granted.scope).toBe('openid files:write');
  });
});

test('a machine goes through the same check, with the scopes that its operator gave it (RFC 6749 §4.4)', async () => {
  const machine = await createMachine(proxy.db, { scopes: ['jobs', 'files:write'] });
  const wide = await machineToken(proxy, machine);
  const narrow = await machineToken(proxy, machine, { scope: 'jobs' });

  expect((await call(wide, toolCall('delete_file'))).statusCode).toBe(200);
  const refused = await call(narrow, toolCall('delete_file'));
  expect([refused.statusCode, refused.headers['www-authenticate']]).toEqual([
    403,
    challengeFor('jobs files:write'),
  ]);
});

describe('a client that refreshes because it was told to get more (official SDK 1)', () => {
  const toldClient = async (): Promise<Tokens> => {
    const told = await signIn(proxy, client);
    expect((await call(told.accessToken, toolCall('delete_file'))).statusCode).toBe(403);
    return told;
  };
  const interactionRequired = {
    error: 'interaction_required',
    error_description: expect.any(String) as string,
  };

  test('is sent to the person once; nothing is used up (RFC 6749 §5.2, §8.5)', async () => {
    const told = await toldClient();
    const first = await refresh(proxy, client, told.refreshToken);
    expect([first.statusCode, first.json()]).toEqual([400, interactionRequired]);

    const second = tokensOf(await refresh(proxy, client, told.refreshToken));
    expect(second.scope).toBe('openid profile email');
    expect((await call(second.accessToken, toolCall('list_files'))).statusCode).toBe(200);
  });

  test('of many at once, one', async () => {
    const told = await toldClient();
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => refresh(proxy, client, told.refreshToken)),
    );
    expect(
      answers.filter(({ statusCode }) => statusCode === 400).map((answer) => answer.json<object>()),
    ).toEqual([interactionRequired]);
    const issued = answers
      .filter(({ statusCode }) => statusCode === 200)
      .map((answer) => tokensOf(answer).accessToken);
    expect([issued.length, new Set(issued).size]).toEqual([7, 1]);
  });

  test.each<[string, () => Promise<unknown>, Readonly<Record<string, string>>]>([
    ['half a minute later', async () => proxy.clock.advance({ seconds: 31 }), {}],
    ['a refresh that says which scope it wants', async () => undefined, { scope: 'openid' }],
  ])('not: %s', async (_name, happens, parameters) => {
    const told = await toldClient();
    await happens();
    expect((await refresh(proxy, client, told.refreshToken, parameters)).statusCode).toBe(200);
  });

  test('nor another grant of the same client', async () => {
    const other = await signIn(proxy, client);
    await toldClient();
    expect((await refresh(proxy, client, other.refreshToken)).statusCode).toBe(200);
  });
});

test('a scope that is local no more is not sent to the provider by sign-ins under way', async () => {
  let current = proxy;
  const restarting = { ...proxy, send: async (request: InjectOptions) => current.send(request) };
  const asked = await askConsent(restarting, client, { scope: 'openid files:write' });
  current = await startTestApp({ db: proxy.db, config: { ...proxy.config, toolScopes: undefined } });

  const signIn = await approve(asked);

  await current.close();
  expect(signIn.searchParams.get('scope')).toContain('openid');
  expect(signIn.searchParams.get('scope')).not.toContain('files');
});

test('without a policy nothing is asked of any body (design §3.10)', async () => {
  const plain = await startTestApp({ db: proxy.db, config: { ...proxy.config, toolScopes: undefined } });
  const answer = await callMcp(plain, tokens.accessToken, {
    method: 'POST',
    payload: '{"method":1,"method":2',
    headers: { 'content-type': 'text/plain' },
  });
  const metadata = await plain.send({ url: '/.well-known/oauth-authorization-server' });
  await plain.close();
  expect(answer.statusCode).toBe(200);
  expect(metadata.body).not.toContain('files');
});

test('a rule for a method that MCP does not have is pointed out at start', async () => {
  const app = await start({
    config: { toolScopes: policyOf({ rules: { 'tool/call': ['x'], ping: ['x'] } }) },
  });
  await app.close();
  const warnings = app.log.filter((line) => line.includes('does not have so far'));
  expect(warnings.map((line) => JSON.parse(line) as object)).toMatchObject([
    { level: 40, methods: ['tool/call'] },
  ]);
});

test('a client may ask for a local scope alone', async () => {
  const authorization = await authorize(proxy, client, { scope: 'files:write' });
  const issued = tokensOf(await redeem(proxy, client, authorization));
  expect(issued.scope).toBe('files:write');
  expect((await call(issued.accessToken, toolCall('delete_file'))).statusCode).toBe(200);
});
