import { describe, expect, test } from 'vitest';
import { clientSetup } from '../../src/pages/client-setup.ts';
import { homePage } from '../../src/pages/home-page.ts';
import { renderPage } from '../../src/pages/html.ts';
import { attributeValues, visibleText } from './read-page.ts';
import { homeProps, view } from './sample-props.ts';

const url = homeProps.mcpUrl;

describe('the home page', () => {
  test('names the server, its address and the provider', () => {
    const page = homePage(homeProps, view);

    expect(visibleText(page)).toContain(`MCP server Acme Notes`);
    expect(visibleText(page)).toContain('to Google to sign in');
    expect(renderPage(page)).toContain(`<pre class="copy" dir="ltr"><code>${url}</code></pre>`);
  });

  test.each([
    'Claude (web and desktop)',
    'Claude Code',
    'ChatGPT',
    'Cursor',
    'VS Code',
    'Codex',
    'Gemini CLI',
    'LM Studio',
    'Any other client',
  ])('says how to connect %s', (client) => {
    expect(visibleText(homePage(homeProps, view))).toContain(client);
  });

  test('shows the commands as they are typed', () => {
    const text = visibleText(homePage(homeProps, view));

    expect(text).toContain(`claude mcp add --transport http acme-notes ${url}`);
    expect(text).toContain(`code --add-mcp '{"name":"acme-notes","type":"http","url":"${url}"}'`);
    expect(text).toContain(`codex mcp add acme-notes --url ${url}`);
    expect(text).toContain(`gemini mcp add --transport http --scope user acme-notes ${url}`);
    expect(text).toContain(`npx @modelcontextprotocol/inspector --transport http --server-url ${url}`);
  });

  test('its only links are those that install, and the one to what was connected', () => {
    const links = attributeValues(homePage(homeProps, view), 'href');

    expect(links.map((link) => link.split(':')[0])).toEqual([
      'https',
      'cursor',
      'vscode',
      'vscode-insiders',
      'lmstudio',
      '/account',
    ]);
  });
});

describe('the setup of a client', () => {
  test('the Cursor link carries the name and the configuration in base64 (cursor.com/docs/mcp/install-links)', () => {
    const link = new URL(clientSetup('Acme Notes', url).cursorLink);

    expect(link.href).toMatch(/^cursor:\/\/anysphere\.cursor-deeplink\/mcp\/install\?/);
    expect(link.searchParams.get('name')).toBe('acme-notes');
    expect(JSON.parse(atob(link.searchParams.get('config') ?? ''))).toEqual({ url });
  });

  test('the Claude link opens the form for a custom connector (claude.com/docs/connectors/building)', () => {
    const link = new URL(clientSetup('Acme Notes', url).claudeLink);

    expect(link.origin + link.pathname).toBe('https://claude.ai/customize/connectors');
    expect(Object.fromEntries(link.searchParams)).toEqual({
      modal: 'add-custom-connector',
      connectorName: 'acme-notes',
      connectorUrl: url,
    });
  });

  test('the LM Studio link carries the same as the one of Cursor (lmstudio.ai/docs/app/mcp/deeplink)', () => {
    const link = new URL(clientSetup('Acme Notes', url).lmStudioLink);

    expect(link.href).toMatch(/^lmstudio:\/\/add_mcp\?/);
    expect(link.searchParams.get('name')).toBe('acme-notes');
    expect(JSON.parse(atob(link.searchParams.get('config') ?? ''))).toEqual({ url });
  });

  test('that of the Insiders is the one of VS Code, by its other scheme', () => {
    const { vsCodeLink, vsCodeInsidersLink } = clientSetup('Acme Notes', url);

    expect(vsCodeInsidersLink).toBe(vsCodeLink.replace('vscode:', 'vscode-insiders:'));
  });

  test('the VS Code link carries the definition as URL-encoded JSON', () => {
    const [address, query = ''] = clientSetup('Acme Notes', url).vsCodeLink.split('?');

    expect(address).toBe('vscode:mcp/install');
    expect(query).toMatch(/^%7B[\w%.~-]*%7D$/);
    expect(JSON.parse(decodeURIComponent(query))).toEqual({ name: 'acme-notes', type: 'http', url });
  });

  test('the Cursor file is a complete mcp.json', () => {
    expect(JSON.parse(clientSetup('Acme Notes', url).cursorFile)).toEqual({
      mcpServers: { 'acme-notes': { url } },
    });
  });

  test.each([
    ['Acme Notes', 'acme-notes'],
    ['  Überall & Co. ', 'u-berall-co'],
    ['$(reboot); `id`', 'reboot-id'],
    ['ノート', 'mcp'],
    ['', 'mcp'],
    ['a'.repeat(80), 'a'.repeat(40)],
  ])('the short name of %j is %s', (resourceName, name) => {
    expect(clientSetup(resourceName, url).name).toBe(name);
  });

  test.each([
    "https://a.example/it's",
    'https://a.example/$(id)',
    'https://a.example/a;b',
    'https://a.example/a&b',
  ])('in a shell %s is one word', (address) => {
    const { claudeCode } = clientSetup('Acme', address);
    const word = claudeCode.slice('claude mcp add --transport http acme '.length);

    expect(word).toMatch(/^'(?:[^']|'\\'')*'$/);
    expect(word.slice(1, -1).replaceAll("'\\''", "'")).toBe(address);
  });
});
