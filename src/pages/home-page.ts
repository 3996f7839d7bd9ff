/** What a browser sees at `/`: what this server is, and how to connect an MCP client to it. */
import { claimed, plainText } from './claimed.ts';
import { clientSetup } from './client-setup.ts';
import { html, type Html } from './html.ts';
import { layout } from './layout.ts';
import { appLink } from './safe-url.ts';

export interface HomePageProps {
  readonly resourceName: string;
  /** The address that people give to their MCP client. */
  readonly mcpUrl: string;
  /** Where people sign in: at one of these. */
  readonly providerNames: readonly string[];
  /** Whether clients cannot introduce themselves here: people have to bring a client ID. */
  readonly needsClientId: boolean;
}

const anyOf = new Intl.ListFormat('en-GB', { type: 'disjunction' });

export function homePage(props: HomePageProps): Html {
  const mcpUrl = plainText(props.mcpUrl);
  const setup = clientSetup(props.resourceName, mcpUrl);
  const provider = claimed(anyOf.format(props.providerNames.map((name) => plainText(name, 60))));
  return layout({
    title: props.resourceName,
    isWide: true,
    body: html`
      <div class="tight">
        <p class="eyebrow">MCP server</p>
        <h1>${claimed(props.resourceName, 60)}</h1>
      </div>
      <p>
        Add this address to Claude, ChatGPT, Cursor, VS Code or any other MCP client. The first time, it
        brings you here to approve it, then to ${provider} to sign in.
      </p>
      ${props.needsClientId && html`<p class="note">Apps cannot register themselves here. Ask the people who run this server for a client ID, and enter it where the app asks for OAuth details.</p>`}
      <section class="tight">
        <h2>Server address</h2>
        ${copyBox(mcpUrl)}
      </section>
      <div>
        <details open>
          <summary>Claude (web and desktop)</summary>
          <ol class="list">
            <li>
              Open <strong>Settings → Connectors</strong> (in newer versions
              <strong>Customize → Connectors</strong>).
            </li>
            <li>Choose <strong>Add custom connector</strong>, and paste the server address.</li>
            <li>Choose <strong>Connect</strong>. In a team, an owner adds the connector first.</li>
          </ol>
        </details>
        <details>
          <summary>Claude Code</summary>
          ${copyBox(setup.claudeCode)}
          <p class="small soft">
            Then run <code>/mcp</code> in Claude Code and choose the server to sign in.
          </p>
        </details>
        <details>
          <summary>ChatGPT</summary>
          <ol class="list">
            <li>
              Open <strong>Settings → Apps</strong> (or <strong>Apps &amp; Connectors</strong>)
              <strong>→ Advanced settings</strong>, and turn on <strong>Developer mode</strong>.
            </li>
            <li>
              Back in <strong>Apps</strong>, choose <strong>Create</strong>, and paste the server address as
              <strong>MCP server URL</strong>.
            </li>
            <li>Choose <strong>OAuth</strong> as authentication.</li>
          </ol>
        </details>
        <details>
          <summary>Cursor</summary>
          ${installButton(setup.cursorLink, 'Add to Cursor')}
          <p>Or put this into <code>~/.cursor/mcp.json</code>:</p>
          ${copyBox(setup.cursorFile)}
        </details>
        <details>
          <summary>VS Code</summary>
          ${installButton(setup.vsCodeLink, 'Add to VS Code')}
          <p>Or run this in a terminal:</p>
          ${copyBox(setup.vsCode)}
        </details>
        <details>
          <summary>Codex</summary>
          ${copyBox(setup.codex)}
        </details>
        <details>
          <summary>Any other client</summary>
          <p>
            Choose the <strong>Streamable HTTP</strong> transport, give it the server address, and
            ${props.needsClientId ? 'your client ID' : 'leave every OAuth field empty'}: the client finds out
            the rest by itself. To look at the server, use the MCP Inspector:
          </p>
          ${copyBox(setup.inspector)}
        </details>
      </div>
    `,
  });
}

/** Text to copy: one click selects all of it. */
function copyBox(text: string): Html {
  return html`<pre class="copy"><code>${text}</code></pre>`;
}

function installButton(address: string, label: string): Html | undefined {
  const link = appLink(address);
  return link && html`<p><a class="button primary" href="${link}">${label}</a></p>`;
}
