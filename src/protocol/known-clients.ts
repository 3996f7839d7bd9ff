/**
 * The catalogue of known clients: what each one is called, and the addresses that are its vendor's. Data only; what
 * it is used for is in `recognize-client.ts` and `client-policy.ts`.
 *
 * `{id}` in an address stands for one path segment. Ports of loopback addresses do not count.
 */

export interface KnownClient {
  /** Stable: tests and documents name an entry by it. */
  readonly id: string;
  /** As people know it. */
  readonly name: string;
  /** What it calls itself where that is not its name. */
  readonly otherNames?: readonly string[];
  readonly vendor: string;
  /**
   * https callbacks that end at the vendor's own service: whoever is sent there, the answer is the vendor's. Only these
   * make a client "verified".
   */
  readonly vendorCallbacks?: readonly string[];
  /**
   * https callbacks that hand the answer on: to a customer of a multi-tenant platform, to an app on the device, or to
   * the person to copy. The host is the vendor's, who gets the answer is not proven by it.
   */
  readonly sharedCallbacks?: readonly string[];
  /** Callbacks on the person's own device: loopback or private-use scheme. Any program there can use them. */
  readonly localCallbacks?: readonly string[];
  /** Client metadata documents that it uses as its client_id. */
  readonly documents?: readonly string[];
  /** Runs on its users' own servers as well: a callback anywhere is not suspicious. */
  readonly isSelfHosted?: true;
  /** The day on which the sources were read. Nothing was tried against the vendor's service. */
  readonly checkedOn: string;
  /** Where the addresses come from. "reported": from those who have met the client, not from its vendor. */
  readonly sources: readonly string[];
}

const checkedOn = '2026-11-25';

export const knownClients: readonly KnownClient[] = [
  {
    id: 'claude',
    name: 'Claude',
    otherNames: ['Anthropic'],
    vendor: 'Anthropic',
    vendorCallbacks: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
    documents: ['https://claude.ai/oauth/mcp-oauth-client-metadata'],
    checkedOn,
    sources: [
      'https://docs.zuora.com/zuora-ai/zuora-mcp-server/zuora-mcp-server/configure-zuora-remote-mcp-server/redirect-uris-by-mcp-client',
      'reported: the document, fetched 2026-09-24 (github.com/fruggr/zendesk-mcp-server)',
    ],
  },
  {
    id: 'claude-code',
    name: 'Claude Code',
    otherNames: ['Anthropic'],
    vendor: 'Anthropic',
    localCallbacks: ['http://localhost/callback'],
    documents: ['https://claude.ai/oauth/claude-code-client-metadata'],
    checkedOn,
    sources: ['reported: the document, fetched 2026-09-24 (github.com/fruggr/zendesk-mcp-server)'],
  },
  {
    id: 'chatgpt',
    name: 'ChatGPT',
    otherNames: ['OpenAI'],
    vendor: 'OpenAI',
    vendorCallbacks: [
      'https://chatgpt.com/connector/oauth/{id}',
      'https://chatgpt.com/connector_platform_oauth_redirect',
    ],
    documents: ['https://chatgpt.com/oauth/client.json', 'https://chatgpt.com/oauth/{id}/client.json'],
    checkedOn,
    sources: [
      'https://developers.openai.com/apps-sdk/build/auth',
      'reported: both documents, fetched 2026-08-19 (github.com/speakeasy-api/gram)',
    ],
  },
  {
    id: 'codex',
    name: 'Codex',
    otherNames: ['OpenAI'],
    vendor: 'OpenAI',
    localCallbacks: ['http://127.0.0.1/callback/{id}', 'http://127.0.0.1/callback'],
    documents: [
      'https://chatgpt.com/oauth/codex/client.json',
      'https://chatgpt.com/oauth/codex/{id}/client.json',
    ],
    checkedOn,
    sources: [
      'https://github.com/openai/codex/blob/main/codex-rs/rmcp-client/src/perform_oauth_login.rs',
      'reported: both documents, fetched 2026-08-19 (github.com/speakeasy-api/gram)',
    ],
  },
  {
    id: 'cursor',
    name: 'Cursor',
    vendor: 'Anysphere',
    vendorCallbacks: ['https://www.cursor.com/agents/mcp/oauth/callback'],
    localCallbacks: [
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'cursor://anysphere.cursor-retrieval/oauth/{id}/callback',
      'http://localhost/callback',
    ],
    checkedOn,
    sources: [
      'https://docs.zuora.com/zuora-ai/zuora-mcp-server/zuora-mcp-server/configure-zuora-remote-mcp-server/redirect-uris-by-mcp-client',
      'reported: registrations as they arrived (github.com/koala73/worldmonitor)',
    ],
  },
  {
    id: 'vscode',
    name: 'Visual Studio Code',
    otherNames: ['VS Code', 'GitHub Copilot'],
    vendor: 'Microsoft',
    // Hands the answer on to the editor that `state` names.
    sharedCallbacks: ['https://vscode.dev/redirect', 'https://insiders.vscode.dev/redirect'],
    localCallbacks: ['http://127.0.0.1/'],
    documents: [
      'https://vscode.dev/oauth/client-metadata.json',
      'https://insiders.vscode.dev/oauth/client-metadata.json',
    ],
    checkedOn,
    sources: ['https://github.com/microsoft/vscode/blob/main/src/vs/base/common/oauth.ts'],
  },
  {
    id: 'copilot-cli',
    name: 'GitHub Copilot CLI',
    vendor: 'GitHub',
    localCallbacks: ['http://127.0.0.1/'],
    documents: ['https://github.com/copilot/cli/client-metadata.json'],
    checkedOn,
    sources: ['reported: github.com/speakeasy-api/gram'],
  },
  {
    id: 'copilot-studio',
    name: 'Copilot Studio',
    vendor: 'Microsoft',
    // One path for each customer's connector: another path is another customer.
    sharedCallbacks: ['https://global.consent.azure-apim.net/redirect/{id}'],
    checkedOn,
    sources: [
      'reported: http://agentifyanchor.github.io/blog/posts/2025-12-30-building-a-production-ready-mcp-server-for-copilot-with-dynamic-client-registration',
    ],
  },
  {
    id: 'gemini-cli',
    name: 'Gemini CLI',
    vendor: 'Google',
    localCallbacks: ['http://localhost/oauth/callback'],
    checkedOn,
    sources: [
      'https://github.com/google-gemini/gemini-cli/blob/main/packages/core/src/mcp/oauth-provider.ts',
    ],
  },
  {
    id: 'gemini-enterprise',
    name: 'Gemini Enterprise',
    vendor: 'Google',
    sharedCallbacks: ['https://vertexaisearch.cloud.google.com/oauth-redirect'],
    checkedOn,
    sources: ['reported: redirect URI that its operators are told to register (several public repositories)'],
  },
  {
    id: 'mcp-remote',
    name: 'mcp-remote',
    otherNames: ['MCP CLI Proxy'],
    vendor: 'open source',
    localCallbacks: ['http://localhost/oauth/callback'],
    checkedOn,
    sources: [
      'https://github.com/geelen/mcp-remote/blob/main/src/lib/node-oauth-client-provider.ts',
      'recorded: mcp-remote 0.1.38 and 0.15.1',
    ],
  },
  {
    id: 'inspector',
    name: 'MCP Inspector',
    vendor: 'Model Context Protocol',
    localCallbacks: ['http://localhost/oauth/callback', 'http://localhost/oauth/callback/debug'],
    checkedOn,
    sources: ['recorded: MCP Inspector 2.12'],
  },
  {
    id: 'zed',
    name: 'Zed',
    vendor: 'Zed Industries',
    localCallbacks: ['http://127.0.0.1/callback'],
    documents: ['https://zed.dev/oauth/client-metadata.json'],
    checkedOn,
    sources: [
      'https://github.com/zed-industries/zed/blob/main/crates/context_server/src/oauth.rs',
      'reported: the document, fetched 2026-09-24 (github.com/fruggr/zendesk-mcp-server)',
    ],
  },
  {
    id: 'perplexity',
    name: 'Perplexity',
    vendor: 'Perplexity',
    vendorCallbacks: [
      'https://www.perplexity.ai/rest/connections/oauth_callback',
      'https://enterprise.perplexity.ai/rest/connections/oauth_callback',
    ],
    checkedOn,
    sources: ['reported: several public servers that list it (github.com/koala73/worldmonitor)'],
  },
  {
    id: 'mistral',
    name: 'Le Chat',
    otherNames: ['Mistral', 'Mistral Le Chat'],
    vendor: 'Mistral AI',
    vendorCallbacks: ['https://callback.mistral.ai/v1/integrations_auth/oauth2_callback'],
    checkedOn,
    sources: ['reported: several public servers that list it (github.com/koala73/worldmonitor)'],
  },
  {
    id: 'grok',
    name: 'Grok',
    otherNames: ['xAI'],
    vendor: 'xAI',
    vendorCallbacks: [
      'https://grok.com/connectors-oauth-exchange-code/',
      'https://console.x.ai/connectors-oauth-exchange-code/',
    ],
    documents: ['https://grok.com/oauth/mcp-client.json'],
    checkedOn,
    sources: ['reported: the document and registrations as they arrived, August 2026 (public repositories)'],
  },
  {
    id: 'n8n',
    name: 'n8n',
    vendor: 'n8n',
    // Hands the answer on to the customer's instance that `state` names.
    sharedCallbacks: ['https://oauth.n8n.cloud/oauth2/callback'],
    isSelfHosted: true,
    checkedOn,
    sources: ['reported: guides for n8n Cloud (public repositories)'],
  },
  {
    id: 'librechat',
    name: 'LibreChat',
    vendor: 'open source',
    isSelfHosted: true,
    checkedOn,
    sources: [
      'https://github.com/danny-avila/LibreChat/blob/main/packages/api/src/mcp/oauth/handler.ts (a copy of it)',
    ],
  },
  {
    id: 'lm-studio',
    name: 'LM Studio',
    vendor: 'Element Labs',
    localCallbacks: ['http://localhost/callback'],
    checkedOn,
    sources: ['reported: registrations as they arrived (public issue threads)'],
  },
  {
    id: 'kiro',
    name: 'Kiro',
    vendor: 'Amazon Web Services',
    localCallbacks: ['http://localhost/oauth/callback'],
    checkedOn,
    sources: ['https://kiro.dev/changelog/cli/2-12/'],
  },
  {
    id: 'opencode',
    name: 'OpenCode',
    vendor: 'Anomaly',
    localCallbacks: ['http://127.0.0.1/mcp/oauth/callback', 'http://127.0.0.1/callback'],
    documents: ['https://opencode.ai/oauth/opencode/client.json'],
    checkedOn,
    sources: [
      'https://github.com/anomalyco/opencode/blob/dev/packages/opencode/src/mcp/oauth-provider.ts (a copy of it)',
      'reported: the document, fetched 2026-09-24 (github.com/fruggr/zendesk-mcp-server)',
    ],
  },
  {
    id: 'devin',
    name: 'Devin',
    vendor: 'Cognition',
    vendorCallbacks: ['https://api.devin.ai/mcp/oauth/callback'],
    checkedOn,
    sources: ['reported: several public servers that list it (github.com/koala73/worldmonitor)'],
  },
  {
    id: 'antigravity',
    name: 'Antigravity',
    vendor: 'Google',
    // Shows the code to the person, who copies it into the editor.
    sharedCallbacks: ['https://antigravity.google/oauth-callback'],
    checkedOn,
    sources: ['reported: the editor’s own documentation as copied into public repositories'],
  },
  {
    id: 'postman',
    name: 'Postman',
    vendor: 'Postman',
    // Hands the answer on to the app.
    sharedCallbacks: ['https://oauth.pstmn.io/v1/callback'],
    checkedOn,
    sources: ['reported: many public repositories'],
  },
  {
    id: 'mcpc',
    name: 'mcpc',
    vendor: 'Apify',
    localCallbacks: ['http://localhost/callback'],
    checkedOn,
    sources: ['https://github.com/apify/mcpc/blob/main/src/lib/auth/oauth-flow.ts'],
  },
];
