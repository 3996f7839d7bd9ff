/**
 * What clients send that were not recorded: their registration, callback and habits as their documentation or those who
 * have met them say. By the id of the catalogue (`src/protocol/known-clients.ts`), whose sources these are.
 */

export interface DocumentedClient {
  /** The body of its registration; undefined where the operator makes the client. */
  readonly registers?: Readonly<Record<string, unknown>>;
  /** What the operator enters. */
  readonly madeByOperator?: Readonly<Record<string, unknown>>;
  /** Where it wants the answer. It need not be what it registered: a port may differ. */
  readonly callback: string;
  /** Default: all of the protected resource's */
  readonly scope?: string | undefined;
  /** Whether it names the resource when it refreshes. Default: true */
  readonly resourceInRefresh?: boolean;
}

const publicClient = {
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
};
const withSecret = { ...publicClient, token_endpoint_auth_method: 'client_secret_post' };

/** A public client with one callback. */
const simple = (client_name: string, callback: string, more = {}): DocumentedClient => ({
  registers: { ...publicClient, client_name, redirect_uris: [callback], ...more },
  callback,
});

export const documentedClients: Readonly<Record<string, DocumentedClient>> = {
  claude: {
    registers: {
      ...withSecret,
      client_name: 'Claude',
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
    },
    callback: 'https://claude.ai/api/mcp/auth_callback',
  },
  'claude-code': {
    ...simple('Claude Code', 'http://localhost:3118/callback'),
    callback: 'http://localhost:54021/callback',
  },
  chatgpt: simple('ChatGPT', 'https://chatgpt.com/connector/oauth/aBc123'),
  // It registers one name of loopback and asks with the other.
  codex: {
    ...simple('Codex', 'http://127.0.0.1:1455/callback/q2sT9x_ZkLmA'),
    callback: 'http://localhost:49200/callback/q2sT9x_ZkLmA',
  },
  cursor: {
    registers: {
      ...publicClient,
      client_name: 'Cursor',
      application_type: 'web',
      redirect_uris: [
        'cursor://anysphere.cursor-mcp/oauth/callback',
        'http://localhost:8787/callback',
        'https://www.cursor.com/agents/mcp/oauth/callback',
      ],
    },
    callback: 'cursor://anysphere.cursor-mcp/oauth/callback',
  },
  vscode: {
    registers: {
      ...publicClient,
      client_name: 'Visual Studio Code',
      application_type: 'native',
      redirect_uris: [
        'http://127.0.0.1/',
        'http://127.0.0.1:33418/',
        'https://vscode.dev/redirect',
        'https://insiders.vscode.dev/redirect',
      ],
    },
    callback: 'http://127.0.0.1:50607/',
  },
  'copilot-cli': {
    ...simple('GitHub Copilot CLI', 'http://127.0.0.1:33418/'),
    callback: 'http://127.0.0.1:50608/',
  },
  'copilot-studio': {
    registers: {
      ...withSecret,
      client_name: 'Copilot Studio',
      redirect_uris: ['https://global.consent.azure-apim.net/redirect/new-5fmy-20tool-5f1a2b'],
    },
    callback: 'https://global.consent.azure-apim.net/redirect/new-5fmy-20tool-5f1a2b',
    scope: undefined,
    resourceInRefresh: false,
  },
  'gemini-cli': simple('Gemini CLI MCP Client', 'http://localhost:7777/oauth/callback', { scope: '' }),
  'gemini-enterprise': {
    madeByOperator: {
      ...publicClient,
      client_name: 'Gemini Enterprise',
      redirect_uris: ['https://vertexaisearch.cloud.google.com/oauth-redirect'],
      token_endpoint_auth_method: 'client_secret_post',
    },
    callback: 'https://vertexaisearch.cloud.google.com/oauth-redirect',
    resourceInRefresh: false,
  },
  zed: simple('Zed', 'http://127.0.0.1:50609/callback'),
  perplexity: {
    registers: {
      ...publicClient,
      client_name: 'Perplexity',
      redirect_uris: [
        'https://www.perplexity.ai/rest/connections/oauth_callback',
        'https://enterprise.perplexity.ai/rest/connections/oauth_callback',
      ],
    },
    callback: 'https://www.perplexity.ai/rest/connections/oauth_callback',
  },
  mistral: {
    registers: {
      ...withSecret,
      client_name: 'Mistral Le Chat',
      redirect_uris: ['https://callback.mistral.ai/v1/integrations_auth/oauth2_callback'],
    },
    callback: 'https://callback.mistral.ai/v1/integrations_auth/oauth2_callback',
  },
  grok: {
    registers: {
      ...publicClient,
      client_name: 'Grok',
      redirect_uris: [
        'https://grok.com/connectors-oauth-exchange-code/',
        'https://console.x.ai/connectors-oauth-exchange-code/',
      ],
    },
    callback: 'https://grok.com/connectors-oauth-exchange-code/',
  },
  n8n: simple('n8n', 'https://oauth.n8n.cloud/oauth2/callback'),
  librechat: simple('LibreChat', 'https://chat.example.com/api/mcp/files/oauth/callback'),
  'lm-studio': simple('LM Studio', 'http://localhost:1234/callback'),
  kiro: simple('Kiro', 'http://localhost:7778/oauth/callback'),
  opencode: simple('OpenCode', 'http://127.0.0.1:19876/mcp/oauth/callback'),
  devin: simple('Devin', 'https://api.devin.ai/mcp/oauth/callback'),
  antigravity: simple('Antigravity', 'https://antigravity.google/oauth-callback'),
  postman: simple('Postman', 'https://oauth.pstmn.io/v1/callback'),
  mcpc: simple('mcpc', 'http://localhost:13316/callback'),
};
