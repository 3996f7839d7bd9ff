import { html, type Html } from '../../html.ts';
import type { Texts } from '../languages.ts';

export const home = {
  eyebrow: 'MCP-Server',
  intro: (providers: Html) =>
    html`Tragen Sie diese Adresse in Claude, ChatGPT, Cursor, VS Code oder einem anderen MCP-Client ein. Beim
    ersten Mal bestätigen Sie ihn hier und melden sich dann mit ${providers} an.`,
  needsClientId:
    'Apps können sich hier nicht selbst registrieren. Lassen Sie sich vom Betreiber dieses Servers eine Client-ID geben, und tragen Sie sie dort ein, wo die App nach OAuth-Angaben fragt.',
  address: 'Adresse des Servers',

  claude: 'Claude (Web und Desktop)',
  claudeInstall: 'Zu Claude hinzufügen',
  claudeByHand: 'Oder von Hand:',
  claudeSteps: [
    html`Öffnen Sie <strong>Settings → Connectors</strong> (in neueren Versionen
      <strong>Customize → Connectors</strong>).`,
    html`Wählen Sie <strong>Add custom connector</strong>, und fügen Sie die Adresse des Servers ein.`,
    html`Wählen Sie <strong>Connect</strong>. In einem Team fügt zuerst ein Owner den Connector hinzu.`,
  ],
  claudeCodeThen: html`Danach in Claude Code <code>/mcp</code> aufrufen und den Server wählen, um sich
    anzumelden.`,
  chatGptSteps: [
    html`Öffnen Sie <strong>Settings → Apps</strong> (oder <strong>Apps &amp; Connectors</strong>)
      <strong>→ Advanced settings</strong>, und schalten Sie <strong>Developer mode</strong> ein.`,
    html`Wählen Sie zurück in <strong>Apps</strong> den Punkt <strong>Create</strong>, und fügen Sie die
      Adresse des Servers als <strong>MCP server URL</strong> ein.`,
    html`Wählen Sie <strong>OAuth</strong> zur Anmeldung.`,
  ],
  cursorInstall: 'Zu Cursor hinzufügen',
  cursorFile: html`Oder tragen Sie dies in <code>~/.cursor/mcp.json</code> ein:`,
  vsCodeInstall: 'Zu VS Code hinzufügen',
  vsCodeInsidersInstall: 'Zu VS Code Insiders hinzufügen',
  vsCodeCommand: 'Oder führen Sie dies in einem Terminal aus:',
  geminiThen: html`Danach in Gemini CLI <code>/mcp auth</code> mit dem Namen des Servers aufrufen, um sich
    anzumelden.`,
  lmStudioInstall: 'Zu LM Studio hinzufügen',
  otherClient: 'Jeder andere Client',
  otherClientSteps: html`Wählen Sie <strong>Streamable HTTP</strong> als Transport, geben Sie die Adresse des
    Servers an, und lassen Sie alle OAuth-Felder leer: Den Rest findet der Client selbst heraus. Zum Ansehen
    des Servers dient der MCP Inspector:`,
  otherClientStepsWithId: html`Wählen Sie <strong>Streamable HTTP</strong> als Transport, und geben Sie die
    Adresse des Servers und Ihre Client-ID an: Den Rest findet der Client selbst heraus. Zum Ansehen des
    Servers dient der MCP Inspector:`,
} satisfies Texts['home'];
