/**
 * A command-line client made with one version of the official SDK, as its users write them: it keeps what it is given
 * in a file, listens on loopback for the answer of a sign-in, calls a tool and leaves.
 *
 *     node sdk-client.ts <v1 or v2 of the API> <the SDK's folder> <era> <MCP URL> <file> [--listen] [--document=<URL>]
 *
 * It prints one line for each thing that happens: a word, and what it is about.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import type * as SdkV2 from '@modelcontextprotocol/client';
import type { OAuthDiscoveryState } from '@modelcontextprotocol/client';
import type * as ClientV1 from '@modelcontextprotocol/sdk/client/index.js';
import type * as TransportV1 from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type * as TypesV1 from '@modelcontextprotocol/sdk/types.js';

const [api, folder = '', era = '', mcpUrl = '', file = ''] = process.argv.slice(2);

const say = (word: string, about: unknown = '') => console.log(`${word} ${JSON.stringify(about)}`);

/** What survives the process. */
interface Stored {
  client?: OAuthClientInformationMixed | undefined;
  tokens?: OAuthTokens | undefined;
}

/** What an SDK asks of the program around it. */
class Session {
  readonly redirectUrl: string;
  readonly clientMetadata;
  /** Its client id, where the server reads such documents (MCP authorization, "Client ID Metadata Documents"). */
  readonly clientMetadataUrl?: string;
  readonly #state = randomUUID();
  readonly #stored: Stored = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Stored) : {};
  #verifier = '';
  #discovery: OAuthDiscoveryState | undefined;

  constructor(redirectUrl: string) {
    this.redirectUrl = redirectUrl;
    this.clientMetadata = {
      client_name: 'SDK client',
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
    const document = process.argv.find((argument) => argument.startsWith('--document='));
    if (document !== undefined) this.clientMetadataUrl = document.slice('--document='.length);
  }

  #keep(changed: Stored): void {
    writeFileSync(file, JSON.stringify(Object.assign(this.#stored, changed)));
  }

  state = () => this.#state;
  clientInformation = () => this.#stored.client;
  saveClientInformation(client: OAuthClientInformationMixed): void {
    say('registered', client.client_id);
    this.#keep({ client });
  }
  tokens = () => this.#stored.tokens;
  saveTokens(tokens: OAuthTokens): void {
    say('tokens', Object.keys(tokens).sort());
    this.#keep({ tokens });
  }
  redirectToAuthorization(url: URL): void {
    say('authorize', url.href);
  }
  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }
  codeVerifier = () => this.#verifier;
  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.#discovery = state;
  }
  discoveryState = () => this.#discovery;
  invalidateCredentials(scope: string): void {
    say('invalidated', scope);
    if (scope === 'all' || scope === 'client') this.#keep({ client: undefined });
    if (scope === 'all' || scope === 'tokens') this.#keep({ tokens: undefined });
  }
}

/** One of its connections: refused at first, and allowed after a sign-in. */
interface Connection {
  connect(): Promise<void>;
  finishSignIn(answer: URLSearchParams): Promise<void>;
  call(name: string): Promise<unknown>;
  /** Resolves when the server has said that its tools changed. */
  readonly toolsChanged: Promise<void>;
  /** Ends the session at the server too, where there is one. */
  end(): Promise<void>;
}

const clientInfo = { name: 'sdk-client', version: '1.0.0' };
const options = { capabilities: {} };
const load = async (path: string): Promise<unknown> => import(pathToFileURL(`${folder}/${path}`).href);

async function openV1(authProvider: Session): Promise<Connection> {
  const { Client } = (await load('dist/esm/client/index.js')) as typeof ClientV1;
  const { StreamableHTTPClientTransport } = (await load(
    'dist/esm/client/streamableHttp.js',
  )) as typeof TransportV1;
  const { ToolListChangedNotificationSchema } = (await load('dist/esm/types.js')) as typeof TypesV1;
  const client = new Client(clientInfo, options);
  const transport = new StreamableHTTPClientTransport(new URL(mcpUrl), { authProvider });
  return {
    connect: () => client.connect(transport),
    finishSignIn: (answer) => transport.finishAuth(answer.get('code') ?? ''),
    call: (name) => client.callTool({ name }),
    toolsChanged: new Promise((resolve) => {
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve());
    }),
    async end() {
      await transport.terminateSession();
      await client.close();
    },
  };
}

async function openV2(authProvider: Session): Promise<Connection> {
  const { Client, StreamableHTTPClientTransport } = (await load('dist/index.mjs')) as typeof SdkV2;
  const isLegacy = era === 'legacy';
  let tellChange = () => {};
  const client = new Client(clientInfo, {
    ...options,
    versionNegotiation: { mode: isLegacy ? 'legacy' : 'auto' },
    listChanged: { tools: { onChanged: () => tellChange() } },
  });
  const transport = new StreamableHTTPClientTransport(new URL(mcpUrl), { authProvider });
  return {
    connect: () => client.connect(transport),
    finishSignIn: (answer) => transport.finishAuth(answer),
    call: (name) => client.callTool({ name }),
    toolsChanged: new Promise((resolve) => {
      tellChange = resolve;
    }),
    async end() {
      if (isLegacy) await transport.terminateSession();
      await client.close();
    },
  };
}

const callback = createServer();
await once(callback.listen(0, '127.0.0.1'), 'listening');
const { port } = callback.address() as AddressInfo;
const answered = new Promise<URLSearchParams>((resolve) => {
  callback.on('request', ({ url = '' }, response) => {
    response.end('You can close this window.');
    resolve(new URL(url, 'http://127.0.0.1').searchParams);
  });
});

const session = new Session(`http://127.0.0.1:${port}/callback`);
const open = api === 'v1' ? openV1 : openV2;
let connection = await open(session);
try {
  await connection.connect();
} catch (error) {
  say('refused', String(error));
  const answer = await answered;
  // The oldest SDK sends no state.
  if (answer.has('state') && answer.get('state') !== session.state())
    throw new Error('a foreign state', { cause: error });
  await connection.finishSignIn(answer);
  connection = await open(session);
  await connection.connect();
}
say('called', await connection.call('whoami'));
if (process.argv.includes('--listen')) {
  await connection.call('test_trigger_tool_change');
  await connection.toolsChanged;
  say('heard');
}
await connection.end();
say('ended');
callback.close();
callback.closeAllConnections();
