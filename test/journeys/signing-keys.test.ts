/** Signing keys over two instances, as clients and other verifiers see them (design §3.3, RFC 7517). */
import { decodeProtectedHeader } from 'jose';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { callMcp, refresh, register, signIn, type TestClient, tokensOf } from '../support/authorize.ts';
import { createClock, type TestClock } from '../support/clock.ts';
import { describePostgres } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { remote } from './remote.ts';

/** The MCP server's own answer to a request that accepts nothing: the proxy has let it through. */
const reachedMcpServer = 406;
const days = 86_400;

describePostgres('signing keys, two instances', () => {
  let site: Site;
  let clock: TestClock;
  let client: TestClient;
  beforeEach(async () => {
    clock = createClock();
    site = await startSite('postgres', {
      instances: 2,
      clock,
      environment: {
        ACCESS_TOKEN_TTL_SECONDS: String(7 * days),
        REFRESH_TOKEN_TTL_SECONDS: String(200 * days),
      },
    });
    client = await register(remote(site.front.origin));
  });
  afterEach(() => site.close());

  const instances = () => site.instances.map(({ origin }) => remote(origin));
  const kidOf = (token: string) => String(decodeProtectedHeader(token).kid);

  const publishedBy = async (instance: ReturnType<typeof remote>) =>
    (await instance.send({ url: '/jwks' })).json<{ keys: { kid: string }[] }>().keys.map(({ kid }) => kid);

  const callBoth = async (accessToken: string) => {
    const answers = await Promise.all(
      instances().map((instance) => callMcp(instance, accessToken, { method: 'POST' })),
    );
    return answers.map(({ statusCode }) => statusCode);
  };

  test('both publish the same keys, and each accepts what the other signs', async () => {
    const [first, second] = instances();
    if (first === undefined || second === undefined) throw new Error('there should be two');
    const { accessToken, refreshToken } = await signIn(first, client);

    const refreshed = tokensOf(await refresh(second, client, refreshToken));

    expect(await publishedBy(first)).toEqual([kidOf(accessToken)]);
    expect(await publishedBy(second)).toEqual([kidOf(refreshed.accessToken)]);
    expect(await callBoth(accessToken)).toEqual([reachedMcpServer, reachedMcpServer]);
    expect(await callBoth(refreshed.accessToken)).toEqual([reachedMcpServer, reachedMcpServer]);
  });

  test('after ninety days one makes a new key: the other accepts it at once, and tokens of the old one live on', async () => {
    const [first, second] = instances();
    if (first === undefined || second === undefined) throw new Error('there should be two');
    const { refreshToken } = await signIn(first, client);
    clock.advance({ days: 89 });
    const old = tokensOf(await refresh(first, client, refreshToken));
    clock.advance({ days: 2 });

    const fresh = tokensOf(await refresh(first, client, old.refreshToken));

    expect(kidOf(fresh.accessToken)).not.toBe(kidOf(old.accessToken));
    expect(await callBoth(fresh.accessToken)).toEqual([reachedMcpServer, reachedMcpServer]);
    expect(await callBoth(old.accessToken)).toEqual([reachedMcpServer, reachedMcpServer]);
    const published = [kidOf(old.accessToken), kidOf(fresh.accessToken)];
    expect(await publishedBy(first)).toEqual(published);
    expect(await publishedBy(second)).toEqual(published);
    const next = tokensOf(await refresh(second, client, fresh.refreshToken));
    expect(kidOf(next.accessToken)).toBe(kidOf(fresh.accessToken));
  });
});
