/** Real MCP clients walk the whole way: discovery, registration, consent, sign-in, calls, refresh, revocation. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { databaseKinds } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { type Connect, connectV1, connectV2, isSignInNeeded } from './mcp-client.ts';

const person = { name: 'Zoë 王小明 🦊', email: 'zoe@example.com' };

const clients: readonly (readonly [string, string, Connect])[] = [
  ['SDK 1.32', '2025-11-25', connectV1],
  ['SDK 2.4, legacy era', '2025-11-25', connectV2('legacy')],
  ['SDK 2.4, newest era', '2026-07-28', connectV2('auto')],
];

describe.each(databaseKinds)('on %s', (kind) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite(kind, { instances: kind === 'postgres' ? 2 : 1 });
  });
  afterAll(() => site.close());

  const mcpUrl = () => new URL('/mcp', site.front.origin);
  const callWith = async (accessToken: string) =>
    fetch(mcpUrl(), { method: 'POST', headers: { authorization: `Bearer ${accessToken}` } });
  /** Revokes a token, and returns when every instance behind the front refuses its access token: within a second. */
  const revoke = async (clientId: string, token: string, accessToken = token) => {
    await fetch(new URL('/revoke', site.front.origin), {
      method: 'POST',
      body: new URLSearchParams({ token, client_id: clientId }),
    });
    await vi.waitFor(
      async () => {
        const answers = await Promise.all([1, 2, 3, 4].map(async () => callWith(accessToken)));
        expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
      },
      { timeout: 1000, interval: 20 },
    );
  };

  test.each(clients)(
    '%s (%s) discovers, registers, signs in, and the MCP server knows who calls (MCP authorization, design §1)',
    async (_name, revision, connect) => {
      const client = await connect(mcpUrl(), { person });

      expect(client.protocolVersion).toBe(revision);
      expect(await client.call('whoami')).toEqual({
        user: expect.stringMatching(/^[0-9a-f]{20}$/) as string,
        email: 'zoe@example.com',
        name: 'Zoë 王小明 🦊',
        accessToken: expect.stringMatching(/^.{4}… \(\d+ characters\)$/) as string,
      });
      await client.close();
    },
  );

  test.each(clients)(
    '%s (%s) gets the progress of a long tool as it happens (MCP transports, protocol.md 125, 128)',
    async (_name, _revision, connect) => {
      const client = await connect(mcpUrl(), { person });
      const progress: number[] = [];

      const answer = await client.call('countdown', { from: 3, stepMs: 5 }, (step) => progress.push(step));

      expect(answer).toEqual({ countedDownFrom: 3 });
      expect(progress).toEqual([1, 2, 3]);
      await client.close();
    },
  );

  test.each(clients)(
    '%s (%s) refreshes by itself after a 401, and has to sign in again when its grant was revoked (RFC 7009 §2.1, OAuth 2.1 §4.3)',
    async (_name, _revision, connect) => {
      const client = await connect(mcpUrl(), { person });
      const first = client.tokens();

      await revoke(client.clientId, first?.access_token ?? '');
      expect(await client.call('echo', { text: 'after a refresh' })).toEqual({ text: 'after a refresh' });
      const second = client.tokens();
      expect(second?.access_token).not.toBe(first?.access_token);
      expect(second?.refresh_token).not.toBe(first?.refresh_token);

      await revoke(client.clientId, second?.refresh_token ?? '', second?.access_token);
      // SDK 2 says on the console that it throws its tokens away.
      const said = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
      await expect(client.call('echo', { text: 'never' })).rejects.toSatisfy(isSignInNeeded);
      said.mockRestore();
      expect(client.tokens()).toBeUndefined();
      const refused = await callWith(second?.access_token ?? '');
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
      await client.close();
    },
  );

  test('each person has their own counter behind the proxy, whatever client they use (design §2)', async () => {
    const [hers, his] = await Promise.all([
      connectV1(mcpUrl(), { person: { name: 'Her', email: 'her@example.com' } }),
      connectV2('auto')(mcpUrl(), { person: { name: 'Him', email: 'him@example.com' } }),
    ]);

    await hers.call('counter');

    expect(await hers.call('counter')).toMatchObject({ count: 2 });
    expect(await his.call('counter')).toMatchObject({ count: 1 });
    await Promise.all([hers.close(), his.close()]);
  });

  test.each([
    ['SDK 1.32', connectV1],
    ['SDK 2.4', connectV2('auto')],
  ] as const)(
    '%s that finds no discovery document uses /authorize, /token and /register at the origin root (MCP 2025-03-26, protocol.md 10)',
    async (_name, connect) => {
      const hidden: string[] = [];
      const fetchWithoutDiscovery = async (input: string | URL, init?: RequestInit) => {
        const { pathname } = new URL(input);
        if (!pathname.includes('/.well-known/')) return fetch(input, init);
        hidden.push(pathname);
        return new Response('not found', { status: 404 });
      };

      const client = await connect(mcpUrl(), { person, fetch: fetchWithoutDiscovery });

      expect(hidden).toContain('/.well-known/oauth-authorization-server');
      expect(await client.call('whoami')).toMatchObject({ email: 'zoe@example.com' });
      await client.close();
    },
  );
});
