/** Walks discovery, registration, consent, sign-in, calls, refresh and revocation with the official MCP SDK client. */
import {
  discoverAuthorizationServerMetadata,
  discoverOAuthProtectedResourceMetadata,
  exchangeAuthorization,
  extractWWWAuthenticateParams,
  refreshAuthorization,
  registerClient,
  startAuthorization,
} from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { randomBytes } from 'node:crypto';
import { visitAutomatically, visitInBrowser, type Visit } from './try-visit.ts';

interface TryOptions {
  readonly url: string;
  readonly auto: boolean;
  readonly name: string;
  readonly email: string;
  readonly print: (line: string) => void;
}

/** A step that went wrong, with what to do about it. */
class StepError extends Error {
  override readonly name = 'StepError';
}

/** Walks every step, prints a line for each, and returns whether all went well. */
export async function tryProxy(options: TryOptions): Promise<boolean> {
  let isFailed = false;
  const step = async <T>(title: string, work: () => Promise<readonly [T, string]>): Promise<T> => {
    try {
      const [result, told] = await work();
      options.print(`✓ ${title}\n    ${told}`);
      return result;
    } catch (error) {
      isFailed = true;
      options.print(`✗ ${title}\n    ${explain(error, options.url)}`);
      throw error;
    }
  };
  const visit = options.auto ? await visitAutomatically(options) : await visitInBrowser(options.print);
  try {
    await walk(options.url, visit, step);
    options.print('\nEverything works.');
  } catch (error) {
    if (!isFailed) options.print(`✗ ${explain(error, options.url)}`);
    isFailed = true;
  } finally {
    await visit.close();
  }
  return !isFailed;
}

type Step = <T>(title: string, work: () => Promise<readonly [T, string]>) => Promise<T>;

async function walk(url: string, visit: Visit, step: Step): Promise<void> {
  const challenge = await step('A call without a token is refused, and says where to sign in', async () => {
    const response = await post(url, undefined);
    const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(response);
    expect(response.status === 401, `POST ${url} answered ${response.status} instead of 401`);
    expect(resourceMetadataUrl !== undefined, 'the 401 has no resource_metadata in WWW-Authenticate');
    return [
      { resourceMetadataUrl, scope },
      `POST ${url} → 401, resource_metadata=${resourceMetadataUrl?.href}`,
    ];
  });
  const resource = await step('The protected resource says who its authorization server is', async () => {
    const metadata = await discoverOAuthProtectedResourceMetadata(url, {
      ...(challenge.resourceMetadataUrl && { resourceMetadataUrl: challenge.resourceMetadataUrl }),
    });
    expect(metadata.resource === url, `resource is ${metadata.resource}, and ${url} was asked for`);
    return [
      metadata,
      `resource=${metadata.resource} authorization_servers=${metadata.authorization_servers?.join(' ')}`,
    ];
  });
  const issuer = resource.authorization_servers?.[0] ?? new URL(url).origin;
  const server = await step('The authorization server describes itself', async () => {
    const metadata = await discoverAuthorizationServerMetadata(issuer);
    if (metadata === undefined) throw new StepError(`There is no authorization server metadata at ${issuer}`);
    expect(metadata.issuer === issuer, `issuer is ${metadata.issuer} instead of ${issuer}`);
    return [
      metadata,
      `issuer=${metadata.issuer} PKCE=${metadata.code_challenge_methods_supported?.join(' ')}`,
    ];
  });
  const scope = challenge.scope ?? resource.scopes_supported?.join(' ') ?? 'openid';
  const client = await step('The client registers itself', async () => {
    const registered = await registerClient(issuer, {
      metadata: server,
      clientMetadata: {
        client_name: 'npm run try',
        redirect_uris: [visit.redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        scope,
      },
    });
    return [registered, `POST ${server.registration_endpoint} → client_id=${registered.client_id}`];
  });
  const common = { metadata: server, clientInformation: client, resource: new URL(resource.resource) };
  const state = randomBytes(16).toString('base64url');
  const { authorizationUrl, codeVerifier } = await startAuthorization(issuer, {
    ...common,
    redirectUrl: visit.redirectUri,
    scope,
    state,
  });
  const authorizationCode = await step('A person approves and signs in', async () => {
    const returned = await visit.visit(authorizationUrl);
    const error = returned.searchParams.get('error');
    if (error !== null)
      throw new StepError(`The answer was ${error}: ${returned.searchParams.get('error_description')}`);
    expect(returned.searchParams.get('state') === state, 'the answer has another state');
    expect(returned.searchParams.get('iss') === issuer, 'the answer has another iss (RFC 9207)');
    const code = returned.searchParams.get('code') ?? '';
    return [code, `→ ${visit.redirectUri}?code=${shorten(code)}&state=…&iss=${issuer}`];
  });
  const tokens = await step('The code becomes tokens', async () => {
    const issued = await exchangeAuthorization(issuer, {
      ...common,
      authorizationCode,
      codeVerifier,
      redirectUri: visit.redirectUri,
    });
    expect(issued.refresh_token !== undefined, 'there is no refresh token');
    return [
      issued,
      `access_token=${shorten(issued.access_token)} expires_in=${issued.expires_in} scope=${issued.scope}`,
    ];
  });
  await step('The MCP server answers, and knows who is calling', async () => [
    undefined,
    await callServer(url, tokens.access_token),
  ]);
  const fresh = await step('The refresh token becomes new tokens', async () => {
    const issued = await refreshAuthorization(issuer, {
      ...common,
      refreshToken: tokens.refresh_token ?? '',
    });
    expect(issued.access_token !== tokens.access_token, 'the access token did not change');
    return [
      issued,
      `access_token=${shorten(issued.access_token)} refresh_token=${shorten(issued.refresh_token)}`,
    ];
  });
  await step('The new token works', async () => [undefined, await callServer(url, fresh.access_token)]);
  await step('Revoked, it is refused at once', async () => {
    const revocationEndpoint =
      ('revocation_endpoint' in server && server.revocation_endpoint) || `${issuer}/revoke`;
    const revoked = await fetch(revocationEndpoint, {
      method: 'POST',
      body: new URLSearchParams({ token: fresh.refresh_token ?? '', client_id: client.client_id }),
    });
    expect(revoked.status === 200, `the revocation endpoint answered ${revoked.status}`);
    const response = await post(url, fresh.access_token);
    expect(response.status === 401, `a revoked token was answered ${response.status} instead of 401`);
    return [undefined, `POST ${revocationEndpoint} → 200, POST ${url} → 401`];
  });
}

/** Lists the tools, and calls `whoami` where there is one: on the wire what every client does. */
async function callServer(url: string, accessToken: string): Promise<string> {
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { authorization: `Bearer ${accessToken}` } },
  });
  const client = new Client({ name: 'npm-run-try', version: '1.0.0' });
  await client.connect(transport);
  try {
    const { tools } = await client.listTools();
    const names = tools.map((tool) => tool.name);
    if (!names.includes('whoami')) return `tools: ${names.join(', ') || '(none)'}`;
    const { content } = await client.callTool({ name: 'whoami', arguments: {} });
    return `tools: ${names.join(', ')}; whoami → ${JSON.stringify(content)}`;
  } finally {
    await client.close();
  }
}

async function post(url: string, accessToken: string | undefined): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
  });
}

function expect(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new StepError(otherwise);
}

function shorten(secret: string | undefined): string {
  return secret === undefined ? '(none)' : `${secret.slice(0, 10)}… (${secret.length} characters)`;
}

function explain(error: unknown, url: string): string {
  if (error instanceof StepError) return error.message;
  const message = error instanceof Error ? error.message : 'unknown failure';
  if (/fetch failed|ECONNREFUSED/.test(message)) {
    return `Nothing answers at ${new URL(url).origin}. Start the demo first (npm run demo), or give the address of your proxy.`;
  }
  return message;
}
