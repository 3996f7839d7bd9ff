/** Access tokens: signed JWTs by the profile of RFC 9068. */
import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { z } from 'zod';
import { type SignedClaims, signClaims, type SigningAlg, type SigningKey } from './sign-claims.ts';
import { type SignedPayload, type VerificationKey, verifyClaims } from './verify-claims.ts';

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

/** The half that verifies. @throws TypeError when it is no key of that algorithm (RFC 7518 §3.1) */
export function importPublicKey(jwk: JsonWebKey, alg: string): KeyObject {
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const fits = alg === 'ES256' ? namedCurve === 'prime256v1' : alg === 'RS256' && modulusLength >= 2048;
  if (!fits) throw new TypeError(`A key that is not for ${alg}`);
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

const verifiedClaims = z.object({
  iss: z.string(),
  aud: z.string(),
  sub: z.string(),
  client_id: z.string(),
  jti: z.uuid(),
  iat: z.number(),
  nbf: z.number().optional(),
  exp: z.number(),
});

export type VerifiedToken =
  | {
      readonly outcome: 'valid';
      readonly jti: string;
      readonly audience: string;
      readonly clientId: string;
      readonly expiresAt: Date;
    }
  | Exclude<SignedPayload, { readonly outcome: 'signed' }>;

interface Expected {
  readonly issuer: string;
  /** Undefined: any resource of ours. */
  readonly audience: string | undefined;
  readonly now: Date;
}

/** Checks signature, `typ`, issuer, audience and lifetime (RFC 9068 §4). */
export function verifyAccessTokenSignature(
  token: string,
  keys: ReadonlyMap<string, VerificationKey>,
  expected: Expected,
): VerifiedToken {
  const signed = verifyClaims(token, keys);
  if (signed.outcome !== 'signed') return signed;
  const { data: claims } = verifiedClaims.safeParse(signed.payload);
  if (claims === undefined) return { outcome: 'invalid', reason: 'malformed claims' };
  const reason = isAccessTokenType(signed.type) ? whyRefused(claims, expected) : 'another type of token';
  if (reason !== undefined) return { outcome: 'invalid', reason };
  return {
    outcome: 'valid',
    jti: claims.jti,
    audience: claims.aud,
    clientId: claims.client_id,
    expiresAt: new Date(claims.exp * 1000),
  };
}

/** A media type, which has no case; `application/` may be left out (RFC 7515 §4.1.9). */
function isAccessTokenType(type: unknown): boolean {
  return typeof type === 'string' && /^(?:application\/)?at\+jwt$/i.test(type);
}

function whyRefused(
  { iss, aud, nbf, exp }: z.infer<typeof verifiedClaims>,
  { issuer, audience, now }: Expected,
): string | undefined {
  const seconds = now.getTime() / 1000;
  if (iss !== issuer) return 'wrong issuer';
  if (audience !== undefined && aud !== audience) return 'wrong audience';
  if (nbf !== undefined && nbf > seconds + clockToleranceSeconds) return 'not valid yet';
  return exp <= seconds - clockToleranceSeconds ? 'expired' : undefined;
}
