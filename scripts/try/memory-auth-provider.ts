/** What an MCP client remembers of its authorization, for the official SDK: in memory. */
import type { OAuthClientProvider, OAuthDiscoveryState } from '@modelcontextprotocol/sdk/client/auth.js';
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import { randomBytes } from 'node:crypto';

export class MemoryAuthProvider implements OAuthClientProvider {
  readonly redirectUrl: string;
  readonly clientMetadata: OAuthClientMetadata;
  readonly sentState = randomBytes(16).toString('base64url');
  /** Where the SDK wants to send the person; undefined until it does. */
  authorizationUrl: URL | undefined;
  discovered: OAuthDiscoveryState | undefined;
  registered: OAuthClientInformationMixed | undefined;
  issued: OAuthTokens | undefined;
  #codeVerifier = '';

  constructor(clientName: string, redirectUri: string) {
    this.redirectUrl = redirectUri;
    this.clientMetadata = {
      client_name: clientName,
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  state(): string {
    return this.sentState;
  }
  discoveryState(): OAuthDiscoveryState | undefined {
    return this.discovered;
  }
  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.discovered = state;
  }
  clientInformation(): OAuthClientInformationMixed | undefined {
    return this.registered;
  }
  saveClientInformation(registered: OAuthClientInformationMixed): void {
    this.registered = registered;
  }
  tokens(): OAuthTokens | undefined {
    return this.issued;
  }
  saveTokens(tokens: OAuthTokens): void {
    this.issued = tokens;
  }
  redirectToAuthorization(authorizationUrl: URL): void {
    this.authorizationUrl = authorizationUrl;
  }
  saveCodeVerifier(codeVerifier: string): void {
    this.#codeVerifier = codeVerifier;
  }
  codeVerifier(): string {
    return this.#codeVerifier;
  }
}
