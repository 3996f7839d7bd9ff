/** Notices at start that a database was written under another ENCRYPTION_KEY, before anything is overwritten. */
import type { Sealer } from '../crypto/sealing.ts';
import type { Database, Queryable } from '../repositories/database.ts';
import {
  findEncryptionKeys,
  insertEncryptionKey,
  type KnownEncryptionKey,
  lockEncryptionKeys,
} from '../repositories/encryption-keys.ts';

const checkText = 'mcp-oauth-proxy';

/** ENCRYPTION_KEY does not fit this database. The message says what to do. */
export class EncryptionKeyError extends Error {
  override readonly name = 'EncryptionKeyError';
}

/**
 * Every key that the database still has values under must be configured, and must be the same key; a new first key is
 * noted down. A key is forgotten once nothing is sealed under it any more (see {@link resealValues}).
 *
 * @throws EncryptionKeyError
 */
export async function checkEncryptionKeys(db: Database, sealer: Sealer, now: Date): Promise<void> {
  const problem = await db.transaction(async (tx) => {
    await lockEncryptionKeys(tx);
    const missing = await findUnopenedKeys(tx, sealer);
    if (missing.length > 0) return missing.join(', ');
    const keyId = sealer.keyIds[0];
    await insertEncryptionKey(tx, { keyId, sealedCheck: sealer.seal(checkText, placeOfCheck(keyId)) }, now);
    return undefined;
  });
  if (problem === undefined) return;
  throw new EncryptionKeyError(
    `ENCRYPTION_KEY does not fit this database: it holds values sealed under the key with id ${problem}, and ` +
      `the configured ${sealer.keyIds.length === 1 ? 'key has' : 'keys have'} the id ${sealer.keyIds.join(', ')}. ` +
      'Nothing was changed. Set ENCRYPTION_KEY to the key this database was made with (to rotate, put the new key in ' +
      'front of it: ENCRYPTION_KEY=new,old), restore encryption.key in DATA_DIR, or start with another database.',
  );
}

/** The ids of the keys that this database has values under and that are not configured: all, where none is. */
export async function findUnopenedKeys(
  db: Queryable,
  sealer: Sealer | undefined,
): Promise<readonly string[]> {
  const known = await findEncryptionKeys(db);
  return known.filter((key) => sealer === undefined || !opens(sealer, key)).map(({ keyId }) => keyId);
}

function opens(sealer: Sealer, key: KnownEncryptionKey): boolean {
  try {
    return sealer.open(key.sealedCheck, placeOfCheck(key.keyId)) === checkText;
  } catch {
    return false;
  }
}

function placeOfCheck(keyId: string): string {
  return `encryption_keys.sealed_check:${keyId}`;
}
