/** The official SDKs as real MCP clients: they find the server, register, send the person away, and call tools. */
import {
  Client as ClientV2,
  type OAuthDiscoveryState,
  StreamableHTTPClientTransport as TransportV2,
  UnauthorizedError as UnauthorizedErrorV2,
} from '@modelcontextprotocol/client';
import { UnauthorizedError as UnauthorizedErrorV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ScriptedBrowser } from '../../scripts/scripted-browser.ts';
import type { Person } from '../support/sample-provider.ts';

const clientInfo = { name: 'journey', version: '1.0.0' };

/** On loopback, where a native app would listen; the browser of the tests does not open it. */
const redirectUri = 'http://127.0.0.1:33418/callback';

/** What an SDK asks of the program around it, kept in memory. */
class Session {
  readonly redirectUrl = redirectUri;
  readonly clientMetadata = {
    client_name: 'Journey',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
  client: OAuthClientInformationMixed | undefined;
  issued: OAuthTokens | undefined;
  /** Where the SDK wanted to send the person, and has not yet. */
  authorizationUrl: URL | undefined;
  #verifier = '';

  state = () => 'state of the journey';
  clientInformation = () => this.client;
  saveClientInformation(client: OAuthClientInformationMixed): void {
    this.client = client;
  }
  tokens = () => this.issued;
  saveTokens(tokens: OAuthTokens): void {
    this.issued = tokens;
  }
  redirectToAuthorization(url: URL): void {
    this.authorizationUrl = url;
  }
  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }
  codeVerifier = () => this.#verifier;
  invalidateCredentials(scope: string): void {
    if (scope === 'all' || scope === 'client') this.client = undefined;
    if (scope === 'all' || scope === 'tokens') this.issued = undefined;
  }
}

/** Remembers, as SDK 2 asks, at which authorization server the person was sent away (SEP-2352). */
class SessionV2 extends Session {
  /** The URL of a document that describes it: its client_id where the server takes such documents. */
  readonly clientMetadataUrl?: string;
  #discovery: OAuthDiscoveryState | undefined;
  constructor(clientMetadataUrl: string | undefined) {
    super();
    if (clientMetadataUrl !== undefined) this.clientMetadataUrl = clientMetadataUrl;
  }
  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.#discovery = state;
  }
  discoveryState = () => this.#discovery;
}

export interface ConnectedClient {
  readonly protocolVersion: string | undefined;
  /** What it holds now; undefined after the server has ended the grant. */
  tokens(): OAuthTokens | undefined;
  readonly clientId: string;
  /** Where the SDK wants the person to go, after it has given up on a call because only they can help. */
  readonly authorizationUrl: URL | undefined;
  /** The person goes there, and the client gets their answer. */
  signInAgain(): Promise<void>;
  /** The tool's structured answer; `onProgress` hears what it reports meanwhile. */
  call(
    name: string,
    args?: Record<string, unknown>,
    onProgress?: (progress: number) => void,
  ): Promise<unknown>;
  close(): Promise<void>;
}

interface ConnectOptions {
  readonly person: Person;
  /** SDK 2 only. */
  readonly clientMetadataUrl?: string;
  readonly fetch?: FetchLike;
}

export type Connect = (mcpUrl: URL, options: ConnectOptions) => Promise<ConnectedClient>;

/** Tries, is sent away to sign in, brings the answer, and tries again: as every program with the SDK does. */
async function signIn(
  session: Session,
  person: Person,
  attempt: () => Promise<{ finish(answer: URLSearchParams): Promise<void> }>,
): Promise<void> {
  const { finish } = await attempt();
  await answerSignIn(session, person, finish);
}

async function answerSignIn(
  session: Session,
  person: Person,
  finish: (answer: URLSearchParams) => Promise<void>,
): Promise<void> {
  if (session.authorizationUrl === undefined) throw new Error('nobody was asked to sign in');
  const answer = await new ScriptedBrowser().connect(session.authorizationUrl.href, {
    ...person,
    redirectUri,
  });
  session.authorizationUrl = undefined;
  await finish(answer.searchParams);
}

/** Whether an SDK gave up because only the person can help. */
export function isSignInNeeded(error: unknown): boolean {
  return error instanceof UnauthorizedErrorV1 || error instanceof UnauthorizedErrorV2;
}

/** Connects without tokens: rejects, after the SDK has done all that it can do without the person. */
async function expectRefusal(connecting: Promise<void>): Promise<void> {
  const wasRefused = await connecting.then(() => false, isSignInNeeded);
  if (!wasRefused) throw new Error('the first request was not refused with UnauthorizedError');
}

export const connectV1: Connect = async (mcpUrl, { person, fetch }) => {
  const session = new Session();
  const options = { authProvider: session, ...(fetch !== undefined && { fetch }) };
  await signIn(session, person, async () => {
    const transport = new TransportV1(mcpUrl, options);
    await expectRefusal(new ClientV1(clientInfo).connect(transport));
    return { finish: async (answer) => transport.finishAuth(answer.get('code') ?? '') };
  });
  const client = new ClientV1(clientInfo);
  const transport = new TransportV1(mcpUrl, options);
  await client.connect(transport);
  return {
    protocolVersion: transport.protocolVersion,
    tokens: () => session.issued,
    clientId: session.client?.client_id ?? '',
    get authorizationUrl() {
      return session.authorizationUrl;
    },
    signInAgain: async () =>
      answerSignIn(session, person, async (answer) => transport.finishAuth(answer.get('code') ?? '')),
    call: async (name, args = {}, onProgress = () => undefined) => {
      const onprogress = ({ progress }: { progress: number }) => onProgress(progress);
      return (await client.callTool({ name, arguments: args }, undefined, { onprogress }))[
        'structuredContent'
      ];
    },
    close: () => client.close(),
  };
};

/** `auto` speaks 2026-07-28 where the server does, `legacy` the revisions with sessions. The `iss` is checked. */
export const connectV2 =
  (mode: 'auto' | 'legacy'): Connect =>
  async (mcpUrl, { person, fetch, clientMetadataUrl }) => {
    const session = new SessionV2(clientMetadataUrl);
    const options = { authProvider: session, ...(fetch !== undefined && { fetch }) };
    const create = () => new ClientV2(clientInfo, { versionNegotiation: { mode } });
    await signIn(session, person, async () => {
      const transport = new TransportV2(mcpUrl, options);
      await expectRefusal(create().connect(transport));
      return { finish: async (answer) => transport.finishAuth(answer) };
    });
    const client = create();
    const transport = new TransportV2(mcpUrl, options);
    await client.connect(transport);
    return {
      protocolVersion: client.getNegotiatedProtocolVersion(),
      tokens: () => session.issued,
      clientId: session.client?.client_id ?? '',
      get authorizationUrl() {
        return session.authorizationUrl;
      },
      signInAgain: async () => answerSignIn(session, person, async (answer) => transport.finishAuth(answer)),
      call: async (name, args = {}, onProgress = () => undefined) => {
        const onprogress = ({ progress }: { progress: number }) => onProgress(progress);
        return (await client.callTool({ name, arguments: args }, { onprogress })).structuredContent;
      },
      close: () => client.close(),
    };
  };
