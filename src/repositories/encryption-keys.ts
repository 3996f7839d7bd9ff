/** Which encryption keys this database was written under. */
import { z } from 'zod';
import { type Queryable, sql } from './database.ts';
import { bytes, findAll } from './rows.ts';

export interface KnownEncryptionKey {
  readonly keyId: string;
  /** A known text sealed under it: proves that a configured key is the same, not just its id. */
  readonly sealedCheck: Uint8Array;
}

const keyRow = z
  .object({ key_id: z.string(), sealed_check: bytes })
  .transform((row): KnownEncryptionKey => ({ keyId: row.key_id, sealedCheck: row.sealed_check }));

export async function findEncryptionKeys(db: Queryable): Promise<readonly KnownEncryptionKey[]> {
  return findAll(db, keyRow, sql`select key_id, sealed_check from encryption_keys order by created_at`);
}

export async function insertEncryptionKey(db: Queryable, key: KnownEncryptionKey, now: Date): Promise<void> {
  await db.query(sql`
    insert into encryption_keys (key_id, sealed_check, created_at)
    values (${key.keyId}, ${key.sealedCheck}, ${now})
    on conflict (key_id) do nothing`);
}

/** Forgets a key. False: it was not known. */
export async function deleteEncryptionKey(db: Queryable, keyId: string): Promise<boolean> {
  const { rowCount } = await db.query(sql`delete from encryption_keys where key_id = ${keyId}`);
  return rowCount > 0;
}

/** One instance at a time, until the transaction ends. */
export async function lockEncryptionKeys(tx: Queryable): Promise<void> {
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended('mcp-oauth-proxy encryption keys', 0))`);
}
