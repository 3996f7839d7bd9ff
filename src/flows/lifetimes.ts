/** How long things live that the operator does not configure. */

const minute = 60_000;
const day = 24 * 60 * minute;

export const lifetimes = {
  /** How long the consent page may be looked at. */
  consentMs: 30 * minute,
  /** How long a denial is kept, so that a double click gets the same answer twice. */
  denialMs: minute,
  /** From approval to the provider's answer: the life of the upstream `state` (at most 10 minutes, MCP security best practices). */
  signInMs: 10 * minute,
  /** How long someone who signs in at `/account` can use that page: long enough to look, and to end what they see. */
  accountSessionMs: 20 * minute,
  /** How long an authorization code can be redeemed. RFC 6749 §4.1.2 recommends at most 10 minutes. */
  authorizationCodeMs: 2 * minute,
  /** From a challenge for more scopes to the refresh by which a client answers it. */
  stepUpMs: minute / 2,
  /** How long a machine's access token lives at most, however long people's do: it can ask for another at any time. */
  machineTokenSeconds: 3600,
  /** How long a browser's approval is remembered. */
  rememberedConsentMs: 180 * day,
  /** How long the MCP server can believe an identity assertion. */
  identityAssertionMs: 2 * minute,
  /** How long one is used again for the same access token: what is left then is time to arrive, and for clocks that differ. */
  identityAssertionReuseMs: minute,
  /** How long a client's document is used while its origin is away or publishes something unusable. */
  staleDocumentMs: 7 * day,
  /** How long a client's keys are used while their address cannot be read: shorter, for they may have been withdrawn. */
  staleClientKeysMs: day,
  /** How soon an address that just gave nothing better is asked again. */
  outboundCooldownMs: minute / 2,
  /** How soon a provider that could not be told of a revocation is told again, for as long as the grant is kept: a day. */
  providerRevocationRetryMs: 10 * minute,
  /** How long a signing key signs. */
  signingMs: 90 * day,
  /** How long before it signs a key is published, so that verifiers have it in time. */
  publishedBeforeMs: day,
  /** How long after it signed a key stays published: the longest access token, and a day. */
  publishedAfterMs: 8 * day,
} as const;

/** `at` moved by some milliseconds. */
export function later(at: Date, milliseconds: number): Date {
  return new Date(at.getTime() + milliseconds);
}
