/** Whom and what something is about, as far as it is known. Undefined and absent are the same. */
export interface EventFacts {
  readonly grantId?: string | undefined;
  readonly clientId?: string | undefined;
  /** As the client calls itself: a claim. */
  readonly clientName?: string | undefined;
  /** What the person is called here (`sub`), unique among all providers. Of a machine, its client id. */
  readonly subject?: string | undefined;
  readonly email?: string | undefined;
  /** The id of the identity provider in the configuration. */
  readonly provider?: string | undefined;
  readonly resource?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
}
