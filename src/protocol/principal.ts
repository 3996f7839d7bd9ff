/** Who is calling a protected resource, as an accepted access token says. */
export interface Principal {
  /** The access token's id (RFC 7519 `jti`). */
  readonly jti: string;
  readonly grantId: string;
  readonly clientId: string;
  /** The person's id at the identity provider; of a machine, which acts for itself, its client id. */
  readonly subject: string;
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly scopes: readonly string[];
  /** The resource identifier that the token is for. */
  readonly resource: string;
  readonly expiresAt: Date;
  /** How many revocations this process had heard of when it looked: later ones may be about this caller. */
  readonly revocationsHeard: number;
  /**
   * The identity provider's current access token for this person; undefined when it expired and cannot be refreshed,
   * and for a machine.
   */
  readonly upstreamAccessToken: string | undefined;
  /** All of this in a JWT that the MCP server can verify; undefined unless the operator wants it. */
  readonly identityAssertion: string | undefined;
}
