/** Clients made with every line of the official SDK, each a program of its own that keeps its tokens in a file. */
import { cp } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ScriptedBrowser } from '../../scripts/scripted-browser.ts';
import type { ServedMcp } from '../../scripts/serve-mcp.ts';
import { sql } from '../../src/repositories/database.ts';
import { createClock } from '../support/clock.ts';
import { databaseKinds } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { startConformanceServer } from './conformance-server.ts';
import { describeWithPrograms, newHome, type Program } from './programs.ts';
import { type Sdk, sdks, startSdk } from './sdks.ts';
import { signInFor, watch, type Watched } from './watch.ts';

describeWithPrograms('the official SDK', () => {
  const kind = databaseKinds[0] ?? 'embedded';
  const clock = createClock();
  let server: ServedMcp;
  let site: Site;
  beforeAll(async () => {
    server = await startConformanceServer();
    site = await startSite(kind, {
      clock,
      instances: kind === 'postgres' ? 2 : 1,
      environment: { MCP_SERVER_URL: server.url, ACCESS_TOKEN_TTL_SECONDS: '60' },
    });
  });
  afterAll(async () => {
    await site.close();
    await server.close();
  });

  const start = async (sdk: Sdk, home: string, ...more: readonly string[]) =>
    startSdk(sdk, `${site.front.origin}/mcp`, home, ...more);
  /** Signs the person in where the client sends them. */
  const signIn = async (program: Program) => {
    const [, url = ''] = await program.says(/^authorize "(.+)"$/m);
    await signInFor(url);
  };
  const expectEnd = async (program: Program) => {
    const code = await program.exit;
    expect(program.output()).toMatch(/^called .*ada@example\.com.*\nended/m);
    expect(code).toBe(0);
  };
  /** Not by much: the identity provider lives in real time. */
  const expireAccessTokens = () => clock.advance({ minutes: 2 });
  /** Everything up to the first tokens; returns the client's id. */
  const signedIn = async (sdk: Sdk, home: string) => {
    const program = await start(sdk, home);
    await signIn(program);
    await expectEnd(program);
    const [, clientId = ''] = await program.says(/^registered "(.+)"$/m);
    return clientId;
  };
  /** As when the database was made anew. */
  const forget = async (clientId: string) =>
    site.database.db.query(sql`delete from clients where client_id = ${clientId}`);
  /** What the server answered to `initialize`, or was told with each request since 2026-07-28. */
  const revisionsIn = (passed: Watched['all']) => {
    const spoken = passed.flatMap(({ requestBody, responseBody }) => {
      const text = requestBody.includes('"method":"initialize"') ? responseBody : requestBody;
      return /protocolVersion":"([^"]+)"/i.exec(text)?.slice(1) ?? [];
    });
    return [...new Set(spoken)];
  };

  test.each(sdks)(
    '$name registers, signs in, calls, hears the server, and leaves (MCP $revision)',
    async (sdk) => {
      const program = await start(sdk, await newHome(), '--listen');

      const { all, lines } = await watch(site.front, async () => {
        await signIn(program);
        await program.exit;
      });

      expect(revisionsIn(all)).toEqual([sdk.revision]);
      expect(program.output()).toMatch(/^called .*ada@example\.com.*\nheard ""\nended/m);
      expect(lines).toContain('POST /register 201');
      if (sdk.era === 'legacy') {
        expect(lines).toContain('GET /mcp 200');
        expect(lines).toContain('DELETE /mcp 200');
      }
    },
  );

  test.each(sdks)(
    '$name (MCP $revision) refreshes an expired token without asking anyone (RFC 6749 §6)',
    async (sdk) => {
      const home = await newHome();
      await signedIn(sdk, home);
      expireAccessTokens();

      const { lines } = await watch(site.front, async () => expectEnd(await start(sdk, home)));

      expect(lines).toContain('POST /mcp 401');
      expect(lines.filter((request) => request.startsWith('POST /token'))).toEqual(['POST /token 200']);
      expect(lines).not.toContain('GET /authorize 200');
    },
  );

  test.each(sdks)(
    'two processes of $name (MCP $revision) that refresh with one token at once both go on (clients.md P4)',
    async (sdk) => {
      const home = await newHome();
      await signedIn(sdk, home);
      const homes = [home, await newHome()];
      await cp(home, homes[1] ?? '', { recursive: true });
      expireAccessTokens();

      const { lines } = await watch(site.front, async () => {
        const both = await Promise.all(homes.map((each) => start(sdk, each)));
        await Promise.all(both.map(expectEnd));
      });
      expect(lines.filter((request) => request.startsWith('POST /token'))).toEqual([
        'POST /token 200',
        'POST /token 200',
      ]);

      expireAccessTokens();
      for (const each of homes) await expectEnd(await start(sdk, each));
    },
  );

  test.each(sdks.filter(({ name }) => name !== 'SDK 1.11'))(
    '$name (MCP $revision) registers once more when its registration is gone (RFC 6749 §5.2)',
    async (sdk) => {
      const home = await newHome();
      const forgotten = await signedIn(sdk, home);
      await forget(forgotten);
      expireAccessTokens();

      const program = await start(sdk, home);
      const { lines } = await watch(site.front, async () => {
        await signIn(program);
        await expectEnd(program);
      });

      expect(lines).toContain('POST /token 401');
      expect(lines.filter((request) => request.startsWith('POST /register'))).toEqual(['POST /register 201']);
    },
  );

  test('SDK 1.11 (MCP 2025-03-26) does not register again: the person is told why (RFC 6749 §4.1.2.1)', async () => {
    const [sdk] = sdks;
    if (sdk === undefined) throw new Error('no SDK');
    const home = await newHome();
    await forget(await signedIn(sdk, home));
    expireAccessTokens();

    const program = await start(sdk, home);
    const [, url = ''] = await program.says(/^authorize "(.+)"$/m);
    const page = await new ScriptedBrowser().open(url);
    await program.stop();

    expect(page.status).toBe(400);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.html).toContain('This app is not registered here');
  });
});
