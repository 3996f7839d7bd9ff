/** Requests that were let through and are not over yet: a revocation ends them as well, event streams among them. */
import { invalidToken, TemporarilyUnavailableError } from '../protocol/errors.ts';
import type { Principal } from '../protocol/principal.ts';
import type { Revocation } from '../repositories/revocations.ts';
import { DenseSet, type Member } from './dense-set.ts';
import type { VerifiedTokens } from './verified-tokens.ts';

export interface OpenRequest extends Member {
  readonly principal: Principal;
  /** Whether it is being answered with an event stream, which may stay open for days. */
  readonly isStream: boolean;
  /** Ends it at once. `why` is for a client that has no answer yet. */
  end(why: Error): void;
}

/** What was revoked since the open requests were last looked through. */
type Revoked = Readonly<Record<Revocation['kind'], Set<string>>>;

export class OpenRequests {
  readonly #verifiedTokens: Pick<VerifiedTokens, 'mayHaveEnded' | 'remembers'>;
  readonly #open = new DenseSet<OpenRequest>();
  #revoked: Revoked | undefined;

  constructor(verifiedTokens: Pick<VerifiedTokens, 'mayHaveEnded' | 'remembers'>) {
    this.#verifiedTokens = verifiedTokens;
  }

  get count(): number {
    return this.#open.size;
  }

  /** For metrics: it looks at each open request. */
  get streamCount(): number {
    return this.#open.members.filter(({ isStream }) => isStream).length;
  }

  /** Who they are, each token once. */
  get callers(): readonly Principal[] {
    return [...new Map(this.#open.members.map(({ principal }) => [principal.jti, principal])).values()];
  }

  /**
   * From here on a revocation ends it, until {@link remove}.
   * @throws BearerError when what it was let through with was revoked in the meantime
   * @throws TemporarilyUnavailableError when that cannot be told: it asks again
   */
  add(request: OpenRequest): void {
    const { principal } = request;
    const { revocationsHeard } = principal;
    if (this.#verifiedTokens.mayHaveEnded(principal, revocationsHeard))
      throw this.#verifiedTokens.remembers(revocationsHeard)
        ? invalidToken('revoked while the request was read')
        : new TemporarilyUnavailableError('too much was revoked while the request was read');
    this.#open.add(request);
  }

  remove(request: OpenRequest): void {
    this.#open.delete(request);
  }

  /** Ends what a revocation ends. Those that are heard together cost one look through the open requests. */
  revoke({ kind, subject }: Pick<Revocation, 'kind' | 'subject'>): void {
    if (this.#revoked === undefined) {
      this.#revoked = { access_token: new Set(), grant: new Set(), client: new Set() };
      queueMicrotask(() => this.#endRevoked());
    }
    this.#revoked[kind].add(subject);
  }

  /** Nobody has been able to tell for a while whose access was revoked: they ask again. */
  endAll(): void {
    for (const request of this.#open.members)
      this.#end(request, new TemporarilyUnavailableError('the revocation feed cannot be read'));
  }

  #endRevoked(): void {
    const revoked = this.#revoked;
    this.#revoked = undefined;
    if (revoked === undefined) return;
    for (const request of this.#open.members) {
      const { jti, grantId, clientId } = request.principal;
      if (revoked.grant.has(grantId) || revoked.access_token.has(jti) || revoked.client.has(clientId))
        this.#end(request, invalidToken('revoked while the request was open'));
    }
  }

  #end(request: OpenRequest, why: Error): void {
    this.#open.delete(request);
    request.end(why);
  }
}
