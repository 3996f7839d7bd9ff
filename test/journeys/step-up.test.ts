/** Real MCP clients call a tool that needs more than they have, and the person gives it (MCP 2026-07-28, "Step-Up Authorization Flow"). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ScriptedBrowser } from '../../scripts/scripted-browser.ts';
import { databaseKinds } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { type Connect, type ConnectedClient, connectV1, connectV2, isSignInNeeded } from './mcp-client.ts';

const person = { name: 'Zoë 王小明 🦊', email: 'zoe@example.com' };

const clients: readonly (readonly [string, Connect])[] = [
  ['SDK 1.32 (2025-11-25)', connectV1],
  ['SDK 2.4 (2025-11-25)', connectV2('legacy')],
  ['SDK 2.4 (2026-07-28)', connectV2('auto')],
];

const policy = {
  rules: { 'tools/call count*': ['calls:count'], 'tools/call counter': ['calls:write'] },
  scopes: { 'calls:write': { words: 'Count your calls' } },
};

describe.each(databaseKinds)('on %s', (kind) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite(kind, {
      instances: kind === 'postgres' ? 2 : 1,
      environment: { TOOL_SCOPES: JSON.stringify(policy) },
    });
  });
  afterAll(() => site.close());

  const mcpUrl = () => new URL('/mcp', site.front.origin);
  /** SDK 2 asks for `offline_access` by itself. */
  const scopesOf = (scope: string | null | undefined) =>
    scope
      ?.split(' ')
      .filter((token) => token !== 'offline_access')
      .toSorted();
  const post = async (path: string, form: Record<string, string>) =>
    fetch(new URL(path, site.front.origin), { method: 'POST', body: new URLSearchParams(form) });
  const expectRefusal = async (client: ConnectedClient) => {
    await expect(client.call('counter')).rejects.toSatisfy(isSignInNeeded);
  };

  test.each(clients)(
    '%s: connects with the default, is sent to ask for all that the tool needs and keeps what it has, and a refresh keeps it (protocol.md 100)',
    async (_name, connect) => {
      const client = await connect(mcpUrl(), { person });
      expect(scopesOf(client.tokens()?.scope)).toEqual(['email', 'openid', 'profile']);
      expect(await client.call('echo', { text: 'ordinary' })).toEqual({ text: 'ordinary' });
      const before = client.tokens();

      await expectRefusal(client);

      const asked = client.authorizationUrl ?? new URL('about:blank');
      const all = ['calls:count', 'calls:write', 'email', 'openid', 'profile'];
      expect(scopesOf(asked.searchParams.get('scope'))).toEqual(all);
      const { html: page } = await new ScriptedBrowser().open(asked.href);
      expect(page).toContain('Count your calls');
      expect(page).toContain('calls:count');
      expect(client.tokens()?.access_token).toBe(before?.access_token);

      await client.signInAgain();
      expect(await client.call('counter')).toMatchObject({ count: expect.any(Number) as number });
      expect(scopesOf(client.tokens()?.scope)).toEqual(all);

      const wide = client.tokens();
      await post('/revoke', { token: wide?.access_token ?? '', client_id: client.clientId });
      await expect
        .poll(async () => client.call('counter'))
        .toMatchObject({ count: expect.any(Number) as number });
      await expect.poll(() => client.tokens()?.access_token).not.toBe(wide?.access_token);
      expect(scopesOf(client.tokens()?.scope)).toEqual(all);
      await client.close();
    },
  );

  test.each(clients)(
    '%s: a person who says no leaves it with what it had (protocol.md 113)',
    async (_name, connect) => {
      const client = await connect(mcpUrl(), { person });
      await expectRefusal(client);
      const asked = client.authorizationUrl?.href ?? '';
      const redirectUri = new URL(asked).searchParams.get('redirect_uri') ?? '';

      const answer = await new ScriptedBrowser().connect(asked, { ...person, redirectUri, decision: 'deny' });

      expect(answer.searchParams.get('error')).toBe('access_denied');
      expect(await client.call('echo', { text: 'still here' })).toEqual({ text: 'still here' });
      await client.close();
    },
  );
});
