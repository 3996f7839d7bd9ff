/** Clients, codes and tokens that are good at a proxy: made with its own services, before it starts. */
import {
  challengeOf,
  createClientId,
  createNonce,
  createSecret,
  hashSecret,
} from '../../src/crypto/secrets.ts';
import { loadConfig } from '../../src/config.ts';
import { exchangeCode } from '../../src/flows/exchange-code.ts';
import type { IssuedTokens } from '../../src/flows/issue-tokens.ts';
import { rotateRefreshToken } from '../../src/flows/rotate-refresh-token.ts';
import type { Services } from '../../src/flows/services.ts';
import { storeGrant } from '../../src/flows/store-grant.ts';
import { createLogger } from '../../src/http/logging.ts';
import type { ReturningSignIn } from '../../src/repositories/authorization-requests.ts';
import { type Client, insertClient } from '../../src/repositories/clients.ts';
import { buildServices } from '../../src/services.ts';

/** As many as there are database connections. */
const seedingAtOnce = 10;

export const redirectUri = 'https://client.example/callback';

export interface SeededClient {
  readonly client: Client;
  readonly clientSecret: string;
}

export interface SeededCode {
  readonly code: string;
  readonly codeVerifier: string;
}

/** The services of a proxy with these variables, without its HTTP side and its log. */
export function openServices(
  environment: Readonly<Record<string, string>>,
): ReturnType<typeof buildServices> {
  return buildServices(loadConfig(environment), createLogger('fatal', { write: () => undefined }));
}

export async function seedClient({ db, clock }: Services): Promise<SeededClient> {
  const clientSecret = createSecret('cs');
  const client = await insertClient(db, {
    clientId: createClientId(),
    clientSecretHash: hashSecret(clientSecret),
    tokenEndpointAuthMethod: 'client_secret_post',
    clientName: 'Bench',
    redirectUris: [redirectUri],
    grantTypes: ['authorization_code', 'refresh_token'],
    responseTypes: ['code'],
    scopes: undefined,
    resource: undefined,
    mayIntrospect: false,
    metadata: {},
    jwks: undefined,
    jwksUri: undefined,
    isAssertionOptional: false,
    source: 'operator',
    createdAt: clock(),
  });
  return { client, clientSecret };
}

/** As many sign-ins, each of another person, and the codes that they ended with. */
export async function seedCodes(
  services: Services,
  { client }: SeededClient,
  count: number,
): Promise<readonly SeededCode[]> {
  const [provider] = services.identityProviders.all;
  return forEachOf(count, seedingAtOnce, async (index) => {
    const codeVerifier = createNonce();
    const request: ReturningSignIn = {
      clientId: client.clientId,
      redirectUri,
      state: undefined,
      codeChallenge: challengeOf(codeVerifier),
      resource: services.resources[0].identifier,
      scopes: ['openid', 'profile', 'email'],
      choosesAccount: false,
      identityProvider: provider.id,
      sealedSignIn: new Uint8Array(),
    };
    const { code } = await storeGrant(services, request, provider, {
      identity: {
        issuer: 'https://github.com/login/oauth',
        subject: String(index),
        email: `person${index}@example.com`,
        isEmailVerified: true,
        name: `Person ${index}`,
      },
      tokens: { accessToken: `gho_${createNonce()}` },
    });
    return { code, codeVerifier };
  });
}

/** As many sign-ins, with their codes exchanged. */
export async function seedTokens(
  services: Services,
  seeded: SeededClient,
  count: number,
): Promise<readonly IssuedTokens[]> {
  const codes = await seedCodes(services, seeded, count);
  return forEachOf(count, seedingAtOnce, async (index) => {
    const { code = '', codeVerifier = '' } = codes[index] ?? {};
    return exchange(services, seeded, { code, codeVerifier });
  });
}

export async function exchange(
  services: Services,
  { client }: SeededClient,
  { code, codeVerifier }: SeededCode,
): Promise<IssuedTokens> {
  const request = {
    grantType: 'authorization_code',
    code,
    codeVerifier,
    redirectUri,
    resources: [],
  } as const;
  return exchangeCode(services, { client, request });
}

export async function refresh(
  services: Services,
  { client }: SeededClient,
  refreshToken: string,
): Promise<IssuedTokens> {
  const request = { grantType: 'refresh_token', refreshToken, scope: undefined, resources: [] } as const;
  return rotateRefreshToken(services, { client, request });
}

/** `count` pieces of work, at most `atOnce` at a time. */
export async function forEachOf<T>(
  count: number,
  atOnce: number,
  work: (index: number, worker: number) => Promise<T>,
): Promise<readonly T[]> {
  const done: T[] = [];
  let next = 0;
  const run = async (worker: number) => {
    for (let index = next++; index < count; index = next++) done[index] = await work(index, worker);
  };
  await Promise.all(Array.from({ length: atOnce }, (_, worker) => run(worker)));
  return done;
}
