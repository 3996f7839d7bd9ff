/** Keys of a server, and how it checks tokens. */
import type { CryptoKey } from 'jose';
import {
  generateSigningKey,
  importSigningKey,
  type SigningAlg,
  verifyAccessTokenSignature,
} from '../../src/crypto/access-token.ts';

export const issuer = 'http://localhost:8080';
export const audience = `${issuer}/mcp`;
export const now = new Date('2026-11-23T12:00:00Z');
/** `now` as JWTs have it. */
export const seconds = now.getTime() / 1000;

export interface Key {
  readonly kid: string;
  readonly alg: SigningAlg;
  readonly publicJwk: Readonly<Record<string, unknown>>;
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

export async function createKey(alg: SigningAlg): Promise<Key> {
  const { kid, publicJwk, privateJwk } = await generateSigningKey(alg);
  const publicKey = await importSigningKey(publicJwk, alg);
  return { kid, alg, publicJwk, publicKey, privateKey: await importSigningKey(privateJwk, alg) };
}

export async function verify(
  token: string,
  keys: readonly Key[],
  expected: { readonly audience?: string | undefined; readonly now?: Date } = {},
) {
  const known = new Map(keys.map((key) => [key.kid, key]));
  return verifyAccessTokenSignature(token, known, { issuer, audience, now, ...expected });
}
