/** `npm run demo` and `npm run try`, as a newcomer has them: real processes, one demo for all tests. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ScriptedBrowser } from '../../scripts/scripted-browser.ts';
import { freePort } from '../support/process.ts';
import { run, type Running, start } from './support.ts';

const ada = { name: 'Ada Lovelace', email: 'ada@example.com' };
const ready = /Ctrl-C ends it/;

let folder: string;
let port: number;
let mcpUrl: string;
let demo: Running;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-demo-'));
  port = await freePort();
  mcpUrl = `http://localhost:${port}/mcp`;
  demo = start('scripts/demo.ts', [], { env: { PORT: String(port), DATA_DIR: join(folder, 'data') } });
  await demo.printed(ready);
});

afterAll(async () => {
  await demo.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('npm run demo', { timeout: 60_000 }, () => {
  it('prints the address, the lines for each client and the next command, and nothing else', () => {
    const printed = demo.stdout();

    expect(printed).toContain(`\n      ${mcpUrl}\n`);
    expect(printed).toContain(`claude mcp add --transport http demo ${mcpUrl}\n`);
    expect(printed).toContain(`code --add-mcp '{"name":"demo","type":"http","url":"${mcpUrl}"}'\n`);
    expect(printed).toContain(`{"mcpServers":{"demo":{"url":"${mcpUrl}"}}}\n`);
    expect(printed).toContain(
      `npx @modelcontextprotocol/inspector --transport http --server-url ${mcpUrl}\n`,
    );
    expect(printed).toContain(`npm run try -- ${mcpUrl} --auto\n`);
    expect(demo.stderr()).toBe('');
  });

  it('refuses a data directory that another demo uses, and says so', async () => {
    const env = { PORT: String(await freePort()), DATA_DIR: join(folder, 'data') };

    const second = await run('scripts/demo.ts', ['--fresh'], { env });

    expect(second.code).toBe(1);
    expect(second.stderr).toContain('Is another demo running already?');
    expect(existsSync(join(folder, 'data', 'pgdata'))).toBe(true);
  });

  it('takes a free port when the wanted one is taken, forgets what --fresh asks it to, and stops cleanly', async () => {
    const dataDir = join(folder, 'other');
    await mkdir(join(dataDir, 'pgdata'), { recursive: true });
    await writeFile(join(dataDir, 'pgdata', 'PG_VERSION'), 'damaged');
    await writeFile(join(dataDir, 'notes.txt'), 'not of the demo');
    const env = { PORT: String(port), DATA_DIR: dataDir };
    const other = start('scripts/demo.ts', ['--fresh'], { env });

    const printed = await other.printed(ready);
    const stopped = await other.stop();

    expect(printed).toContain(`Port ${port} is taken`);
    expect(printed).not.toContain(`\n      ${mcpUrl}\n`);
    expect(stopped).toMatchObject({ code: 0, stderr: '' });
    expect((await readdir(dataDir)).sort()).toEqual(['encryption.key', 'notes.txt', 'pgdata']);
  });

  it.each([
    { args: ['--nonsense'], env: {}, says: '--nonsense' },
    { args: [], env: { PORT: 'http' }, says: 'PORT must be a whole number' },
  ])('refuses $args $env with a reason and its usage', async ({ args, env, says }) => {
    const ended = await run('scripts/demo.ts', args, { env: { ...env } });

    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(says);
    expect(ended.stderr).toContain('Usage: npm run demo');
  });
});

describe('npm run try', { timeout: 60_000 }, () => {
  it('walks the whole way by itself with --auto, one line a step, and ends with 0', async () => {
    const { code, stdout, stderr } = await run('scripts/try.ts', [
      mcpUrl,
      '--auto',
      '--name=Zoë Ω 张',
      '--email=zoe@example.com',
    ]);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const steps = stdout.split('\n').filter((line) => /^[✓✗]/.test(line));
    expect(steps).toEqual([
      expect.stringMatching(/^✓ Call without a token +POST \/mcp initialize → 401 .*resource_metadata=/),
      expect.stringMatching(
        /^✓ Protected resource metadata +GET \/\.well-known\/oauth-protected-resource\/mcp → 200 resource=/,
      ),
      expect.stringMatching(
        /^✓ Authorization server metadata +GET \/\.well-known\/oauth-authorization-server → 200 issuer=/,
      ),
      expect.stringMatching(/^✓ Registration +POST \/register .*→ 201 client_id=/),
      expect.stringMatching(
        /^✓ Consent and sign-in +GET \/authorize → 200, POST \/consent → 303, .*code=mop_code_/,
      ),
      expect.stringMatching(
        /^✓ Code for tokens +POST \/token grant_type=authorization_code .*→ 200 access_token=/,
      ),
      expect.stringMatching(/^✓ Connect to the MCP server +POST \/mcp initialize → 200 sample-mcp-server/),
      expect.stringMatching(/^✓ Call a tool .*whoami → .*"email": "zoe@example.com", "name": "Zoë Ω 张"/),
      expect.stringMatching(/^✓ Refresh +POST \/token grant_type=refresh_token .*→ 200 access_token=/),
      expect.stringMatching(/^✓ Call with the new token .*"name": "Zoë Ω 张"/),
      expect.stringMatching(/^✓ Revoke +POST \/revoke .*→ 200/),
      expect.stringMatching(/^✓ Call with the revoked token +POST \/mcp tools\/list → 401 .*invalid_token/),
    ]);
  });

  it('shows no secret whole', async () => {
    const { stdout } = await run('scripts/try.ts', [mcpUrl, '--auto']);

    expect(stdout).toMatch(/access_token=eyJ/);
    expect(stdout).not.toMatch(/eyJ[\w-]{20,}/);
    expect(stdout).not.toMatch(/mop_(code|rt)_[\w-]{10,}/);
  });

  it('lets a person do it in a browser, and waits for the answer at its own address', async () => {
    const trying = start('scripts/try.ts', [mcpUrl]);
    const address = addressIn(await trying.printed(authorizeAddress));
    const redirectUri = new URL(address).searchParams.get('redirect_uri') ?? '';
    const browser = new ScriptedBrowser();

    const returned = await browser.connect(address, { ...ada, redirectUri });
    const shown = await browser.open(returned.href);
    const { code, stdout } = await trying.ended;

    expect(shown).toMatchObject({ status: 200, html: expect.stringContaining('go back to the terminal') });
    expect(stdout).toContain('Every step worked.');
    expect(code).toBe(0);
  });

  it('fails when the person declines, and says so', async () => {
    const trying = start('scripts/try.ts', [mcpUrl]);
    const address = addressIn(await trying.printed(authorizeAddress));
    const redirectUri = new URL(address).searchParams.get('redirect_uri') ?? '';
    const browser = new ScriptedBrowser();

    const returned = await browser.connect(address, { ...ada, redirectUri, decision: 'deny' });
    await browser.open(returned.href);
    const { code, stdout } = await trying.ended;

    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ Consent and sign-in[^]*access_denied/);
  });

  it('says what to do when nothing answers', async () => {
    const { code, stdout } = await run('scripts/try.ts', [
      `http://localhost:${await freePort()}/mcp`,
      '--auto',
    ]);

    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ Call without a token[^]*nothing listens there\. Start the demo/);
  });

  it('names the right address when it was given another one of the same server', async () => {
    const { code, stdout } = await run('scripts/try.ts', [
      mcpUrl.replace('localhost', '127.0.0.1'),
      '--auto',
    ]);

    expect(code).toBe(1);
    expect(stdout).toContain(`Use that one: npm run try -- ${mcpUrl}`);
  });

  it('notices that it talks to an MCP server without the proxy before it', async () => {
    const url = /(http:\/\/127\.0\.0\.1:\d+\/mcp) +a sample MCP server/.exec(demo.stdout())?.[1] ?? '';

    const { code, stdout } = await run('scripts/try.ts', [url, '--auto']);

    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ Call without a token +POST \/mcp initialize → 200[^]*asks nobody to sign in/);
  });

  it.each([
    { args: ['--nonsense'], says: '--nonsense' },
    { args: ['localhost:8080'], says: 'localhost:8080 is not an http or https address' },
    { args: ['http://localhost:1/mcp', 'http://localhost:2/mcp'], says: 'Only one address' },
  ])('refuses $args with a reason and its usage', async ({ args, says }) => {
    const { code, stderr } = await run('scripts/try.ts', args);

    expect(code).toBe(2);
    expect(stderr).toContain(says);
    expect(stderr).toContain('Usage: npm run try');
  });
});

const authorizeAddress = /^ *(http:\S+\/authorize\S+)\n/m;

function addressIn(printed: string): string {
  return authorizeAddress.exec(printed)?.[1] ?? '';
}
