/** The identity provider's token of a person, over two instances: refreshed once, kept alive, ended when it is over. */
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { callMcp, refresh, register, signIn, type TestClient, tokensOf } from '../support/authorize.ts';
import { createClock, type TestClock } from '../support/clock.ts';
import { describePostgres } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { sampleClient } from '../support/sample-provider.ts';
import { remote } from './remote.ts';
import { whoami } from './whoami.ts';

const tokenAnswer = z.object({ access_token: z.string(), refresh_token: z.string() });

describePostgres('the provider’s token, two instances', () => {
  let site: Site;
  let clock: TestClock;
  let client: TestClient;
  beforeEach(async () => {
    clock = createClock();
    site = await startSite('postgres', {
      instances: 2,
      clock,
      environment: { ACCESS_TOKEN_TTL_SECONDS: '86400' },
      provider: { accessTokenTtlSeconds: 600 },
    });
    client = await register(remote(site.front.origin));
  });
  afterEach(() => site.close());

  const instances = () => site.instances.map(({ origin }) => remote(origin));

  /** What the provider was asked for at its token endpoint, and what it gave. */
  const exchanges = () =>
    site.provider.passed
      .filter(({ path, method }) => path === '/token' && method === 'POST')
      .map(({ requestBody, responseBody, status }) => ({
        grantType: new URLSearchParams(requestBody).get('grant_type'),
        status,
        responseBody,
      }));
  const refreshes = () => exchanges().filter(({ grantType }) => grantType === 'refresh_token');
  const given = () => tokenAnswer.parse(JSON.parse(exchanges().at(-1)?.responseBody ?? ''));

  /** `whoami`, some times at each instance, all at once. */
  const callAll = async (accessToken: string, times = 10) =>
    Promise.all(
      Array.from({ length: times }, () =>
        instances().map((instance) => callMcp(instance, accessToken, whoami)),
      ).flat(),
    );

  const statusesOf = (answers: Awaited<ReturnType<typeof callAll>>) => [
    ...new Set(answers.map(({ statusCode }) => statusCode)),
  ];

  test('of twenty parallel calls to both instances one refreshes it, and all pass the new one on (design §3.9)', async () => {
    const { accessToken } = await signIn(remote(site.front.origin), client);
    await callAll(accessToken, 1);
    clock.advance({ minutes: 11 });

    const answers = await callAll(accessToken);

    expect(statusesOf(answers)).toEqual([200]);
    expect(refreshes()).toHaveLength(1);
    const passedOn = given().access_token;
    expect(answers.filter(({ body }) => !body.includes(`${passedOn.slice(0, 4)}… (`))).toEqual([]);
  });

  test('of 200 parallel calls to three instances at the moment of expiry one refreshes it, and none fails (issue 4, "done when")', async () => {
    const three = await startSite('postgres', {
      instances: 3,
      clock,
      environment: { ACCESS_TOKEN_TTL_SECONDS: '86400', MCP_RATE_LIMIT_MAX: '1000000' },
      provider: { accessTokenTtlSeconds: 600 },
    });
    onTestFinished(() => three.close());
    const front = remote(three.front.origin);
    const { accessToken } = await signIn(front, await register(front));
    const refreshes = () =>
      three.provider.passed.filter(({ requestBody }) => requestBody.includes('grant_type=refresh_token'));
    clock.advance({ minutes: 10 });

    const answers = await Promise.all(Array.from({ length: 200 }, () => callMcp(front, accessToken, whoami)));

    expect(statusesOf(answers)).toEqual([200]);
    expect(refreshes().map(({ status }) => status)).toEqual([200]);
    const passedOn = tokenAnswer.parse(JSON.parse(refreshes()[0]?.responseBody ?? '')).access_token;
    expect(answers.filter(({ body }) => !body.includes(`${passedOn.slice(0, 4)}… (`))).toEqual([]);
    const served = three.front.passed.filter(({ path }) => path === '/mcp').map(({ target }) => target);
    expect(new Set(served).size).toBe(3);
  });

  test('it is refreshed before it expires, again and again, with a refresh token that changes each time (design §3.9)', async () => {
    const { accessToken } = await signIn(remote(site.front.origin), client);

    for (const round of [1, 2, 3]) {
      clock.advance({ minutes: 10 });
      expect(statusesOf(await callAll(accessToken, 2))).toEqual([200]);
      expect(refreshes()).toHaveLength(round);
    }

    expect(refreshes().map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test('a sign-in that the provider has ended ends the grant: 401 at both, and no more refresh (protocol.md 120, design §3.8)', async () => {
    const tokens = await signIn(remote(site.front.origin), client);
    await callAll(tokens.accessToken, 1);
    const revoked = await fetch(`${site.provider.origin}/token/revocation`, {
      method: 'POST',
      body: new URLSearchParams({
        token: given().refresh_token,
        client_id: sampleClient.clientId,
        client_secret: sampleClient.clientSecret,
      }),
    });
    expect(revoked.status).toBe(200);
    clock.advance({ minutes: 11 });

    const answers = await callAll(tokens.accessToken);

    expect(statusesOf(answers)).toEqual([401]);
    expect(answers[0]?.headers['www-authenticate']).toContain('error="invalid_token"');
    const refused = await refresh(remote(site.front.origin), client, tokens.refreshToken);
    expect(refused.statusCode).toBe(400);
    expect(refused.json()).toMatchObject({ error: 'invalid_grant' });
  });

  test('while the provider is away the token is used as long as it lives; then 503, and nothing is lost (design §3.8)', async () => {
    const tokens = await signIn(remote(site.front.origin), client);
    await callAll(tokens.accessToken, 1);
    site.setProviderAway(true);

    clock.advance({ minutes: 9, seconds: 45 });
    expect(statusesOf(await callAll(tokens.accessToken))).toEqual([200]);

    clock.advance({ minutes: 1 });
    const answers = await callAll(tokens.accessToken);
    expect(statusesOf(answers)).toEqual([503]);
    expect(Number(answers[0]?.headers['retry-after'])).toBeGreaterThan(0);
    expect(answers[0]?.json()).toMatchObject({ error: 'temporarily_unavailable' });
    expect((await refresh(remote(site.front.origin), client, tokens.refreshToken)).statusCode).toBe(200);

    site.setProviderAway(false);
    clock.advance({ seconds: 10 });
    expect(statusesOf(await callAll(tokens.accessToken))).toEqual([200]);
  });

  test('the answer of the provider is stored before it is used: another instance goes on with it (design §3.9)', async () => {
    const tokens = await signIn(remote(site.front.origin), client);
    const [first, second] = instances();
    if (first === undefined || second === undefined) throw new Error('there should be two');
    clock.advance({ minutes: 11 });

    await callMcp(first, tokens.accessToken, whoami);
    const passedOn = given().access_token;
    const answer = await callMcp(second, tokens.accessToken, whoami);

    expect(answer.body).toContain(`${passedOn.slice(0, 4)}… (`);
    expect(refreshes()).toHaveLength(1);
  });

  test('tokens that we issue do not depend on the provider’s life times (protocol.md, P5)', async () => {
    const tokens = await signIn(remote(site.front.origin), client);
    clock.advance({ hours: 23 });

    const refreshed = tokensOf(await refresh(remote(site.front.origin), client, tokens.refreshToken));

    expect(statusesOf(await callAll(refreshed.accessToken, 1))).toEqual([200]);
    expect(statusesOf(await callAll(tokens.accessToken, 1))).toEqual([200]);
  });
});
