/** The keys that sign access tokens, private halves sealed. */
import { z } from 'zod';
import { type Queryable, sql } from './database.ts';
import { bytes, findAll, instant } from './rows.ts';

export interface StoredSigningKey {
  readonly kid: string;
  readonly alg: 'ES256' | 'RS256';
  readonly publicJwk: Readonly<Record<string, unknown>>;
  readonly sealedPrivateKey: Uint8Array;
  readonly createdAt: Date;
  readonly signsFrom: Date;
  readonly signsUntil: Date;
  readonly publishedUntil: Date;
}

const keyRow = z
  .object({
    kid: z.string(),
    alg: z.enum(['ES256', 'RS256']),
    public_jwk: z.record(z.string(), z.unknown()),
    sealed_private_key: bytes,
    created_at: instant,
    signs_from: instant,
    signs_until: instant,
    published_until: instant,
  })
  .transform((row): StoredSigningKey => ({
    kid: row.kid,
    alg: row.alg,
    publicJwk: row.public_jwk,
    sealedPrivateKey: row.sealed_private_key,
    createdAt: row.created_at,
    signsFrom: row.signs_from,
    signsUntil: row.signs_until,
    publishedUntil: row.published_until,
  }));

/** Keys that are still published, oldest first. */
export async function findPublishedKeys(db: Queryable, now: Date): Promise<readonly StoredSigningKey[]> {
  return findAll(
    db,
    keyRow,
    sql`
      select kid, alg, public_jwk, sealed_private_key, created_at, signs_from, signs_until, published_until
      from signing_keys
      where published_until > ${now}
      order by signs_from, kid`,
  );
}

/** Adds a key. Callers hold {@link lockSigningKeys}, so that of several instances one adds it. */
export async function insertSigningKey(db: Queryable, key: StoredSigningKey): Promise<void> {
  await db.query(sql`
    insert into signing_keys (kid, alg, public_jwk, sealed_private_key, created_at, signs_from, signs_until, published_until)
    values (${key.kid}, ${key.alg}, ${JSON.stringify(key.publicJwk)}::text::jsonb, ${key.sealedPrivateKey},
      ${key.createdAt}, ${key.signsFrom}, ${key.signsUntil}, ${key.publishedUntil})`);
}

/** One instance at a time, until the transaction ends. */
export async function lockSigningKeys(tx: Queryable): Promise<void> {
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended('mcp-oauth-proxy signing keys', 0))`);
}
