/** An identity provider for demos and tests: the certified `oidc-provider`, in process, on loopback, with a sign-in form. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Context, Provider } from 'oidc-provider';
import { message, page, sendPage, signInForm } from './sample-identity-page.ts';
import { createMemoryStorage } from './sample-identity-storage.ts';

export interface SampleIdentityProviderOptions {
  /** 0, the default, is any free port. */
  readonly port?: number;
  /** Where to listen. Default: 127.0.0.1 */
  readonly host?: string;
  /** The issuer, when it differs from where it listens: an origin. */
  readonly issuer?: string;
  readonly redirectUris: readonly string[];
  readonly clientId: string;
  readonly clientSecret: string;
  /** Default: 3600 */
  readonly accessTokenTtlSeconds?: number;
  /** Whether each use of a refresh token replaces it. Default: true */
  readonly rotateRefreshToken?: boolean;
  /** Where it says that a session is over; `withSession`: that one, not all of the person's. */
  readonly backchannelLogout?: { readonly uri: string; readonly withSession: boolean };
  /** Called with an error that made it answer `server_error`. */
  readonly onError?: (error: Error) => void;
}

interface Person {
  readonly name: string;
  readonly email: string;
}

/** Starts it and resolves once it listens. */
export async function startSampleIdentityProvider(
  options: SampleIdentityProviderOptions,
): Promise<{ readonly issuer: string; close(): Promise<void> }> {
  const server = createServer();
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const issuer = options.issuer ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const people = new Map<string, Person>();
  const { Provider } = await importOidcProvider();
  const provider = new Provider(issuer, configuration(options, people));
  provider.on('server_error', (_context, error) => options.onError?.(error));
  const answerProtocol = provider.callback();

  server.on('request', (request, response) => {
    // oidc-provider takes its addresses from the Host header; ours are always those of the issuer.
    request.headers.host = new URL(issuer).host;
    const answer = request.url?.startsWith('/interaction/')
      ? answerInteraction(provider, people, request, response)
      : answerProtocol(request, response);
    answer.catch((error: unknown) => {
      options.onError?.(error instanceof Error ? error : new Error('unknown failure', { cause: error }));
      if (!response.headersSent)
        sendPage(response, 500, message('Something went wrong', 'Please try again.'));
    });
  });

  return {
    issuer,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The sign-in form, and consent given without asking: the page before this one already asked. */
async function answerInteraction(
  provider: Provider,
  people: Map<string, Person>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let interaction;
  try {
    interaction = await provider.interactionDetails(request, response);
  } catch {
    const text = 'It was finished or is too old. Go back to the application and start again.';
    return sendPage(response, 400, message('This sign-in is over', text));
  }
  if (interaction.prompt.name === 'consent') {
    return provider.interactionFinished(
      request,
      response,
      { consent: {} },
      { mergeWithLastSubmission: true },
    );
  }
  const hint = interaction.params.login_hint;
  const email = typeof hint === 'string' ? hint : 'ada@example.com';
  if (request.method !== 'POST') return sendPage(response, 200, signInForm({ name: 'Ada Lovelace', email }));

  const form = await readForm(request);
  if (form.has('cancel')) {
    return provider.interactionFinished(request, response, { error: 'access_denied' });
  }
  const person = { name: form.get('name')?.trim() ?? '', email: form.get('email')?.trim() ?? '' };
  if (person.name === '' || !/^[^\s@]+@[^\s@]+$/.test(person.email)) {
    const problem = 'Please give a name and an e-mail address.';
    return sendPage(response, 400, signInForm({ ...person, problem }));
  }
  const accountId = createHash('sha256').update(person.email.toLowerCase()).digest('hex').slice(0, 20);
  people.set(accountId, person);
  return provider.interactionFinished(request, response, { login: { accountId } });
}

const maxFormBytes = 16_384;

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > maxFormBytes) throw new Error('the form is too large');
  }
  return new URLSearchParams(text);
}

/** Made once in a process: it takes longer than all the rest. */
let signingKey: KeyObject | undefined;

function configuration(options: SampleIdentityProviderOptions, people: ReadonlyMap<string, Person>): object {
  signingKey ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const day = 86_400;
  return {
    adapter: createMemoryStorage(),
    clients: [
      {
        client_id: options.clientId,
        client_secret: options.clientSecret,
        redirect_uris: options.redirectUris,
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_post',
        ...(options.backchannelLogout && {
          backchannel_logout_uri: options.backchannelLogout.uri,
          backchannel_logout_session_required: options.backchannelLogout.withSession,
        }),
      },
    ],
    jwks: { keys: [{ ...signingKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
    cookies: {
      keys: [randomBytes(32)],
      // Cookies are shared by all ports of a host: names of our own keep clear of the proxy's.
      names: {
        session: 'sample_idp_session',
        interaction: 'sample_idp_interaction',
        resume: 'sample_idp_resume',
      },
    },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: false,
    features: {
      backchannelLogout: { enabled: options.backchannelLogout !== undefined },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      userinfo: { enabled: true },
    },
    findAccount: (_context: Context, accountId: string) => {
      const person = people.get(accountId);
      return person && { accountId, claims: () => ({ sub: accountId, ...person, email_verified: true }) };
    },
    // Its own dispatcher refuses loopback, where all of this happens.
    fetch: async (url: string, init: RequestInit) => {
      delete init.dispatcher;
      return fetch(url, init);
    },
    interactions: { url: (_context: Context, { uid }: { uid: string }) => `/interaction/${uid}` },
    loadExistingGrant: grantEverything,
    clientBasedCORS: () => false,
    pkce: { required: () => true },
    renderError: (context: Context, { error }: { error: string }) => {
      context.type = 'html';
      context.body = page(message('This request cannot be answered', `The reason: ${error}.`));
    },
    rotateRefreshToken: options.rotateRefreshToken ?? true,
    ttl: {
      AccessToken: options.accessTokenTtlSeconds ?? 3600,
      AuthorizationCode: 60,
      Grant: 30 * day,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 30 * day,
      Session: day,
    },
  };
}

async function grantEverything({ oidc }: Context) {
  const grant = new oidc.provider.Grant({
    clientId: oidc.client.clientId,
    accountId: oidc.session.accountId,
  });
  grant.addOIDCScope(oidc.params.scope ?? '');
  await grant.save();
  return grant;
}

/** oidc-provider greets Node 20 with a warning on import, though all that is used here works there. */
async function importOidcProvider() {
  const { warn } = console;
  console.warn = () => undefined;
  try {
    return await import('oidc-provider');
  } finally {
    console.warn = warn;
  }
}
