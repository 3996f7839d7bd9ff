/** USER_REVALIDATION_SECONDS: the provider is asked about people who call, and what it says about them holds everywhere. */
import { expect, onTestFinished, test } from 'vitest';
import { callMcp, refresh, register, registerStranger, signIn } from '../support/authorize.ts';
import { createClock } from '../support/clock.ts';
import { describePostgres } from '../support/database.ts';
import { startSite } from '../support/instances.ts';
import { poll } from '../support/process.ts';
import { sampleClient } from '../support/sample-provider.ts';
import { remote } from './remote.ts';
import { whoami } from './whoami.ts';

describePostgres('revalidation, two instances', () => {
  /** The provider's access tokens live for a day: they alone would be no reason to ask. */
  async function start(environment: Readonly<Record<string, string>> = { USER_REVALIDATION_SECONDS: '600' }) {
    const clock = createClock();
    const site = await startSite('postgres', {
      instances: 2,
      clock,
      environment: { ACCESS_TOKEN_TTL_SECONDS: '86400', ...environment },
      provider: { accessTokenTtlSeconds: 86_400 },
    });
    onTestFinished(() => site.close());
    const front = remote(site.front.origin);
    const client = await register(front);
    const tokens = await signIn(front, client);
    /** Calls at both instances, all at once. */
    const callAll = async ({ accessToken } = tokens, times = 5) => {
      const answers = await Promise.all(
        Array.from({ length: times }, () =>
          site.instances.map(async ({ origin }) => callMcp(remote(origin), accessToken, whoami)),
        ).flat(),
      );
      return [...new Set(answers.map(({ statusCode }) => statusCode))];
    };
    const given = () =>
      site.provider.passed
        .filter(({ path, status }) => path === '/token' && status === 200)
        .map(({ responseBody }) => JSON.parse(responseBody) as { refresh_token: string })
        .at(-1)?.refresh_token ?? '';
    const refreshes = () =>
      site.provider.passed.filter(({ requestBody }) => requestBody.includes('grant_type=refresh_token'));
    const endAtProvider = async () =>
      fetch(`${site.provider.origin}/token/revocation`, {
        method: 'POST',
        body: new URLSearchParams({
          token: given(),
          client_id: sampleClient.clientId,
          client_secret: sampleClient.clientSecret,
        }),
      });
    await callAll();
    return { clock, site, front, client, tokens, callAll, refreshes, endAtProvider };
  }

  test('of all calls one asks, once in each period, and none waits (issue 4, item 5)', async () => {
    const { clock, callAll, refreshes } = await start();
    clock.advance({ minutes: 7 });
    expect(await callAll()).toEqual([200]);
    expect(refreshes()).toHaveLength(0);

    for (const round of [1, 2]) {
      clock.advance({ minutes: 10 });
      expect(await callAll()).toEqual([200]);
      await poll(async () => refreshes().filter(({ status }) => status === 200).length === round);
      await callAll();
    }

    expect(refreshes()).toHaveLength(2);
  });

  test('whoever is over at the provider is out at both, and no one else (protocol.md 120, OAuth 2.1 §4.3.3)', async () => {
    const { clock, front, client, tokens, callAll, endAtProvider } = await start();
    await endAtProvider();
    const other = await signIn(front, await registerStranger(front));
    clock.advance({ minutes: 10 });

    await callAll();

    await poll(async () => (await callAll()).join() === '401');
    const refused = await refresh(front, client, tokens.refreshToken);
    expect(refused.json()).toMatchObject({ error: 'invalid_grant' });
    expect(await callAll(other)).toEqual([200]);
  });

  test('a provider that is away ends nothing, and is asked again (clients.md P6)', async () => {
    const { clock, site, callAll, refreshes } = await start();
    site.setProviderAway(true);

    for (let minutes = 0; minutes < 30; minutes += 10) {
      clock.advance({ minutes: 10 });
      expect(await callAll()).toEqual([200]);
    }
    site.setProviderAway(false);
    clock.advance({ minutes: 1 });
    expect(await callAll()).toEqual([200]);

    await poll(async () => refreshes().some(({ status }) => status === 200));
    expect(await callAll()).toEqual([200]);
  });

  test('nobody is asked about without a call of theirs, nor without the setting (issue 4, item 5)', async () => {
    const { clock, front, callAll, refreshes } = await start();
    const other = await signIn(front, await registerStranger(front));
    const unset = await start({});
    clock.advance({ hours: 2 });
    unset.clock.advance({ hours: 2 });

    expect(await callAll(other)).toEqual([200]);
    expect(await unset.callAll()).toEqual([200]);

    await poll(async () => refreshes().some(({ status }) => status === 200));
    await callAll(other);
    expect(refreshes()).toHaveLength(1);
    expect(unset.refreshes()).toHaveLength(0);
  });
});
