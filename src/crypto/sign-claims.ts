/** How a JWT of ours is signed, whatever its type: the claims that all of them have. */
import { type CryptoKey, SignJWT } from 'jose';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
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
  };
  return new SignJWT(payload)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: type })
    .setIssuer(claims.issuer)
    .setAudience(claims.audience)
    .setSubject(claims.subject)
    .setJti(claims.jti)
    .setIssuedAt(claims.issuedAt)
    .setExpirationTime(claims.expiresAt)
    .sign(key.privateKey);
}
