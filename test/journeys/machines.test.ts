/** Machines and introspection over the network: real clients, two instances on one PostgreSQL, and a crash. */
import {
  Client as ClientV2,
  ClientCredentialsProvider as ProviderV2,
  PrivateKeyJwtProvider as PrivateKeyProvider,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client';
import { ClientCredentialsProvider as ProviderV1 } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { decodeJwt, exportJWK, exportPKCS8 } from 'jose';
import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  callMcp,
  refresh,
  register,
  revoke,
  signIn,
  type TestClient,
  tokensOf,
} from '../support/authorize.ts';
import { readClientJwks } from '../../src/protocol/client-keys.ts';
import { databaseKinds, describePostgres } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { withAdmin } from '../support/postgres.ts';
import { poll } from '../support/process.ts';
import {
  createIntrospector,
  createMachine,
  introspect,
  machineToken,
  requestMachineToken,
} from '../support/servers.ts';
import { remote } from './remote.ts';

/** The MCP server's own answer to a request that accepts nothing: the proxy has let it through. */
const reachedMcpServer = 406;
const clientInfo = { name: 'nightly job', version: '1.0.0' };
const onLoopback = { [oauth.allowInsecureRequests]: true } as const;

describe('real clients', () => {
  let site: Site;
  let machine: TestClient;
  beforeAll(async () => {
    site = await startSite(databaseKinds[0] ?? 'embedded');
    machine = await createMachine(site.database.db);
  });
  afterAll(() => site.close());

  const options = () => ({
    clientId: machine.clientId,
    clientSecret: machine.clientSecret ?? '',
    expectedIssuer: site.front.origin,
  });
  const mcpUrl = () => new URL('/mcp', site.front.origin);
  const expectIdentity = (answer: unknown) => {
    expect(answer).toMatchObject({ structuredContent: { user: machine.clientId } });
    expect(answer).not.toHaveProperty('structuredContent.email');
  };

  test('SDK 1.32 connects with its ClientCredentialsProvider and calls a tool (RFC 6749 §4.4, protocol.md 87)', async () => {
    const client = new ClientV1(clientInfo);
    await client.connect(new TransportV1(mcpUrl(), { authProvider: new ProviderV1(options()) }));

    expectIdentity(await client.callTool({ name: 'whoami', arguments: {} }));

    await client.close();
  });

  test('SDK 2.4 does, though it asks for the scopes that the challenge names for people (RFC 6749 §3.3, protocol.md 87)', async () => {
    const client = new ClientV2(clientInfo, { versionNegotiation: { mode: 'auto' } });
    const authProvider = new ProviderV2(options());
    const asked: (string | null)[] = [];
    const recorded: typeof fetch = async (input, init) => {
      if (init?.body instanceof URLSearchParams) asked.push(init.body.get('scope'));
      return fetch(input, init);
    };
    await client.connect(new TransportV2(mcpUrl(), { authProvider, fetch: recorded }));

    expectIdentity(await client.callTool({ name: 'whoami', arguments: {} }));

    expect(asked).toEqual(['openid profile email']);
    expect(authProvider.tokens()?.scope).toBe('tools:read tools:write');
    await client.close();
  });

  test('a machine with a key and no secret connects with the PrivateKeyJwtProvider of SDK 2.4 (RFC 7523 §2.2, protocol.md 86)', async () => {
    const { publicKey, privateKey } = await oauth.generateKeyPair('ES256', { extractable: true });
    const { kty, crv, x, y } = await exportJWK(publicKey);
    const jwks = readClientJwks({ keys: [{ kty, crv, x, y }] });
    if ('problem' in jwks) throw new Error(jwks.problem);
    const { clientId } = await createMachine(site.database.db, { jwks });
    const authProvider = new PrivateKeyProvider({
      clientId,
      privateKey: await exportPKCS8(privateKey),
      algorithm: 'ES256',
      expectedIssuer: site.front.origin,
    });
    const client = new ClientV2(clientInfo);
    await client.connect(new TransportV2(mcpUrl(), { authProvider }));

    const answer = await client.callTool({ name: 'whoami', arguments: {} });

    expect(answer).toMatchObject({ structuredContent: { user: clientId } });
    await client.close();
  });

  test('oauth4webapi, which checks everything, gets a token of the profile, introspects and revokes it (RFC 6749 §4.4, RFC 7662, RFC 9068)', async () => {
    const issuer = new URL(site.front.origin);
    const resource = mcpUrl().href;
    const as = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...onLoopback }),
    );
    const client = { client_id: machine.clientId };
    const server = await createIntrospector(site.database.db, { resource });
    const authentication = oauth.ClientSecretBasic(machine.clientSecret ?? '');
    const introspectAt = async (token: string) =>
      oauth.processIntrospectionResponse(
        as,
        { client_id: server.clientId },
        await oauth.introspectionRequest(
          as,
          { client_id: server.clientId },
          oauth.ClientSecretBasic(server.clientSecret ?? ''),
          token,
          onLoopback,
        ),
      );

    const parameters = new URLSearchParams({ resource, scope: 'tools:read' });
    const response = await oauth.clientCredentialsGrantRequest(
      as,
      client,
      authentication,
      parameters,
      onLoopback,
    );
    const tokens = await oauth.processClientCredentialsResponse(as, client, response);

    expect(tokens).not.toHaveProperty('refresh_token');
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    const claims = await oauth.validateJwtAccessToken(
      as,
      new Request(resource, { headers }),
      resource,
      onLoopback,
    );
    expect(claims).toMatchObject({ sub: machine.clientId, client_id: machine.clientId, scope: 'tools:read' });
    const { iss, aud, sub, client_id, jti, iat, exp, scope } = claims;
    expect(await introspectAt(tokens.access_token)).toEqual({
      active: true,
      token_type: 'Bearer',
      iss,
      aud,
      sub,
      client_id,
      jti,
      iat,
      exp,
      scope,
    });

    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, client, authentication, tokens.access_token, onLoopback),
    );
    expect(await introspectAt(tokens.access_token)).toEqual({ active: false });
  });
});

describePostgres('two instances', () => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite('postgres', { instances: 2 });
  });
  afterAll(() => site.close());

  const front = () => remote(site.front.origin);
  const instances = () => site.instances.map(({ origin }) => remote(origin));
  const callBoth = async (token: string) =>
    Promise.all(
      instances().map(async (instance) => (await callMcp(instance, token, { method: 'POST' })).statusCode),
    );
  async function timeUntilRefused(token: string): Promise<number> {
    const from = performance.now();
    await poll(async () => (await callBoth(token)).every((status) => status === 401));
    return performance.now() - from;
  }
  const administer = async (statement: string, values: readonly unknown[]) =>
    withAdmin(site.database.dsn ?? '', (admin) => admin.query(statement, [...values]));

  test('forty requests at once on both give forty tokens of one grant (RFC 6749 §4.4)', async () => {
    const machine = await createMachine(site.database.db);

    const tokens = await Promise.all(
      Array.from({ length: 20 }, () =>
        instances().map(async (instance) => machineToken(instance, machine)),
      ).flat(),
    );

    expect(new Set(tokens).size).toBe(40);
    expect(await callBoth(tokens[0] ?? '')).toEqual([reachedMcpServer, reachedMcpServer]);
    const { rows } = await administer('select grant_id from grants where client_id = $1', [machine.clientId]);
    expect(rows).toHaveLength(1);
  });

  test.each<[string, (machine: TestClient, token: string) => Promise<unknown>]>([
    ['its client revokes it', async (machine, token) => revoke(front(), machine, token)],
    [
      'the operator revokes its grant',
      async ({ clientId }) =>
        administer('update grants set revoked_at = now() where client_id = $1', [clientId]),
    ],
    [
      'the operator deletes its client',
      async ({ clientId }) => administer('delete from clients where client_id = $1', [clientId]),
    ],
  ])('a machine’s token is refused by both within a second after %s (design §3.4)', async (_, end) => {
    const machine = await createMachine(site.database.db);
    const token = await machineToken(front(), machine);
    expect(await callBoth(token)).toEqual([reachedMcpServer, reachedMcpServer]);

    await end(machine, token);

    expect(await timeUntilRefused(token)).toBeLessThan(1000);
  });

  test('introspection asks the database: after a revocation at one, the other says so in the next moment (RFC 7662 §2.2)', async () => {
    const [first, second] = instances();
    if (first === undefined || second === undefined) throw new Error('there should be two');
    const server = await createIntrospector(site.database.db);
    const machine = await createMachine(site.database.db);
    const token = await machineToken(first, machine);
    const ask = async () => (await introspect(second, server, token)).json<{ active: boolean }>().active;
    expect(await ask()).toBe(true);

    await revoke(first, machine, token);

    expect(await ask()).toBe(false);
  });

  test('a grant that is revoked while both issue takes its tokens along; one that begins after it lives (RFC 6749 §4.4, design §3.4)', async () => {
    const machine = await createMachine(site.database.db);
    const revokeGrant = async () =>
      administer('update grants set revoked_at = now() where client_id = $1 and revoked_at is null', [
        machine.clientId,
      ]);

    const [tokens] = await Promise.all([
      Promise.all(
        Array.from({ length: 20 }, () =>
          instances().map(async (instance) => machineToken(instance, machine)),
        ).flat(),
      ),
      revokeGrant().then(revokeGrant).then(revokeGrant),
    ]);

    const { rows } = await administer(
      'select jti::text, grants.revoked_at is not null as is_over from access_tokens join grants using (grant_id) where client_id = $1',
      [machine.clientId],
    );
    expect(rows).toHaveLength(40);
    const dead = new Set(rows.filter(({ is_over }) => is_over === true).map(({ jti }) => String(jti)));
    const isDead = (token: string) => dead.has(String(decodeJwt(token).jti));
    for (const token of tokens.filter(isDead)) expect(await timeUntilRefused(token)).toBeLessThan(1000);
    for (const token of tokens.filter((token) => !isDead(token)))
      expect(await callBoth(token)).toEqual([reachedMcpServer, reachedMcpServer]);
    const standing = await administer('select from grants where client_id = $1 and revoked_at is null', [
      machine.clientId,
    ]);
    expect(standing.rows.length).toBeLessThanOrEqual(1);
  });

  test('ten machines delete and ask at once: each is refused or its token is dead on both (design §3.4)', async () => {
    const machines = await Promise.all(
      Array.from({ length: 10 }, async () => createMachine(site.database.db)),
    );

    const answers = await Promise.all(
      machines.map(async (machine) => {
        const [answer] = await Promise.all([
          requestMachineToken(front(), machine),
          administer('delete from clients where client_id = $1', [machine.clientId]),
        ]);
        return answer;
      }),
    );

    for (const answer of answers) {
      expect([200, 401]).toContain(answer.statusCode);
      if (answer.statusCode !== 200) continue;
      expect(await timeUntilRefused(answer.json<{ access_token: string }>().access_token)).toBeLessThan(1000);
    }
  });

  test('twenty parallel refreshes give one successor; used in turn at once, it leads everyone to the newest (design §3.7, protocol.md 48)', async () => {
    const client = await register(front());
    const { refreshToken } = await signIn(front(), client);
    const refreshAll = async (token: string) =>
      (
        await Promise.all(
          Array.from({ length: 10 }, () =>
            instances().map(async (instance) => refresh(instance, client, token)),
          ).flat(),
        )
      ).map(tokensOf);

    const second = await refreshAll(refreshToken);
    const third = await refreshAll(second[0]?.refreshToken ?? '');
    const late = await refreshAll(refreshToken);

    for (const tokens of [second, third]) {
      expect(new Set(tokens.map((pair) => pair.refreshToken)).size).toBe(1);
      expect(new Set(tokens.map((pair) => pair.accessToken)).size).toBe(1);
    }
    expect(late).toEqual(third);
    expect(await callBoth(third[0]?.accessToken ?? '')).toEqual([reachedMcpServer, reachedMcpServer]);
  });
});
