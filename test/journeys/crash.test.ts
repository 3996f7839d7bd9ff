/** The server is killed without warning, at every step: nothing that was answered is lost (issue 2, "kill -9"). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Answer, TestApp } from '../support/app.ts';
import {
  ada,
  approve,
  askConsent,
  authorize,
  type Authorization,
  callMcp,
  locationOf,
  redeem,
  refresh,
  register,
  revoke,
  signIn,
  tokensOf,
} from '../support/authorize.ts';
import { databaseKinds } from '../support/database.ts';
import type { ServerProcess } from '../support/process.ts';
import { signInAt } from '../support/sample-provider.ts';
import { run } from '../scripts/support.ts';
import { requestMachineToken } from '../support/servers.ts';
import { remote } from './remote.ts';
import { createServerHome, type ServerHome } from './server-home.ts';

/** The MCP server's own answer to a request that accepts nothing: the proxy has let it through. */
const reachedMcpServer = 406;

describe.each(databaseKinds)('on %s', (kind) => {
  let home: ServerHome;
  let server: ServerProcess;
  let proxy: TestApp;
  /** What all the processes have logged. */
  let log = '';
  beforeAll(async () => {
    home = await createServerHome(kind);
    server = await home.start();
    proxy = remote(home.origin);
  });
  afterAll(() => home.close());
  beforeEach(() => {
    log = '';
  });

  async function crash(): Promise<void> {
    log += (await server.kill()).stdout;
    server = await home.start();
  }

  test(
    'killed after each step that has answered, it goes on where it was (issue 2, "kill -9")',
    { timeout: 60_000 },
    async () => {
      const client = await register(proxy, { token_endpoint_auth_method: 'client_secret_post' });
      await crash();
      const asked = await askConsent(proxy, client);
      await crash();
      const returned = await signInAt(await approve(asked), ada);
      await crash();
      const location = locationOf(await asked.browser.get(returned.pathname + returned.search));
      const authorization = { ...asked, location, code: location.searchParams.get('code') ?? '' };
      await crash();
      const first = tokensOf(await redeem(proxy, client, authorization));
      await crash();
      expect((await callMcp(proxy, first.accessToken, { method: 'POST' })).statusCode).toBe(reachedMcpServer);
      const second = tokensOf(await refresh(proxy, client, first.refreshToken));
      await crash();
      expect(tokensOf(await refresh(proxy, client, first.refreshToken))).toEqual(second);
      expect((await callMcp(proxy, second.accessToken, { method: 'POST' })).statusCode).toBe(
        reachedMcpServer,
      );
      expect((await revoke(proxy, client, second.accessToken)).statusCode).toBe(200);
      await crash();
      expect((await callMcp(proxy, second.accessToken)).statusCode).toBe(401);
      expect((await callMcp(proxy, first.accessToken, { method: 'POST' })).statusCode).toBe(reachedMcpServer);
      expect((await redeem(proxy, client, authorization)).json()).toMatchObject({ error: 'invalid_grant' });
      expect((await callMcp(proxy, first.accessToken)).statusCode).toBe(401);
      expect((await refresh(proxy, client, second.refreshToken)).statusCode).toBe(400);
      expect((await asked.browser.get(returned.pathname + returned.search)).statusCode).toBe(403);
      await crash();

      const secrets = [
        client.clientSecret ?? '',
        asked.requestId,
        asked.codeVerifier,
        authorization.code,
        first.accessToken,
        first.refreshToken,
        second.accessToken,
        second.refreshToken,
        ...asked.browser.cookies.values(),
        ...returned.searchParams.values(),
        home.environment.OAUTH_CLIENT_SECRET ?? '',
        home.environment.ENCRYPTION_KEY ?? '',
      ].filter((secret) => secret !== new URL(home.provider.origin).href.slice(0, -1));
      expect(secrets.filter((secret) => log.includes(secret))).toEqual([]);
      expect(log).toContain('"msg":"ready"');
    },
  );

  /** Sends all at once and kills the server when the first has answered. Undefined: no answer came. */
  async function killDuring(sending: readonly (() => Promise<Answer>)[]): Promise<(Answer | undefined)[]> {
    const answers = sending.map((send) => send());
    await Promise.any(answers);
    await crash();
    const received = await Promise.all(answers.map((answer) => answer.catch(() => undefined)));
    expect(received).toContain(undefined);
    return received;
  }

  const signInTimes = async <T>(count: number, work: () => Promise<T>): Promise<T[]> => {
    const done: T[] = [];
    while (done.length < count) done.push(await work());
    return done;
  };

  test(
    'killed while twenty refreshes are under way, it loses no pair: each retry gets what the first try made (design §3.7)',
    { timeout: 60_000 },
    async () => {
      const client = await register(proxy);
      const sessions = await signInTimes(20, () => signIn(proxy, client));

      const answers = await killDuring(
        sessions.map(
          ({ refreshToken }) =>
            () =>
              refresh(proxy, client, refreshToken),
        ),
      );

      for (const [index, { refreshToken }] of sessions.entries()) {
        const retried = tokensOf(await refresh(proxy, client, refreshToken));
        const before = answers[index];
        if (before !== undefined) expect(tokensOf(before)).toEqual(retried);
        expect((await callMcp(proxy, retried.accessToken, { method: 'POST' })).statusCode).toBe(
          reachedMcpServer,
        );
        expect(tokensOf(await refresh(proxy, client, retried.refreshToken)).refreshToken).not.toBe(
          retried.refreshToken,
        );
      }
    },
  );

  test(
    'killed while a machine asks for sixty tokens, it has stored each that it answered with (RFC 6749 §4.4, design §3.4)',
    { timeout: 60_000 },
    async () => {
      await server.kill();
      const args = ['--name', 'Nightly job', '--machine', '--scope', 'tools:read', '--json'];
      const { DATABASE_DSN = '', DATA_DIR = '' } = home.environment;
      const created = await run('scripts/create-client.ts', args, { env: { DATABASE_DSN, DATA_DIR } });
      const printed = JSON.parse(created.stdout) as { client_id: string; client_secret: string };
      const machine = {
        clientId: printed.client_id,
        clientSecret: printed.client_secret,
        redirectUri: '',
      };
      server = await home.start();
      const ask = async () => requestMachineToken(proxy, machine);

      const answers = await killDuring(Array.from({ length: 60 }, () => ask));

      const answered = answers.filter((answer) => answer !== undefined);
      for (const answer of [...answered, await ask()]) {
        const { access_token } = answer.json<{ access_token: string }>();
        expect((await callMcp(proxy, access_token, { method: 'POST' })).statusCode).toBe(reachedMcpServer);
      }
    },
  );

  test(
    'killed while twenty codes are being exchanged, no code gives tokens twice (RFC 6749 §4.1.2)',
    { timeout: 60_000 },
    async () => {
      const client = await register(proxy);
      const authorizations = await signInTimes(20, () => authorize(proxy, client));
      const exchange = (authorization: Authorization) => () => redeem(proxy, client, authorization);

      const answers = await killDuring(authorizations.map(exchange));

      for (const [index, authorization] of authorizations.entries()) {
        const before = answers[index];
        if (before !== undefined) {
          const { accessToken } = tokensOf(before);
          expect((await callMcp(proxy, accessToken, { method: 'POST' })).statusCode).toBe(reachedMcpServer);
        }
        const retries = [await exchange(authorization)(), await exchange(authorization)()];
        const successes = [before, ...retries].filter((answer) => answer?.statusCode === 200);
        expect(successes.length).toBeLessThanOrEqual(1);
        expect(retries.at(-1)?.json()).toMatchObject({ error: 'invalid_grant' });
      }
    },
  );
});
