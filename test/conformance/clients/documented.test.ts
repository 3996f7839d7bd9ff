/** Clients that nobody recorded: what they are known to send, from registration to refresh. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { knownClients } from '../../../src/protocol/known-clients.ts';
import {
  authorize,
  callMcp,
  redeem,
  refresh,
  registerByOperator,
  type TestClient,
  tokensOf,
} from '../../support/authorize.ts';
import { createClock } from '../../support/clock.ts';
import { openSite, type Outside } from '../outside.ts';
import { type DocumentedClient, documentedClients } from './documented-clients.ts';

/** The MCP server's own answer to a request that accepts nothing: the proxy has let it through. */
const reachedMcpServer = 406;

let outside: Outside;
beforeAll(async () => {
  outside = await openSite();
});
afterAll(() => outside.site.close());

/** The client, as it is told what was registered for it. */
async function introduce({ registers, madeByOperator, callback }: DocumentedClient): Promise<TestClient> {
  const { proxy, site } = outside;
  if (registers === undefined) {
    const made = await registerByOperator({ db: site.database.db, clock: createClock() }, madeByOperator);
    return { ...made, redirectUri: callback };
  }
  const answer = await proxy.send({ method: 'POST', url: '/register', payload: registers });
  expect(answer.statusCode).toBe(201);
  const { redirect_uris, client_name, token_endpoint_auth_method } = registers;
  const registered = answer.json<{ client_id: string; client_secret?: string }>();
  expect(registered).toMatchObject({ redirect_uris, client_name, token_endpoint_auth_method });
  expect(Object.values(registered)).not.toContain(null);
  return { clientId: registered.client_id, clientSecret: registered.client_secret, redirectUri: callback };
}

/** The scopes that the protected resource names: most clients ask for all of them. */
async function allScopes(): Promise<string> {
  const answer = await outside.proxy.send({ url: '/.well-known/oauth-protected-resource/mcp' });
  return answer.json<{ scopes_supported: string[] }>().scopes_supported.join(' ');
}

const named = knownClients.map(({ id, name }) => ({ name, sent: documentedClients[id] }));

test.each(named.filter(({ sent }) => sent !== undefined))(
  '$name registers, is approved, calls and refreshes with the requests that it is known to send (clients.md 6.1)',
  async ({ sent }) => {
    if (sent === undefined) throw new Error('unreachable');
    const { proxy, issuer } = outside;
    const resource = `${issuer}/mcp`;
    const client = await introduce(sent);
    const scope = 'scope' in sent ? sent.scope : await allScopes();

    const authorization = await authorize(proxy, client, { resource, scope });
    expect(authorization.location.href.startsWith(sent.callback)).toBe(true);
    const first = tokensOf(await redeem(proxy, client, authorization, { resource }));
    const inRefresh = sent.resourceInRefresh === false ? {} : { resource };
    const second = tokensOf(await refresh(proxy, client, first.refreshToken, inRefresh));

    for (const { accessToken } of [first, second]) {
      const answer = await callMcp(proxy, accessToken, { method: 'POST' });
      expect(answer.statusCode).toBe(reachedMcpServer);
    }
  },
);
