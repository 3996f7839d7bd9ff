/** Keys of a server, and how it checks tokens. */
import type { KeyObject } from 'node:crypto';
import {
  generateSigningKey,
  importPrivateKey,
  importPublicKey,
  verifyAccessTokenSignature,
} from '../../src/crypto/access-token.ts';
import type { SigningAlg } from '../../src/crypto/sign-claims.ts';

export const issuer = 'http://localhost:8080';
export const audience = `${issuer}/mcp`;
export const now = new Date('2026-11-23T12:00:00Z');
/** `now` as JWTs have it. */
export const seconds = now.getTime() / 1000;

export interface Key {
  readonly kid: string;
  readonly alg: SigningAlg;
  readonly publicJwk: Readonly<Record<string, unknown>>;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export async function createKey(alg: SigningAlg): Promise<Key> {
  const { kid, publicJwk, privateJwk } = await generateSigningKey(alg);
  const publicKey = importPublicKey(publicJwk, alg);
  return { kid, alg, publicJwk, publicKey, privateKey: importPrivateKey(privateJwk) };
}

export async function verify(
  token: string,
  keys: readonly Key[],
  expected: { readonly audience?: string | undefined; readonly now?: Date } = {},
) {
  const known = new Map(keys.map((key) => [key.kid, key]));
  return verifyAccessTokenSignature(token, known, { issuer, audience, now, ...expected });
}
