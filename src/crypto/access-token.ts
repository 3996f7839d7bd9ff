/** Access tokens: signed JWTs by the profile of RFC 9068. */
import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import {
  calculateJwkThumbprint,
  type CryptoKey,
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  jwtVerify,
} from 'jose';
import { z } from 'zod';
import { type SignedClaims, signClaims, type SigningAlg, type SigningKey } from './sign-claims.ts';

/** Tolerated difference between the clocks of two instances. */
const clockToleranceSeconds = 5;

/** A key pair that is new: the private half as JSON, to be sealed. */
export async function generateSigningKey(
  alg: SigningAlg,
): Promise<{ readonly kid: string; readonly publicJwk: JWK; readonly privateJwk: JWK }> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
  const bare = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(bare);
  return { kid, publicJwk: { ...bare, kid, alg, use: 'sig' }, privateJwk: await exportJWK(privateKey) };
}

/** The half that verifies. */
export async function importPublicKey(jwk: JWK, alg: string): Promise<CryptoKey> {
  const key = await importJWK(jwk, alg);
  if (key instanceof Uint8Array) throw new TypeError('A signing key is asymmetric');
  return key;
}

/** The half that signs. */
export function importPrivateKey(jwk: JsonWebKey): KeyObject {
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

/** `audience` is the resource identifier (RFC 9068 §3). */
export type AccessTokenClaims = SignedClaims;

/** `typ: at+jwt`, the claims of RFC 9068 §2.2, and the person's e-mail and name. */
export async function signAccessToken(key: SigningKey, claims: AccessTokenClaims): Promise<string> {
  return signClaims(key, 'at+jwt', claims);
}

const verifiedClaims = z.object({ jti: z.uuid(), aud: z.string(), exp: z.number(), client_id: z.string() });

export type VerifiedToken =
  | {
      readonly outcome: 'valid';
      readonly jti: string;
      readonly audience: string;
      readonly clientId: string;
      readonly expiresAt: Date;
    }
  | { readonly outcome: 'unknown_key' }
  | { readonly outcome: 'invalid'; readonly reason: string };

/** Checks signature, `typ`, issuer, audience and lifetime (RFC 9068 §4). `audience` undefined: any of ours. */
export async function verifyAccessTokenSignature(
  token: string,
  keys: ReadonlyMap<string, { readonly alg: string; readonly publicKey: CryptoKey }>,
  expected: { readonly issuer: string; readonly audience: string | undefined; readonly now: Date },
): Promise<VerifiedToken> {
  let isUnknownKey = false;
  try {
    const { payload } = await jwtVerify(
      token,
      (header) => {
        const key = keys.get(header.kid ?? '');
        isUnknownKey = key === undefined;
        if (key === undefined || key.alg !== header.alg) throw new errors.JWKSNoMatchingKey();
        return key.publicKey;
      },
      {
        algorithms: ['ES256', 'RS256'],
        typ: 'at+jwt',
        issuer: expected.issuer,
        ...(expected.audience === undefined ? {} : { audience: expected.audience }),
        currentDate: expected.now,
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
      },
    );
    const claims = verifiedClaims.parse(payload);
    return {
      outcome: 'valid',
      jti: claims.jti,
      audience: claims.aud,
      clientId: claims.client_id,
      expiresAt: new Date(claims.exp * 1000),
    };
  } catch (error) {
    if (isUnknownKey) return { outcome: 'unknown_key' };
    return {
      outcome: 'invalid',
      reason: error instanceof errors.JOSEError ? error.code : 'malformed claims',
    };
  }
}
