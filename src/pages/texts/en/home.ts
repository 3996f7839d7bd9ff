/** The start page: what this server is, and how to connect an MCP client to it. */
import { html, type Html } from '../../html.ts';

export const home = {
  eyebrow: 'MCP server',
  intro: (providers: Html) =>
    html`Add this address to Claude, ChatGPT, Cursor, VS Code or any other MCP client. The first time, it
    brings you here to approve it, then to ${providers} to sign in.`,
  needsClientId:
    'Apps cannot register themselves here. Ask the people who run this server for a client ID, and enter it where the app asks for OAuth details.',
  address: 'Server address',

  claude: 'Claude (web and desktop)',
  claudeInstall: 'Add to Claude',
  claudeByHand: 'Or by hand:',
  claudeSteps: [
    html`Open <strong>Settings → Connectors</strong> (in newer versions
      <strong>Customize → Connectors</strong>).`,
    html`Choose <strong>Add custom connector</strong>, and paste the server address.`,
    html`Choose <strong>Connect</strong>. In a team, an owner adds the connector first.`,
  ],
  claudeCodeThen: html`Then run <code>/mcp</code> in Claude Code and choose the server to sign in.`,
  chatGptSteps: [
    html`Open <strong>Settings → Apps</strong> (or <strong>Apps &amp; Connectors</strong>)
      <strong>→ Advanced settings</strong>, and turn on <strong>Developer mode</strong>.`,
    html`Back in <strong>Apps</strong>, choose <strong>Create</strong>, and paste the server address as
      <strong>MCP server URL</strong>.`,
    html`Choose <strong>OAuth</strong> as authentication.`,
  ],
  cursorInstall: 'Add to Cursor',
  cursorFile: html`Or put this into <code>~/.cursor/mcp.json</code>:`,
  vsCodeInstall: 'Add to VS Code',
  vsCodeInsidersInstall: 'Add to VS Code Insiders',
  vsCodeCommand: 'Or run this in a terminal:',
  geminiThen: html`Then run <code>/mcp auth</code> in Gemini CLI with the name of the server to sign in.`,
  lmStudioInstall: 'Add to LM Studio',
  otherClient: 'Any other client',
  otherClientSteps: html`Choose the <strong>Streamable HTTP</strong> transport, give it the server address,
    and leave every OAuth field empty: the client finds out the rest by itself. To look at the server, use the
    MCP Inspector:`,
  otherClientStepsWithId: html`Choose the <strong>Streamable HTTP</strong> transport, give it the server
    address, and your client ID: the client finds out the rest by itself. To look at the server, use the MCP
    Inspector:`,
};
