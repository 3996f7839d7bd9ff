/** What the MCP server is told about its caller, in a JWT that it can verify without trusting the network. */
import { type CryptoKey, SignJWT } from 'jose';

/** A type of its own (RFC 8725 §3.11): it is no access token, and no access token is one. */
const assertionType = 'mcp-identity+jwt';

export interface IdentityClaims {
  readonly jti: string;
  readonly issuer: string;
  /** The MCP server's own URL; access tokens have the public one. */
  readonly audience: string;
  /** Whether a person is calling, or a machine that acts for itself (RFC 6749 §4.4). */
  readonly subjectType: 'person' | 'machine';
  readonly subject: string;
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly clientId: string;
  readonly scope: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

export async function signIdentityAssertion(
  key: { readonly kid: string; readonly alg: string; readonly privateKey: CryptoKey },
  claims: IdentityClaims,
): Promise<string> {
  const payload = {
    subject_type: claims.subjectType,
    ...(claims.email === undefined ? {} : { email: claims.email }),
    ...(claims.name === undefined ? {} : { name: claims.name }),
    client_id: claims.clientId,
    scope: claims.scope,
  };
  return new SignJWT(payload)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: assertionType })
    .setIssuer(claims.issuer)
    .setAudience(claims.audience)
    .setSubject(claims.subject)
    .setJti(claims.jti)
    .setIssuedAt(claims.issuedAt)
    .setExpirationTime(claims.expiresAt)
    .sign(key.privateKey);
}
