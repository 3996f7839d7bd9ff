/** What a browser sees at `/`: what this server is, and how to connect an MCP client to it. */
import { claimed, plainText } from './claimed.ts';
import { clientSetup } from './client-setup.ts';
import { copyBox } from './copy-box.ts';
import { html, type Html } from './html.ts';
import { layout } from './layout.ts';
import { appLink, localPath } from './safe-url.ts';
import { anyOf, type View } from './view.ts';

export interface HomePageProps {
  readonly resourceName: string;
  /** The address that people give to their MCP client. */
  readonly mcpUrl: string;
  /** Where people sign in: at one of these. */
  readonly providerNames: readonly string[];
  /** Whether clients cannot introduce themselves here: people have to bring a client ID. */
  readonly needsClientId: boolean;
}

export function homePage(props: HomePageProps, view: View): Html {
  const { account, home } = view.language.texts;
  const mcpUrl = plainText(props.mcpUrl);
  const setup = clientSetup(props.resourceName, mcpUrl);
  return layout(view, {
    title: props.resourceName,
    isWide: true,
    body: html`
      <div class="tight">
        <p class="eyebrow">${home.eyebrow}</p>
        <h1>${claimed(props.resourceName, 60)}</h1>
      </div>
      <p>${home.intro(anyOf(view, props.providerNames))}</p>
      ${props.needsClientId && html`<p class="note">${home.needsClientId}</p>`}
      <section class="tight">
        <h2>${home.address}</h2>
        ${copyBox(mcpUrl)}
      </section>
      <div>
        <details open>
          <summary>${home.claude}</summary>
          ${installButton(setup.claudeLink, home.claudeInstall)}
          <p>${home.claudeByHand}</p>
          ${steps(home.claudeSteps)}
        </details>
        <details>
          <summary>Claude Code</summary>
          ${copyBox(setup.claudeCode)}
          <p class="small soft">${home.claudeCodeThen}</p>
        </details>
        <details>
          <summary>ChatGPT</summary>
          ${steps(home.chatGptSteps)}
        </details>
        <details>
          <summary>Cursor</summary>
          ${installButton(setup.cursorLink, home.cursorInstall)}
          <p>${home.cursorFile}</p>
          ${copyBox(setup.cursorFile)}
        </details>
        <details>
          <summary>VS Code</summary>
          ${installButton(setup.vsCodeLink, home.vsCodeInstall)}
          ${installButton(setup.vsCodeInsidersLink, home.vsCodeInsidersInstall, '')}
          <p>${home.vsCodeCommand}</p>
          ${copyBox(setup.vsCode)}
        </details>
        <details>
          <summary>Codex</summary>
          ${copyBox(setup.codex)}
        </details>
        <details>
          <summary>Gemini CLI</summary>
          ${copyBox(setup.gemini)}
          <p class="small soft">${home.geminiThen}</p>
        </details>
        <details>
          <summary>LM Studio</summary>
          ${installButton(setup.lmStudioLink, home.lmStudioInstall)}
        </details>
        <details>
          <summary>${home.otherClient}</summary>
          <p>${props.needsClientId ? home.otherClientStepsWithId : home.otherClientSteps}</p>
          ${copyBox(setup.inspector)}
        </details>
      </div>
      <p class="small">
        <a href="${localPath('/account')}">${account.title}</a>
        <span class="soft">${account.whatItShows}</span>
      </p>
    `,
  });
}

function steps(items: readonly Html[]): Html {
  return html`<ol class="list">
    ${items.map((item) => html`<li>${item}</li>`)}
  </ol>`;
}

function installButton(address: string, label: string, style = 'primary'): Html | undefined {
  const link = appLink(address);
  return link && html`<p><a class="button ${style}" href="${link}">${label}</a></p>`;
}
