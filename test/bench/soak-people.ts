/** The people of the soak: who they are, what they have allowed, and the tokens that came of it. */
import { challengeOf, createId, createNonce, createSecret, hashSecret } from '../../src/crypto/secrets.ts';
import type { Sealer } from '../../src/crypto/sealing.ts';
import type { Database } from '../../src/repositories/database.ts';
import { insertGrant } from '../../src/repositories/grants.ts';
import { placeOf } from '../../src/repositories/sealed-values.ts';
import type { TestClient } from '../support/authorize.ts';
import type { Identity } from './soak-backend.ts';
import type { End, JudgedToken } from './soak-judge.ts';

export interface Person {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  /** The MCP session that the back end opened for them, if any. */
  sessionId: string | undefined;
}

export interface AccessToken extends JudgedToken {
  readonly value: string;
  readonly grant: Grant;
  end: End | undefined;
}

export interface Grant {
  readonly person: Person;
  readonly client: TestClient;
  /** What the back end must be told with each call. */
  readonly identity: Identity;
  readonly code: { readonly value: string; readonly verifier: string; readonly madeAt: number };
  /** The newest last. */
  readonly tokens: AccessToken[];
  refreshToken: string;
  /** One that was used up, and when. */
  spent: { readonly refreshToken: string; readonly at: number } | undefined;
  /** While somebody refreshes it. */
  isBusy: boolean;
  end: End | undefined;
}

/** Names that have to be written with care in a header. */
const surnames = ['Lovelace', 'Öztürk', 'O’Brien', 'Ñandú', 'Здравкова', 'Ishiguro 石黒'];

export function createPeople(count: number): readonly Person[] {
  return Array.from({ length: count }, (_, index) => ({
    userId: String(10_000 + index),
    email: `person${index}@example.com`,
    name: `Person ${index} ${surnames[index % surnames.length]}`,
    sessionId: undefined,
  }));
}

export interface SignInServices {
  readonly db: Database;
  readonly sealer: Sealer;
  /** The resource that all tokens are for. */
  readonly resource: string;
}

/** What a sign-in leaves behind: a grant without tokens yet, whose code its client can exchange. */
export async function signInPerson(
  { db, sealer, resource }: SignInServices,
  person: Person,
  client: TestClient,
): Promise<Grant> {
  const [code, verifier, upstreamToken] = [createSecret('code'), createNonce(), `gho_${createNonce()}`];
  const [sessionId, createdAt] = [createId(), new Date()];
  const expiresAt = new Date(createdAt.getTime() + 60_000);
  await insertGrant(db, {
    grantId: createId(),
    clientId: client.clientId,
    userId: person.userId,
    issuer: 'https://github.com/login/oauth',
    subject: person.userId,
    email: person.email,
    isEmailVerified: true,
    name: person.name,
    organization: undefined,
    groups: undefined,
    resource,
    scopes: ['openid', 'profile', 'email'],
    createdAt,
    expiresAt,
    upstream: {
      sessionId,
      identityProvider: 'github',
      providerSession: undefined,
      sealedAccessToken: sealer.seal(
        upstreamToken,
        placeOf('upstream_sessions.sealed_access_token', sessionId),
      ),
      accessTokenExpiresAt: undefined,
      sealedRefreshToken: undefined,
      grantedScope: undefined,
    },
    code: {
      codeHash: hashSecret(code),
      redirectUri: client.redirectUri,
      codeChallenge: challengeOf(verifier),
      expiresAt,
    },
  });
  return {
    person,
    client,
    identity: {
      user: person.userId,
      email: person.email,
      name: person.name,
      clientId: client.clientId,
      accessToken: upstreamToken,
    },
    code: { value: code, verifier, madeAt: performance.now() },
    tokens: [],
    refreshToken: '',
    spent: undefined,
    isBusy: false,
    end: undefined,
  };
}

/** Adds the tokens of a token response to their grant. */
export function keepTokens(grant: Grant, tokens: TokenResponse): void {
  const token: AccessToken = {
    value: tokens.access_token,
    grant,
    expiresAt: expiryOf(tokens.access_token),
    end: undefined,
    get ends() {
      return [this.end ?? [], grant.end ?? []].flat();
    },
  };
  grant.tokens.push(token);
  if (grant.tokens.length > 4) grant.tokens.shift();
  grant.refreshToken = tokens.refresh_token;
}

export interface TokenResponse {
  readonly access_token: string;
  readonly refresh_token: string;
}

/** `exp` of a JWT, on the clock of `performance`. */
function expiryOf(jwt: string): number {
  const { exp } = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as { exp: number };
  return performance.now() + exp * 1000 - Date.now();
}
