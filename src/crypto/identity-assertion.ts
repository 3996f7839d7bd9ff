/** What the MCP server is told about its caller, in a JWT that it can verify without trusting the network. */
import { type SignedClaims, signClaims, type SigningKey } from './sign-claims.ts';

/** A type of its own (RFC 8725 §3.11): it is no access token, and no access token is one. */
const assertionType = 'mcp-identity+jwt';

/** `audience` is the MCP server's own URL; access tokens have the public one. */
export interface IdentityClaims extends SignedClaims {
  /** Whether a person is calling, or a machine that acts for itself (RFC 6749 §4.4). */
  readonly subjectType: 'person' | 'machine';
  /** Of a person; undefined where they are not known. */
  readonly groups: AssertedGroups | undefined;
}

/** `too_many`: there are more than a header has room for. */
export type AssertedGroups = readonly string[] | 'too_many';

/** Header blocks of more than 16 KB are refused by many servers, and the provider's access token is in it too. */
const maxGroupBytes = 3072;

export async function signIdentityAssertion(key: SigningKey, claims: IdentityClaims): Promise<string> {
  return signClaims(key, assertionType, claims, {
    subject_type: claims.subjectType,
    ...(claims.groups === 'too_many' ? { groups_omitted: true } : { groups: claims.groups }),
  });
}

/**
 * All of them or none: half a list would look like a whole one. Done before they are kept with a token, which there may be
 * many of.
 */
export function groupsThatFit(groups: readonly string[]): AssertedGroups {
  return Buffer.byteLength(JSON.stringify(groups)) <= maxGroupBytes ? groups : 'too_many';
}
