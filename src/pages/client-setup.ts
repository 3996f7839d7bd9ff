/** How each MCP client is told about a server: links, commands and files. Formats as of autumn 2026. */
import { Buffer } from 'node:buffer';

interface ClientSetup {
  /** Short name for commands and files: lower-case letters, digits and hyphens. */
  readonly name: string;
  /** https://claude.com/docs/connectors/building/directory-vs-custom */
  readonly claudeLink: string;
  readonly claudeCode: string;
  readonly codex: string;
  /** https://geminicli.com/docs/tools/mcp-server */
  readonly gemini: string;
  /** https://cursor.com/docs/mcp/install-links */
  readonly cursorLink: string;
  readonly cursorFile: string;
  /** https://code.visualstudio.com/api/extension-guides/ai/mcp */
  readonly vsCodeLink: string;
  readonly vsCodeInsidersLink: string;
  readonly vsCode: string;
  /** https://lmstudio.ai/docs/app/mcp/deeplink */
  readonly lmStudioLink: string;
  readonly inspector: string;
}

export function clientSetup(resourceName: string, mcpUrl: string): ClientSetup {
  const name = shortName(resourceName);
  const url = URL.canParse(mcpUrl) ? new URL(mcpUrl).href : mcpUrl;
  const definition = JSON.stringify({ name, type: 'http', url });
  const config = encodeURIComponent(Buffer.from(JSON.stringify({ url })).toString('base64'));
  return {
    name,
    claudeLink: `https://claude.ai/customize/connectors?modal=add-custom-connector&connectorName=${name}&connectorUrl=${encodeURIComponent(url)}`,
    claudeCode: `claude mcp add --transport http ${name} ${shellWord(url)}`,
    codex: `codex mcp add ${name} --url ${shellWord(url)}\ncodex mcp login ${name}`,
    gemini: `gemini mcp add --transport http --scope user ${name} ${shellWord(url)}`,
    cursorLink: `cursor://anysphere.cursor-deeplink/mcp/install?name=${name}&config=${config}`,
    cursorFile: JSON.stringify({ mcpServers: { [name]: { url } } }, undefined, 2),
    vsCodeLink: `vscode:mcp/install?${encodeURIComponent(definition)}`,
    vsCodeInsidersLink: `vscode-insiders:mcp/install?${encodeURIComponent(definition)}`,
    vsCode: `code --add-mcp ${shellWord(definition)}`,
    lmStudioLink: `lmstudio://add_mcp?name=${name}&config=${config}`,
    inspector: `npx @modelcontextprotocol/inspector --transport http --server-url ${shellWord(url)}`,
  };
}

function shortName(resourceName: string): string {
  const name = resourceName
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replaceAll(/^-+|-+$/g, '');
  return name === '' ? 'mcp' : name;
}

/** One word for a POSIX shell: as it is when no character needs quotes. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
