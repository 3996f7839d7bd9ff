/** An OpenID provider that a test scripts: well-behaved until told otherwise, endpoint by endpoint. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';

/** An object is sent as JSON, a string as it is; `hangs` never answers. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly hangs?: boolean;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly form: URLSearchParams;
}

type Handler = (call: Call) => Answer | Promise<Answer>;

export const misbehavingClient = { clientId: 'proxy', clientSecret: 'a+b/c%d e' };

/** What the person signed in with; the test says it, as the browser is not played. */
export const secrets = {
  state: 'state-'.padEnd(43, 's'),
  nonce: 'nonce-'.padEnd(43, 'n'),
  codeVerifier: 'verifier-'.padEnd(43, 'v'),
  redirectUri: 'https://proxy.example/callback',
  scopes: [] as readonly string[],
};

/** Starts it. `handlers` are by path; those of a good provider are already there. */
export async function startMisbehavingProvider() {
  const calls: Call[] = [];
  const handlers = new Map<string, Handler>();
  const server = createServer((request, response) => {
    const answerCall = async () => {
      const { method = '', url = '/', headers } = request;
      const path = url.replace(/\?.*/, '');
      const call = { method, path, headers, form: new URLSearchParams(await text(request)) };
      calls.push(call);
      const answer: Answer = (await handlers.get(path)?.(call)) ?? { status: 404 };
      if (answer.hangs === true) return;
      const isText = typeof answer.body === 'string' || answer.body === undefined;
      response
        .writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers })
        .end(isText ? answer.body : JSON.stringify(answer.body));
    };
    answerCall().catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let key = await makeKey('key-1');

  const metadata = (at = issuer) => ({
    issuer: at,
    authorization_endpoint: `${at}/authorize`,
    token_endpoint: `${at}/token`,
    userinfo_endpoint: `${at}/userinfo`,
    jwks_uri: `${at}/jwks`,
    scopes_supported: ['openid', 'profile', 'email'],
    id_token_signing_alg_values_supported: ['ES256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    subject_types_supported: ['public'],
    response_types_supported: ['code'],
  });

  const claims = (): JWTPayload => {
    const now = Math.floor(Date.now() / 1000);
    return {
      iss: issuer,
      aud: misbehavingClient.clientId,
      sub: 'person-1',
      nonce: secrets.nonce,
      iat: now,
      exp: now + 300,
      email: 'ada@example.com',
      email_verified: true,
      name: 'Ada',
    };
  };

  /** An ID token of this provider, with some claims replaced; undefined removes one. */
  const idToken = (replaced: Readonly<Record<string, unknown>> = {}, header: { kid?: string } = {}) =>
    new SignJWT(JSON.parse(JSON.stringify({ ...claims(), ...replaced })) as JWTPayload)
      .setProtectedHeader({ alg: 'ES256', kid: key.kid, ...header })
      .sign(key.privateKey);

  const tokens = async (replaced: Readonly<Record<string, unknown>> = {}) => ({
    access_token: 'upstream-access-token',
    token_type: 'Bearer',
    expires_in: 3600,
    refresh_token: 'upstream-refresh-token',
    id_token: await idToken(),
    ...replaced,
  });

  const on = (path: string, handler: Handler) => handlers.set(path, handler);
  on('/.well-known/openid-configuration', () => ({ body: metadata() }));
  on('/jwks', () => ({ body: { keys: [key.publicJwk] } }));
  on('/token', async () => ({ body: await tokens() }));
  on('/userinfo', () => ({ body: { sub: 'person-1' } }));

  return {
    issuer,
    metadata,
    claims,
    idToken,
    tokens,
    on,
    calls,
    callsTo: (path: string) => calls.filter((call) => call.path === path),
    /** From now on tokens are signed with another key; the old one is no longer published. */
    rotateKey: async () => {
      key = await makeKey(`key-${Math.random()}`);
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function makeKey(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  return { kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' } };
}
