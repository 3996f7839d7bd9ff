/** Someone signs out at the provider, which says so: their connections end at every instance (Back-Channel Logout 1.0). */
import { expect, onTestFinished, test } from 'vitest';
import {
  ada,
  approve,
  askConsent,
  callMcp,
  locationOf,
  redeem,
  refresh,
  register,
  registerStranger,
  signIn,
  type TestClient,
  tokensOf,
} from '../support/authorize.ts';
import { describePostgres } from '../support/database.ts';
import { type SiteOptions, startSite } from '../support/instances.ts';
import { poll } from '../support/process.ts';
import { openBrowser, type Person, signInAt, signOutAt } from '../support/sample-provider.ts';
import { sql } from '../../src/repositories/database.ts';
import { remote } from './remote.ts';
import { whoami } from './whoami.ts';

const grace: Person = { name: 'Grace Hopper', email: 'grace@example.com' };

describePostgres('back-channel logout, two instances', () => {
  async function start(logoutNames: NonNullable<SiteOptions['logoutNames']> = 'session') {
    const site = await startSite('postgres', { instances: 2, logoutNames });
    onTestFinished(() => site.close());
    const front = remote(site.front.origin);
    const instances = site.instances.map(({ origin }) => remote(origin));

    /** Connects a client, in a browser of its own that stays signed in at the provider. */
    const connect = async (person: Person, client: TestClient) => {
      const browser = openBrowser();
      const asked = await askConsent(front, client);
      const returned = await signInAt(await approve(asked), person, browser);
      const location = locationOf(await asked.browser.get(returned.pathname + returned.search));
      const code = location.searchParams.get('code') ?? '';
      return { browser, ...tokensOf(await redeem(front, client, { ...asked, code })) };
    };

    const signOut = async ({ browser }: Awaited<ReturnType<typeof connect>>) =>
      signOutAt(site.provider.origin, browser);

    /** At each instance. */
    const statuses = async (accessToken: string) => {
      const answers = await Promise.all(
        instances.map(async (instance) => callMcp(instance, accessToken, whoami)),
      );
      return answers.map(({ statusCode }) => statusCode);
    };

    const logouts = () => site.front.passed.filter(({ path }) => path === '/backchannel-logout');
    const sendTo = async (origin: string, body: string) =>
      fetch(`${origin}/backchannel-logout`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body,
      });
    return { site, front, connect, signOut, statuses, logouts, sendTo };
  }

  test.each([
    ['session', 'that one alone', 200],
    ['person', 'all of the person', 401],
  ] as const)(
    'a provider that names the %s ends %s, at both instances within a second, and no one else’s (§2.7)',
    async (logoutNames, _, statusOfOther) => {
      const { front, connect, signOut, statuses, logouts } = await start(logoutNames);
      const client = await register(front);
      const here = await connect(ada, client);
      const elsewhere = await connect(ada, await registerStranger(front));
      const hers = await connect(grace, client);
      for (const { accessToken } of [here, elsewhere, hers]) {
        expect(await statuses(accessToken)).toEqual([200, 200]);
      }

      await signOut(here);

      expect(logouts().map(({ status }) => status)).toEqual([200]);
      await poll(
        async () => (await statuses(here.accessToken)).every((status) => status === 401),
        undefined,
        1000,
      );
      expect((await refresh(front, client, here.refreshToken)).json()).toMatchObject({
        error: 'invalid_grant',
      });
      await poll(
        async () => (await statuses(elsewhere.accessToken)).every((status) => status === statusOfOther),
        undefined,
        1000,
      );
      expect(await statuses(hers.accessToken)).toEqual([200, 200]);
    },
  );

  test('a token that names person and session ends connections of theirs whose session is not known (§2.4)', async () => {
    const { site, front, connect, signOut, statuses } = await start('session');
    const client = await register(front);
    const [his, hers] = [await connect(ada, client), await connect(grace, client)];
    await site.database.db.query(sql`update upstream_sessions set provider_session = null`);

    await signOut(his);

    await poll(async () => (await statuses(his.accessToken)).every((status) => status === 401));
    expect(await statuses(hers.accessToken)).toEqual([200, 200]);
  });

  test('a token works once, for one of twenty at both instances, and later signing in works again (§2.6)', async () => {
    const { site, front, connect, signOut, logouts, sendTo, statuses } = await start('person');
    const client = await register(front);
    await signOut(await connect(ada, client));
    const body = logouts()[0]?.requestBody ?? '';
    await site.database.db.query(sql`delete from logout_tokens`);

    const answers = await Promise.all(
      Array.from({ length: 10 }, () => site.instances.map(({ origin }) => sendTo(origin, body))).flat(),
    );

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(19);
    expect(answers.filter((answer) => answer.headers.get('cache-control') !== 'no-store')).toEqual([]);
    const again = await signIn(front, client);
    expect((await sendTo(site.front.origin, body)).status).toBe(400);
    expect(await statuses(again.accessToken)).toEqual([200, 200]);
  });

  test.each([
    ['no token', ''],
    ['an empty one', 'logout_token='],
    ['two', 'logout_token=a.b.c&logout_token=a.b.c'],
    ['nonsense', 'logout_token=nonsense'],
    ['NUL', 'logout_token=%00'],
  ])('%s gets 400, not to be cached (§2.8)', async (_, body) => {
    const { site, sendTo } = await start();

    const answer = await sendTo(site.front.origin, body);

    expect(answer.status).toBe(400);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toMatchObject({ error: 'invalid_request' });
  });
});
