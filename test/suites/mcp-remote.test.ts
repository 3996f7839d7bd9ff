/** mcp-remote, with which clients that know only local servers reach remote ones. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ada } from '../support/authorize.ts';
import { createClock } from '../support/clock.ts';
import { databaseKinds } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { freePort } from '../support/process.ts';
import {
  addressOpened,
  describeWithPrograms,
  installBrowser,
  installed,
  newHome,
  recentNode,
  run,
} from './programs.ts';
import { signInFor, watch } from './watch.ts';

describeWithPrograms('mcp-remote 0.15', () => {
  const clock = createClock();
  let site: Site;
  let home: string;
  let port: number;
  let environment: Readonly<Record<string, string>>;
  beforeAll(async () => {
    site = await startSite(databaseKinds[0] ?? 'embedded', {
      clock,
      environment: { ACCESS_TOKEN_TTL_SECONDS: '600' },
    });
    home = await newHome();
    environment = await installBrowser(home);
    port = await freePort();
  });
  afterAll(() => site.close());

  const mcpUrl = () => `${site.front.origin}/mcp`;
  const options = () => [mcpUrl(), String(port), '--allow-http'];
  /** The program that tries a server out: it lists what there is. */
  const list = async () => run(installed('mcp-remote/dist/client.js'), options(), { home, environment });
  /** The program that a client starts as if it were a local server. */
  async function callThrough(tool: string): Promise<unknown> {
    const client = new Client({ name: 'desktop', version: '1.0.0' });
    const command = { command: recentNode(), args: [installed('mcp-remote/dist/proxy.js'), ...options()] };
    const env = { HOME: home, ...environment };
    await client.connect(new StdioClientTransport({ ...command, env, cwd: home, stderr: 'ignore' }));
    const { structuredContent } = await client.callTool({ name: tool });
    await client.close();
    return structuredContent;
  }
  test('signs in with the browser that it opens, and lists the tools', async () => {
    const program = await list();
    const redirectUri = await signInFor(await addressOpened(home));

    await program.says(/"name": "whoami"/);
    await program.stop();
    expect(redirectUri).toBe(`http://localhost:${port}/oauth/callback`);
  });

  test('started by a local client, it calls with the tokens that it has kept', async () => {
    const { lines } = await watch(site.front, async () => {
      expect(await callThrough('whoami')).toMatchObject({ email: ada.email });
    });

    expect(lines.filter((request) => !/ \/mcp | \/\.well-known\//.test(request))).toEqual([]);
  });

  test('refreshes an expired token without asking anyone (RFC 6749 §6)', async () => {
    clock.advance({ minutes: 11 });

    const { lines } = await watch(site.front, async () => {
      expect(await callThrough('whoami')).toMatchObject({ email: ada.email });
    });

    expect(lines).toContain('POST /mcp 401');
    expect(lines).toContain('POST /token 200');
    expect(lines.join()).not.toMatch(/authorize|register/);
  });
});
