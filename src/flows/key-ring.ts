/** The signing keys in memory: made when needed, rotated with overlap, shared through the database. */
import { generateSigningKey, importPrivateKey, importPublicKey } from '../crypto/access-token.ts';
import type { SigningAlg, SigningKey } from '../crypto/sign-claims.ts';
import type { VerificationKey } from '../crypto/verify-claims.ts';
import type { Sealer } from '../crypto/sealing.ts';
import type { Database, Queryable } from '../repositories/database.ts';
import { placeOf } from '../repositories/sealed-values.ts';
import {
  findPublishedKeys,
  insertSigningKey,
  lockSigningKeys,
  type StoredSigningKey,
} from '../repositories/signing-keys.ts';
import { later, lifetimes } from './lifetimes.ts';

/** An unknown `kid` makes us look for a new key, but a stranger's tokens must not make us look all the time. */
const minReloadIntervalMs = 5_000;

const privateKeyColumn = 'signing_keys.sealed_private_key';

interface LoadedKey extends StoredSigningKey {
  readonly publicKey: VerificationKey['publicKey'];
  readonly privateKey: SigningKey['privateKey'];
}

export class KeyRing {
  readonly #db: Database;
  readonly #sealer: Sealer;
  readonly #clock: () => Date;
  readonly #alg: SigningAlg;
  #keys: ReadonlyMap<string, LoadedKey> = new Map();
  #lookedAt = 0;
  #newKeys: Promise<void> | undefined;

  constructor(options: {
    readonly db: Database;
    readonly sealer: Sealer;
    readonly clock: () => Date;
    readonly alg: SigningAlg;
  }) {
    this.#db = options.db;
    this.#sealer = options.sealer;
    this.#clock = options.clock;
    this.#alg = options.alg;
  }

  /**
   * Loads the keys, and adds one when none signs now or the last one soon stops. Of several instances one adds it.
   * Run at start and from time to time.
   */
  async refresh(): Promise<void> {
    await this.#load(this.#db);
    if (this.#nextSignsFrom() === undefined) return;
    await this.#db.transaction(async (tx) => {
      await lockSigningKeys(tx);
      await this.#load(tx);
      const signsFrom = this.#nextSignsFrom();
      if (signsFrom !== undefined) await this.#add(tx, signsFrom);
    });
    await this.#load(this.#db);
  }

  /** The key that signs now. */
  async signingKey(): Promise<SigningKey> {
    const now = this.#clock();
    if (this.#currentKey(now) === undefined) await this.refresh();
    const key = this.#currentKey(now);
    if (key === undefined) throw new Error('There is no signing key, though one was made');
    return key;
  }

  /** Keys that tokens may be signed with, by `kid`. */
  get verificationKeys(): ReadonlyMap<string, VerificationKey> {
    return this.#keys;
  }

  /** Public halves only (RFC 7517). */
  get jwks(): { readonly keys: readonly Readonly<Record<string, unknown>>[] } {
    return { keys: [...this.#keys.values()].map((key) => key.publicJwk) };
  }

  /** Looks for a key made by another instance. False: looked too recently, nothing new. */
  async lookForNewKeys(): Promise<boolean> {
    const now = this.#clock().getTime();
    if (this.#newKeys === undefined && now - this.#lookedAt < minReloadIntervalMs) return false;
    this.#lookedAt = now;
    this.#newKeys ??= this.#load(this.#db).finally(() => {
      this.#newKeys = undefined;
    });
    await this.#newKeys;
    return true;
  }

  /** From when a further key should sign; undefined when the keys at hand reach far enough. */
  #nextSignsFrom(): Date | undefined {
    const now = this.#clock();
    if (this.#currentKey(now) === undefined) return now;
    const ours = [...this.#keys.values()].filter((key) => key.alg === this.#alg);
    const lastUntil = Math.max(...ours.map((key) => key.signsUntil.getTime()));
    return lastUntil - now.getTime() < lifetimes.publishedBeforeMs ? new Date(lastUntil) : undefined;
  }

  #currentKey(now: Date): LoadedKey | undefined {
    return [...this.#keys.values()].findLast(
      (key) => key.alg === this.#alg && key.signsFrom <= now && now < key.signsUntil,
    );
  }

  async #add(tx: Queryable, signsFrom: Date): Promise<void> {
    const { kid, publicJwk, privateJwk } = await generateSigningKey(this.#alg);
    const signsUntil = later(signsFrom, lifetimes.signingMs);
    await insertSigningKey(tx, {
      kid,
      alg: this.#alg,
      publicJwk: { ...publicJwk },
      sealedPrivateKey: this.#sealer.seal(JSON.stringify(privateJwk), placeOf(privateKeyColumn, kid)),
      createdAt: this.#clock(),
      signsFrom,
      signsUntil,
      publishedUntil: later(signsUntil, lifetimes.publishedAfterMs),
    });
  }

  async #load(db: Queryable): Promise<void> {
    const now = this.#clock();
    const stored = await findPublishedKeys(db, now);
    const loaded = stored.map((key) => this.#keys.get(key.kid) ?? this.#open(key));
    this.#keys = new Map(loaded.map((key) => [key.kid, key]));
  }

  #open(key: StoredSigningKey): LoadedKey {
    const privateJwk: unknown = JSON.parse(
      this.#sealer.open(key.sealedPrivateKey, placeOf(privateKeyColumn, key.kid)),
    );
    return {
      ...key,
      publicKey: importPublicKey(key.publicJwk, key.alg),
      privateKey: importPrivateKey(privateJwk as Record<string, unknown>),
    };
  }
}
