/** The command line of the MCP Inspector, with which people try out servers. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ada } from '../support/authorize.ts';
import { createClock } from '../support/clock.ts';
import { databaseKinds } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { freePort } from '../support/process.ts';
import { addressOpened, describeWithPrograms, installBrowser, installed, newHome, run } from './programs.ts';
import { signInFor, watch } from './watch.ts';

describeWithPrograms('MCP Inspector 2.12', () => {
  const clock = createClock();
  let site: Site;
  let home: string;
  let redirectUri: string;
  let environment: Readonly<Record<string, string>>;
  beforeAll(async () => {
    site = await startSite(databaseKinds[0] ?? 'embedded', {
      clock,
      environment: { ACCESS_TOKEN_TTL_SECONDS: '600' },
    });
    home = await newHome();
    redirectUri = `http://127.0.0.1:${await freePort()}/oauth/callback`;
    environment = {
      ...(await installBrowser(home)),
      // Without a terminal it opens a browser only when told to, and keeps tokens where it is told to.
      MCP_AUTO_OPEN_ENABLED: 'true',
      MCP_INSPECTOR_SECRET_STORE: 'file',
    };
  });
  afterAll(() => site.close());

  const start = async (...args: readonly string[]) =>
    run(
      installed('@modelcontextprotocol/inspector/clients/launcher/build/index.js'),
      ['--cli', `${site.front.origin}/mcp`, '--callback-url', redirectUri, '--format', 'json', ...args],
      { home, environment },
    );
  const callWhoami = async (...args: readonly string[]) => {
    const program = await start('--method', 'tools/call', '--tool-name', 'whoami', ...args);
    const code = await program.exit;
    expect(program.output()).toContain(ada.email);
    expect(code).toBe(0);
  };

  test('signs in with the browser that it opens, and lists the tools', async () => {
    const program = await start('--method', 'tools/list');
    const url = await addressOpened(home);
    await signInFor(url);

    const code = await program.exit;

    expect(program.output()).toContain('"whoami"');
    expect(code).toBe(0);
  });

  test.each([
    ['legacy', '2025-11-25'],
    ['modern', '2026-07-28'],
  ])('in its %s era (MCP %s) it calls with the tokens that it has kept', async (era, revision) => {
    const { all } = await watch(site.front, () => callWhoami('--protocol-era', era));

    expect(all.filter(({ path }) => path !== '/mcp')).toEqual([]);
    expect(all.some(({ requestBody }) => requestBody.includes(revision))).toBe(true);
  });

  test('refreshes an expired token without asking anyone (RFC 6749 §6)', async () => {
    clock.advance({ minutes: 11 });

    const { lines } = await watch(site.front, () => callWhoami());

    expect(lines).toContain('POST /mcp 401');
    expect(lines).toContain('POST /token 200');
    expect(lines.join()).not.toMatch(/authorize|register/);
  });
});
