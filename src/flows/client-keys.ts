/** Public keys of clients that authenticate with `private_key_jwt`: those in their metadata, or behind `jwks_uri`. */
import { LRUCache } from 'lru-cache';
import { OutboundError } from '../outbound/outbound-error.ts';
import type { SafeFetch } from '../outbound/safe-fetch.ts';
import { type ClientJwks, type ClientKeySource, readClientJwks } from '../protocol/client-keys.ts';
import { freshUntil } from '../protocol/document-freshness.ts';
import { later, lifetimes } from './lifetimes.ts';
import type { Services } from './services.ts';
import { SingleFlight } from './single-flight.ts';

interface KeptKeys {
  readonly jwks: ClientJwks | undefined;
  readonly freshUntil: Date;
  /** When the address was asked last, with whatever success. */
  readonly triedAt: Date;
  readonly failure: OutboundError | undefined;
}

/** Each is at most as large as a document; a few hundred bytes as a rule. */
const maxKept = 500;

export class ClientKeys {
  readonly #fetch: SafeFetch;
  readonly #clock: () => Date;
  readonly #log: Services['log'];
  readonly #kept = new LRUCache<string, KeptKeys>({ max: maxKept });
  readonly #flights = new SingleFlight<KeptKeys>();

  constructor({ fetch, clock, log }: { readonly fetch: SafeFetch } & Pick<Services, 'clock' | 'log'>) {
    this.#fetch = fetch;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * The client's keys. Those behind an address are kept for as long as HTTP allows, and a while longer when it cannot be
   * read. Undefined: the client has none.
   * @throws OutboundError when they cannot be read and none are kept
   */
  async find({ jwks, jwksUri }: ClientKeySource): Promise<ClientJwks | undefined> {
    if (jwksUri === undefined) return jwks;
    const kept = this.#kept.get(jwksUri);
    const isFresh = kept?.jwks !== undefined && this.#clock() < kept.freshUntil;
    return isFresh ? kept.jwks : this.#read(jwksUri);
  }

  /**
   * The keys after asking again, for an assertion whose key is not known: the client may have a new one. Anybody can
   * send such an assertion, so the address is asked once in a cool-down.
   * @throws OutboundError
   */
  async findNewer({ jwks, jwksUri }: ClientKeySource): Promise<ClientJwks | undefined> {
    return jwksUri === undefined ? jwks : this.#read(jwksUri);
  }

  async #read(jwksUri: string): Promise<ClientJwks> {
    const kept = this.#kept.get(jwksUri);
    const isCooling = kept !== undefined && this.#clock() < later(kept.triedAt, lifetimes.outboundCooldownMs);
    const read = isCooling ? kept : await this.#flights.run(jwksUri, () => this.#ask(jwksUri));
    const isUsable = this.#clock() < later(read.freshUntil, lifetimes.staleClientKeysMs);
    if (read.jwks !== undefined && isUsable) return read.jwks;
    throw read.failure ?? new OutboundError('it has not been read for too long', { isTransient: true });
  }

  async #ask(jwksUri: string): Promise<KeptKeys> {
    const asked = await this.#fetchKeys(jwksUri).catch((error: unknown) => {
      if (error instanceof OutboundError) return error;
      throw error;
    });
    const now = this.#clock();
    const before = this.#kept.get(jwksUri);
    const read: KeptKeys =
      asked instanceof OutboundError
        ? {
            jwks: before?.jwks,
            freshUntil: before?.freshUntil ?? now,
            triedAt: now,
            failure: asked,
          }
        : { ...asked, triedAt: now, failure: undefined };
    if (read.failure !== undefined)
      this.#log.warn({ jwksUri, reason: read.failure.message }, 'keys of a client cannot be read');
    this.#kept.set(jwksUri, read);
    return read;
  }

  async #fetchKeys(jwksUri: string): Promise<Pick<KeptKeys, 'jwks' | 'freshUntil'>> {
    const answer = await this.#fetch(new URL(jwksUri));
    const jwks = readClientJwks(answer.outcome === 'fetched' ? answer.json : undefined);
    if ('problem' in jwks) throw new OutboundError(jwks.problem, { isTransient: true });
    return { jwks, freshUntil: freshUntil(answer.headers, this.#clock()) };
  }
}
