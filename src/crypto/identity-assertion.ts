/** What the MCP server is told about its caller, in a JWT that it can verify without trusting the network. */
import { type SignedClaims, signClaims, type SigningKey } from './sign-claims.ts';

/** A type of its own (RFC 8725 §3.11): it is no access token, and no access token is one. */
const assertionType = 'mcp-identity+jwt';

/** `audience` is the MCP server's own URL; access tokens have the public one. */
export interface IdentityClaims extends SignedClaims {
  /** Whether a person is calling, or a machine that acts for itself (RFC 6749 §4.4). */
  readonly subjectType: 'person' | 'machine';
}

export async function signIdentityAssertion(key: SigningKey, claims: IdentityClaims): Promise<string> {
  return signClaims(key, assertionType, claims, { subject_type: claims.subjectType });
}
