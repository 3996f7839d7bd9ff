/** Keys of clients, and the assertions they sign with them. */
import { randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { assertionType } from '../../src/protocol/client-assertion.ts';
import type { TestClock } from './clock.ts';

export interface ClientKey {
  readonly alg: string;
  readonly kid: string;
  readonly publicJwk: Record<string, unknown>;
  readonly privateKey: CryptoKey;
}

export async function createClientKey(alg = 'ES256', kid: string = randomUUID()): Promise<ClientKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** What is signed unless a test says otherwise; `undefined` leaves a claim out. */
export interface AssertionChanges {
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Default: 60 */
  readonly lifetimeSeconds?: number;
  readonly header?: Readonly<Record<string, unknown>>;
}

export async function signAssertion(
  key: ClientKey,
  clientId: string,
  audience: string,
  clock: TestClock,
  changed: AssertionChanges = {},
): Promise<string> {
  const now = Math.floor(clock().getTime() / 1000);
  const claims = {
    iss: clientId,
    sub: clientId,
    aud: audience,
    iat: now,
    exp: now + (changed.lifetimeSeconds ?? 60),
    jti: randomUUID(),
    ...changed.claims,
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...changed.header })
    .sign(key.privateKey);
}

export function assertionParameters(assertion: string): Readonly<Record<string, string>> {
  return { client_assertion: assertion, client_assertion_type: assertionType };
}
