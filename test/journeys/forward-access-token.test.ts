/** FORWARD_ACCESS_TOKEN=false: the MCP server does not get the provider's token, and the sign-in is followed all the same. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { callMcp, register, signIn, type TestClient } from '../support/authorize.ts';
import { verifies } from '../conformance/verifies.ts';
import { createClock, type TestClock } from '../support/clock.ts';
import { databaseKinds } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { sampleClient } from '../support/sample-provider.ts';
import { remote } from './remote.ts';
import { whoami } from './whoami.ts';

let site: Site;
let clock: TestClock;
let client: TestClient;
beforeEach(async () => {
  clock = createClock();
  site = await startSite(databaseKinds[0] ?? 'embedded', {
    clock,
    environment: { FORWARD_ACCESS_TOKEN: 'false', ACCESS_TOKEN_TTL_SECONDS: '86400' },
    provider: { accessTokenTtlSeconds: 600 },
  });
  client = await register(remote(site.front.origin));
});
afterEach(() => site.close());

const call = async (accessToken: string) => callMcp(remote(site.front.origin), accessToken, whoami);
const tokenRequests = () => site.provider.passed.filter(({ path }) => path === '/token');

test('the MCP server is told who calls, and no token; it is still refreshed, so that an end is noticed (protocol.md 119)', async () => {
  const { accessToken } = await signIn(remote(site.front.origin), client);
  clock.advance({ minutes: 11 });

  const answer = await call(accessToken);

  expect(answer.statusCode).toBe(200);
  expect(answer.body).toContain('ada@example.com');
  expect(answer.body).not.toContain('accessToken');
  expect(
    tokenRequests().map(({ requestBody }) => new URLSearchParams(requestBody).get('grant_type')),
  ).toEqual(['authorization_code', 'refresh_token']);
});

test(
  'a sign-in that the provider has ended ends the grant: 401 (protocol.md 120)',
  verifies('bound-to-provider'),
  async () => {
    const { accessToken } = await signIn(remote(site.front.origin), client);
    const { refresh_token: token } = JSON.parse(tokenRequests().at(-1)?.responseBody ?? '') as {
      refresh_token: string;
    };
    await fetch(`${site.provider.origin}/token/revocation`, {
      method: 'POST',
      body: new URLSearchParams({
        token,
        client_id: sampleClient.clientId,
        client_secret: sampleClient.clientSecret,
      }),
    });
    clock.advance({ minutes: 11 });

    expect((await call(accessToken)).statusCode).toBe(401);
    expect((await call(accessToken)).statusCode).toBe(401);
  },
);

test(
  'a provider that is away stops nobody: nothing is wanted from it',
  verifies('bound-to-provider'),
  async () => {
    const { accessToken } = await signIn(remote(site.front.origin), client);
    site.setProviderAway(true);
    clock.advance({ minutes: 11 });

    expect((await call(accessToken)).statusCode).toBe(200);
  },
);
