/** Access tokens that were verified a moment ago: bounded memory, emptied by revocations. */
import { LRUCache } from 'lru-cache';
import type { AssertedGroups } from '../crypto/identity-assertion.ts';
import type { Principal } from '../protocol/principal.ts';
import type { Revocation } from '../repositories/revocations.ts';

/** The provider's token of a sign-in as this process knows it; a refresh replaces token and expiry. */
export interface UpstreamState {
  readonly sessionId: string;
  readonly hasRefreshToken: boolean;
  accessToken: string;
  expiresAt: Date | undefined;
  /** When the provider gave it. */
  refreshedAt: Date;
}

/** An identity assertion that was signed a moment ago, or is being signed now. */
export interface KeptAssertion {
  readonly jwt: Promise<string>;
  readonly renewAt: Date;
}

/** The caller as they were passed on last time, and until when nothing about them has to be asked. */
export interface KeptCaller {
  readonly principal: Principal;
  readonly goodUntil: Date;
}

/** An accepted token: who calls, the provider's token for them, and what the MCP server is told about them. */
export interface VerifiedToken {
  readonly principal: Omit<Principal, 'revocationsHeard' | 'upstreamAccessToken' | 'identityAssertion'>;
  /** A machine has none. */
  readonly upstream: UpstreamState | undefined;
  /** What signed identities may say of them; undefined where there are none. */
  readonly groups: AssertedGroups | undefined;
  assertion: KeptAssertion | undefined;
  caller: KeptCaller | undefined;
}

/** After this a token is looked up again, and the provider's token in memory is forgotten. */
const maxAgeMs = 10 * 60_000;

/** How many recent revocations are remembered, to notice one that came while a token was being verified. */
const maxRecent = 10_000;

export class VerifiedTokens {
  readonly #tokens: LRUCache<string, VerifiedToken>;
  /** What to forget when a grant, a token or a client is revoked: revocation key to tokens. */
  readonly #tokensOf = new Map<string, Set<string>>();
  readonly #recent = new Map<string, number>();
  /** How many tokens that were looked for were there, and how many were not. */
  hits = 0;
  misses = 0;
  #sequence = 0;
  #forgottenSequence = 0;

  constructor(maxTokens = 20_000) {
    this.#tokens = new LRUCache({
      max: maxTokens,
      ttl: maxAgeMs,
      ttlResolution: 1000,
      dispose: (verified, token) => this.#removeFromIndex(verified, token),
      noDisposeOnSet: false,
    });
  }

  /** To be taken before a token is looked up in the database, and given back to {@link add}. */
  get position(): number {
    return this.#sequence;
  }

  get size(): number {
    return this.#tokens.size;
  }

  find(token: string): VerifiedToken | undefined {
    const verified = this.#tokens.get(token);
    if (verified === undefined) this.misses += 1;
    else this.hits += 1;
    return verified;
  }

  /** Keeps a token, unless something that ends it was revoked after `position`: then the look-up may have been too early. */
  add(token: string, verified: VerifiedToken, position: number): boolean {
    if (this.mayHaveEnded(verified.principal, position)) return false;
    this.#tokens.set(token, verified);
    for (const key of revocationKeys(verified.principal)) {
      const tokens = this.#tokensOf.get(key);
      if (tokens === undefined) this.#tokensOf.set(key, new Set([token]));
      else tokens.add(token);
    }
    return true;
  }

  /** Whether something that ends a caller's token was revoked after `position`, or may have been: too much was since. */
  mayHaveEnded(caller: Caller, position: number): boolean {
    if (position === this.#sequence) return false;
    if (position < this.#forgottenSequence) return true;
    return revocationKeys(caller).some((key) => (this.#recent.get(key) ?? 0) > position);
  }

  /** Forgets every token that a revocation ends. */
  revoke(revocation: Pick<Revocation, 'kind' | 'subject'>): void {
    const key = `${revocation.kind}:${revocation.subject}`;
    this.#sequence += 1;
    this.#recent.delete(key);
    this.#recent.set(key, this.#sequence);
    if (this.#recent.size > maxRecent) this.#forgetOldest();
    for (const token of this.#tokensOf.get(key) ?? []) this.#tokens.delete(token);
  }

  /** Forgets all, also what is being looked up: the database that said so may have lost it. */
  clear(): void {
    this.#sequence += 1;
    this.#forgottenSequence = this.#sequence;
    this.#recent.clear();
    this.#tokens.clear();
  }

  /** Whether every revocation after `position` is remembered, so that {@link mayHaveEnded} is certain. */
  remembers(position: number): boolean {
    return position >= this.#forgottenSequence;
  }

  remove(token: string): void {
    this.#tokens.delete(token);
  }

  #forgetOldest(): void {
    const oldest = this.#recent.entries().next().value;
    if (oldest === undefined) return;
    this.#recent.delete(oldest[0]);
    this.#forgottenSequence = oldest[1];
  }

  #removeFromIndex(verified: VerifiedToken, token: string): void {
    for (const key of revocationKeys(verified.principal)) {
      const tokens = this.#tokensOf.get(key);
      tokens?.delete(token);
      if (tokens?.size === 0) this.#tokensOf.delete(key);
    }
  }
}

type Caller = Pick<Principal, 'jti' | 'grantId' | 'clientId'>;

function revocationKeys({ jti, grantId, clientId }: Caller): readonly string[] {
  return [`access_token:${jti}`, `grant:${grantId}`, `client:${clientId}`];
}
