/** What clients and the people before them do, in verbs: register, authorize, redeem, refresh, call. */
import type { InjectOptions } from 'fastify';
import { challengeOf, createNonce } from '../../src/crypto/secrets.ts';
import { registerClient } from '../../src/flows/register-client.ts';
import { readClientMetadata } from '../../src/protocol/client-metadata.ts';
import type { Answer, TestApp } from './app.ts';
import { formOf, openBrowser, type Browser, type Parameters, postForm } from './browser.ts';
import { type Person, signInAt } from './sample-provider.ts';

export const ada: Person = { name: 'Ada Lovelace', email: 'ada@example.com' };

export interface TestClient {
  readonly clientId: string;
  /** Undefined for a public client. */
  readonly clientSecret: string | undefined;
  readonly redirectUri: string;
}

/** Registers a public web client, unless `metadata` says otherwise. */
export async function register(
  proxy: TestApp,
  metadata: Readonly<Record<string, unknown>> = {},
): Promise<TestClient> {
  const answer = await proxy.send({
    method: 'POST',
    url: '/register',
    payload: { ...webClient, ...metadata },
  });
  if (answer.statusCode !== 201) throw new Error(`not registered: ${answer.body}`);
  const registered = answer.json<{ client_id: string; client_secret?: string; redirect_uris: string[] }>();
  return {
    clientId: registered.client_id,
    clientSecret: registered.client_secret,
    redirectUri: registered.redirect_uris[0] ?? '',
  };
}

/** A client that nobody else is: the same registration twice gives the same public client. */
export async function registerStranger(proxy: TestApp): Promise<TestClient> {
  return register(proxy, { client_name: createNonce() });
}

/** A client that the operator made: its redirect URIs are trusted. */
export async function registerByOperator(
  proxy: Pick<TestApp, 'db' | 'clock'>,
  metadata: Readonly<Record<string, unknown>> = {},
): Promise<TestClient> {
  const read = readClientMetadata({ ...webClient, ...metadata });
  const { client, clientSecret } = await registerClient(proxy, { metadata: read, source: 'operator' });
  return { clientId: client.clientId, clientSecret, redirectUri: client.redirectUris[0] ?? '' };
}

const webClient = {
  client_name: 'Test client',
  redirect_uris: ['https://client.example/callback'],
  token_endpoint_auth_method: 'none',
};

/** Whether the server still has a client. */
export async function isRegistered({ db }: Pick<TestApp, 'db'>, clientId: string): Promise<boolean> {
  const query = { text: 'select from clients where client_id = $1', values: [clientId] };
  return (await db.query(query)).rowCount === 1;
}

/** A good authorization request of a client, with some parameters changed. */
export function authorizeUrl(client: TestClient, codeVerifier: string, changed: Parameters = {}): string {
  const parameters = {
    response_type: 'code',
    client_id: client.clientId,
    redirect_uri: client.redirectUri,
    code_challenge: challengeOf(codeVerifier),
    code_challenge_method: 'S256',
    state: 'the state, exactly: ä+&=%20',
    resource: undefined,
    scope: undefined,
    ...changed,
  };
  return `/authorize?${formOf(parameters)}`;
}

export interface Asked {
  readonly browser: Browser;
  readonly requestId: string;
  readonly codeVerifier: string;
  readonly redirectUri: string;
  readonly page: Answer;
}

/** Opens the consent page. */
export async function askConsent(
  proxy: TestApp,
  client: TestClient,
  parameters: Parameters = {},
  browser = openBrowser(proxy),
): Promise<Asked> {
  const codeVerifier = createNonce();
  const page = await browser.get(authorizeUrl(client, codeVerifier, parameters));
  const requestId = /name="request_id" value="([^"]+)"/.exec(page.body)?.[1];
  if (requestId === undefined) throw new Error(`no consent page, but ${page.statusCode}: ${page.body}`);
  const redirectUri =
    typeof parameters.redirect_uri === 'string' ? parameters.redirect_uri : client.redirectUri;
  return { browser, requestId, codeVerifier, redirectUri, page };
}

/** Approves, with one of several providers if it is named; returns where the browser is sent to sign in. */
export async function approve({ browser, requestId }: Asked, provider?: string): Promise<URL> {
  const decision = provider === undefined ? 'approve' : `approve:${provider}`;
  const answer = await browser.submit('/consent', { request_id: requestId, decision });
  return locationOf(answer);
}

export function locationOf(answer: Answer): URL {
  const { location } = answer.headers;
  if (typeof location !== 'string') throw new Error(`no redirect, but ${answer.statusCode}: ${answer.body}`);
  return new URL(location);
}

export interface Authorization extends Asked {
  readonly code: string;
  readonly location: URL;
}

/** The whole way of a person: consent page, approval, sign-in, and back with a code. */
export async function authorize(
  proxy: TestApp,
  client: TestClient,
  parameters: Parameters = {},
  { browser, person = ada }: { readonly browser?: Browser; readonly person?: Person } = {},
): Promise<Authorization> {
  const asked = await askConsent(proxy, client, parameters, browser);
  const returned = await signInAt(await approve(asked), person);
  const location = locationOf(await asked.browser.get(`${returned.pathname}${returned.search}`));
  const code = location.searchParams.get('code');
  if (code === null) throw new Error(`no code: ${location.href}`);
  return { ...asked, code, location };
}

/** The token request for a code, with some parameters changed. */
export async function redeem(
  proxy: TestApp,
  client: TestClient,
  { code, codeVerifier, redirectUri }: Pick<Authorization, 'code' | 'codeVerifier' | 'redirectUri'>,
  changed: Parameters = {},
): Promise<Answer> {
  return postForm(proxy, '/token', {
    grant_type: 'authorization_code',
    code,
    code_verifier: codeVerifier,
    redirect_uri: redirectUri,
    client_id: client.clientId,
    client_secret: client.clientSecret,
    ...changed,
  });
}

export async function refresh(
  proxy: TestApp,
  client: TestClient,
  refreshToken: string,
  changed: Parameters = {},
): Promise<Answer> {
  return postForm(proxy, '/token', {
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: client.clientId,
    client_secret: client.clientSecret,
    ...changed,
  });
}

export async function revoke(
  proxy: TestApp,
  client: TestClient,
  token: string,
  changed: Parameters = {},
): Promise<Answer> {
  const { clientId: client_id, clientSecret: client_secret } = client;
  return postForm(proxy, '/revoke', { token, client_id, client_secret, ...changed });
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly scope: string;
}

/** The tokens of a token response that must be a good one. */
export function tokensOf(answer: Answer): Tokens {
  if (answer.statusCode !== 200) throw new Error(`no tokens, but ${answer.statusCode}: ${answer.body}`);
  const body = answer.json<{ access_token: string; refresh_token: string; scope: string }>();
  return { accessToken: body.access_token, refreshToken: body.refresh_token, scope: body.scope };
}

/** Everything up to the first tokens. */
export async function signIn(
  proxy: TestApp,
  client: TestClient,
  parameters: Parameters = {},
  person = ada,
): Promise<Tokens & { readonly authorization: Authorization }> {
  const authorization = await authorize(proxy, client, parameters, { person });
  return { ...tokensOf(await redeem(proxy, client, authorization)), authorization };
}

export async function callMcp(
  proxy: TestApp,
  accessToken: string | undefined,
  request: InjectOptions = {},
): Promise<Answer> {
  const authorization = accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` };
  return proxy.send({ url: '/mcp', ...request, headers: { ...authorization, ...request.headers } });
}
