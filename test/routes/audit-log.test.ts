/** The audit trail in the log: what happened to connections, a JSON line for each event (issue 5 item 5). */
import { expect, test } from 'vitest';
import { beginAccount, end, openAccount } from '../support/account.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  ada,
  approve,
  askConsent,
  authorize,
  authorizeUrl,
  callMcp,
  redeem,
  refresh,
  register,
  revoke,
  signIn,
  tokensOf,
} from '../support/authorize.ts';
import { openBrowser } from '../support/browser.ts';
import { createMachine, machineToken, requestMachineToken } from '../support/servers.ts';
import { cancelAt } from '../support/sample-provider.ts';

type Line = Readonly<Record<string, unknown>>;

/** What was told, in order. */
function auditLines({ log }: Pick<TestApp, 'log'>): readonly Line[] {
  return log.map((line) => JSON.parse(line) as Line).filter(({ audit }) => audit === true);
}

async function withApp(work: (proxy: TestApp) => Promise<void>, logLevel = 'info'): Promise<void> {
  const proxy = await startTestApp({ config: { logLevel } });
  try {
    await work(proxy);
  } finally {
    await proxy.close();
  }
}

test('a connection from its registration to its revocation: each step once, with who and what', async () => {
  await withApp(async (proxy) => {
    const client = await register(proxy);
    const { refreshToken } = await signIn(proxy, client);
    await refresh(proxy, client, refreshToken);
    const { refreshToken: next } = tokensOf(await refresh(proxy, client, refreshToken));
    await revoke(proxy, client, next);
    await revoke(proxy, client, next);

    const lines = auditLines(proxy);
    expect(lines.map(({ type, outcome, how }) => [type, outcome, how])).toEqual([
      ['registration', 'success', 'dynamic'],
      ['consent', 'success', 'asked'],
      ['sign_in', 'success', undefined],
      ['token', 'success', 'authorization_code'],
      ['refresh', 'success', 'rotated'],
      ['refresh', 'success', 'repeated'],
      ['revoke', 'success', undefined],
    ]);
    for (const line of lines) {
      expect(line).toMatchObject({ clientId: client.clientId, address: '127.0.0.1' });
      expect(line.requestId).toMatch(/^[\w-]{12}$/);
    }
    const ofGrant = lines.slice(2);
    expect(new Set(ofGrant.map(({ grantId }) => grantId)).size).toBe(1);
    for (const line of ofGrant)
      expect(line).toMatchObject({ email: ada.email, resource: proxy.config.baseUrl + '/mcp' });
    expect(lines.at(-1)).toMatchObject({ what: 'grant', reason: 'revoked_by_client' });
  });
});

test('of ten that use a code again one reuse and one revocation are told, and ten refusals in all (RFC 6749 §4.1.2)', async () => {
  await withApp(async (proxy) => {
    const client = await register(proxy);
    const authorization = await authorize(proxy, client);
    await redeem(proxy, client, authorization);
    await Promise.all(Array.from({ length: 10 }, () => redeem(proxy, client, authorization)));

    const refused = auditLines(proxy).filter(({ outcome }) => outcome === 'refused');
    expect(refused).toHaveLength(10);
    expect(refused.filter(({ type }) => type === 'reuse')).toMatchObject([
      { endpoint: 'token', code: 'invalid_grant', reason: 'code already used', clientId: client.clientId },
    ]);
    expect(auditLines(proxy).filter(({ type }) => type === 'revoke')).toMatchObject([
      { reason: 'code_reused' },
    ]);
  });
});

test('who says no, and a sign-in that comes to nothing, are told as such; so is a token that is refused', async () => {
  await withApp(async (proxy) => {
    const client = await register(proxy);
    const { browser, requestId } = await askConsent(proxy, client);
    await browser.submit('/consent', { request_id: requestId, decision: 'deny' });
    const asked = await askConsent(proxy, client);
    const cancelled = await cancelAt(await approve(asked));
    await asked.browser.get(`/callback${cancelled.search}`);
    await callMcp(proxy, 'no token of ours');
    await callMcp(proxy, 'not.a.token');
    await callMcp(proxy, undefined);

    expect(auditLines(proxy).filter(({ outcome }) => outcome === 'refused')).toMatchObject([
      { type: 'consent', endpoint: 'consent', code: 'access_denied', clientId: client.clientId },
      { type: 'sign_in', endpoint: 'callback', code: 'access_denied', clientId: client.clientId },
      { type: 'refusal', endpoint: 'mcp', code: 'invalid_token' },
      { type: 'refusal', endpoint: 'mcp', code: 'invalid_token' },
    ]);
  });
});

test('a machine is told of as a person is: its token, and the refusal of a wrong secret (docs/audit.md)', async () => {
  await withApp(async (proxy) => {
    const machine = await createMachine(proxy.db);
    await machineToken(proxy, machine);
    await requestMachineToken(proxy, { ...machine, clientSecret: 'wrong' });

    const { clientId } = machine;
    expect(auditLines(proxy)).toMatchObject([
      { type: 'token', how: 'client_credentials', clientId, subject: clientId, tokenId: expect.any(String) },
      { type: 'refusal', endpoint: 'token', code: 'invalid_client', reason: 'wrong client secret', clientId },
    ]);
  });
});

test('an approval that is remembered is told of as such, each time it counts', async () => {
  await withApp(async (proxy) => {
    const client = await register(proxy, { redirect_uris: ['https://claude.ai/api/mcp/auth_callback'] });
    const { browser } = await authorize(proxy, client);
    await browser.get(authorizeUrl(client, 'v'.repeat(43)));

    const consents = auditLines(proxy).filter(({ type }) => type === 'consent');
    expect(consents.map(({ how }) => how)).toEqual(['asked', 'remembered']);
  });
});

test('a token that is good, but not for this tool, is a refusal of its person (RFC 6750 §3.1)', async () => {
  const proxy = await startTestApp({
    environment: { TOOL_SCOPES: '{"rules":{"tools/call x":["tools:x"]}}' },
  });
  try {
    const client = await register(proxy);
    const { accessToken } = await signIn(proxy, client, { scope: 'openid' });
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } };
    const headers = { 'content-type': 'application/json' };
    await callMcp(proxy, accessToken, { method: 'POST', headers, payload: JSON.stringify(call) });

    expect(auditLines(proxy).at(-1)).toMatchObject({
      type: 'refusal',
      endpoint: 'mcp',
      code: 'insufficient_scope',
      email: ada.email,
      clientId: client.clientId,
    });
  } finally {
    await proxy.close();
  }
});

test('LOG_LEVEL=error leaves the trail in the log; only silent ends it', async () => {
  await withApp(async (proxy) => {
    await register(proxy);
    expect(auditLines(proxy)).toMatchObject([{ type: 'registration' }]);
    expect(proxy.log).toHaveLength(1);
  }, 'error');
  await withApp(async (proxy) => {
    await register(proxy);
    expect(proxy.log).toEqual([]);
  }, 'silent');
});

test('a User-Agent of many kilobytes is cut', async () => {
  await withApp(async (proxy) => {
    await callMcp(proxy, 'x', { headers: { 'user-agent': 'a'.repeat(10_000) } });
    const [line] = auditLines(proxy);
    expect(String(line?.userAgent)).toHaveLength(256);
  });
});

test('what people do at /account is told as theirs: who signed in, who could not, and each connection that they ended, once', async () => {
  await withApp(async (proxy) => {
    const client = await register(proxy);
    await signIn(proxy, client);
    await signIn(proxy, client);
    const stranger = openBrowser(proxy);
    const cancelled = await cancelAt(await beginAccount(stranger));
    await stranger.get(`/callback${cancelled.search}`);
    const { browser } = await openAccount(proxy);
    await end(browser, { app: 'not mine' });
    await Promise.all([end(browser, { everything: 'yes' }), end(browser, { app: client.clientId })]);

    const lines = auditLines(proxy).slice(-5);
    const ended = { type: 'revoke', what: 'grant', reason: 'revoked_by_person', clientId: client.clientId };
    expect(lines).toMatchObject([
      {
        type: 'sign_in',
        outcome: 'refused',
        endpoint: 'callback',
        code: 'account_refused',
        provider: 'oauth',
      },
      { type: 'sign_in', outcome: 'success', email: ada.email, provider: 'oauth' },
      { type: 'refusal', endpoint: 'account', code: 'account_no_connection' },
      { ...ended, email: ada.email },
      { ...ended, email: ada.email },
    ]);
    expect(lines[1]).not.toHaveProperty('clientId');
    expect(lines[3]?.subject).toBe(lines[1]?.subject);
    expect(lines[3]?.grantId).not.toBe(lines[4]?.grantId);
  });
});
