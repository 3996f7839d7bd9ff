/** Clients that no person meets, as the operator makes them: machines, and MCP servers that introspect. */
import { registerClient } from '../../src/flows/register-client.ts';
import type { ClientJwks } from '../../src/protocol/client-keys.ts';
import { machineGrantTypes } from '../../src/protocol/token-request.ts';
import type { Database } from '../../src/repositories/database.ts';
import type { Answer, TestApp } from './app.ts';
import type { TestClient } from './authorize.ts';
import { type Parameters, postForm } from './browser.ts';

interface Choice {
  /** Its public keys: it then has no secret. */
  readonly jwks?: ClientJwks;
  readonly scopes?: readonly string[];
  readonly resource?: string;
}

/** `create-client --machine`: it may have these scopes, and no others. */
export async function createMachine(
  db: Database,
  { scopes = ['tools:read', 'tools:write'], resource, jwks }: Choice = {},
): Promise<TestClient> {
  return create(db, { grantTypes: machineGrantTypes, scopes, resource, jwks, mayIntrospect: false });
}

/** `create-client --introspect`. */
export async function createIntrospector(db: Database, { resource, jwks }: Choice = {}): Promise<TestClient> {
  return create(db, { grantTypes: [], scopes: undefined, resource, jwks, mayIntrospect: true });
}

async function create(
  db: Database,
  {
    grantTypes,
    scopes,
    jwks,
    ...choice
  }: {
    readonly grantTypes: readonly string[];
    readonly scopes: readonly string[] | undefined;
    readonly resource: string | undefined;
    readonly jwks: ClientJwks | undefined;
    readonly mayIntrospect: boolean;
  },
): Promise<TestClient> {
  const { client, clientSecret } = await registerClient(
    { db, clock: () => new Date() },
    {
      metadata: {
        clientName: 'Nightly job',
        redirectUris: [],
        tokenEndpointAuthMethod: jwks === undefined ? 'client_secret_basic' : 'private_key_jwt',
        grantTypes,
        responseTypes: [],
        scopes,
        informational: {},
        jwks,
        jwksUri: undefined,
      },
      source: 'operator',
      choice,
    },
  );
  return { clientId: client.clientId, clientSecret, redirectUri: '' };
}

export async function requestMachineToken(
  proxy: TestApp,
  client: TestClient,
  changed: Parameters = {},
): Promise<Answer> {
  return postForm(proxy, '/token', {
    grant_type: 'client_credentials',
    client_id: client.clientId,
    client_secret: client.clientSecret,
    ...changed,
  });
}

/** The access token of a machine that must get one. */
export async function machineToken(
  proxy: TestApp,
  client: TestClient,
  changed: Parameters = {},
): Promise<string> {
  const answer = await requestMachineToken(proxy, client, changed);
  if (answer.statusCode !== 200) throw new Error(`no token, but ${answer.statusCode}: ${answer.body}`);
  return answer.json<{ access_token: string }>().access_token;
}

export async function introspect(
  proxy: TestApp,
  client: TestClient,
  token: string | undefined,
  changed: Parameters = {},
): Promise<Answer> {
  const { clientId: client_id, clientSecret: client_secret } = client;
  return postForm(proxy, '/introspect', { token, client_id, client_secret, ...changed });
}
