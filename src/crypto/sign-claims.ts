/** How a JWT of ours is signed, whatever its type: the claims that all of them have. */
import { type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';

export type SigningAlg = 'ES256' | 'RS256';

export interface SigningKey {
  readonly kid: string;
  readonly alg: SigningAlg;
  readonly privateKey: KeyObject;
}

/** Who calls, by which client and for what; for whom this is said, and until when it holds. */
export interface SignedClaims {
  readonly jti: string;
  readonly issuer: string;
  readonly audience: string;
  readonly subject: string;
  readonly clientId: string;
  readonly scope: string;
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/** What is not known is left out. `more` are the claims of this type alone. */
export async function signClaims(
  key: SigningKey,
  type: string,
  claims: SignedClaims,
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const payload = {
    client_id: claims.clientId,
    scope: claims.scope,
    ...(claims.email === undefined ? {} : { email: claims.email }),
    ...(claims.name === undefined ? {} : { name: claims.name }),
    ...more,
    iss: claims.issuer,
    aud: claims.audience,
    sub: claims.subject,
    jti: claims.jti,
    iat: toSeconds(claims.issuedAt),
    exp: toSeconds(claims.expiresAt),
  };
  const signingInput = `${encode({ alg: key.alg, kid: key.kid, typ: type })}.${encode(payload)}`;
  const signature = await signBytes(key, Buffer.from(signingInput));
  return `${signingInput}.${signature.toString('base64url')}`;
}

/** JWS compact serialization (RFC 7515 §7.1). */
function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

const signElsewhere = promisify(sign);

/**
 * ES256 takes less time than handing the work to another thread does, RS256 ten times as much: that would hold up
 * everybody else. A signature of ES256 is the two numbers alone (RFC 7518 §3.4).
 */
async function signBytes({ alg, privateKey }: SigningKey, bytes: Uint8Array): Promise<Buffer> {
  return alg === 'ES256'
    ? sign('sha256', bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    : signElsewhere('sha256', bytes, privateKey);
}

/** NumericDate (RFC 7519 §2). */
function toSeconds(instant: Date): number {
  return Math.floor(instant.getTime() / 1000);
}
