/** Moves values sealed under an older encryption key to the first one, so that the older one can be removed. */
import type { Services } from './services.ts';
import { deleteEncryptionKey, findEncryptionKeys } from '../repositories/encryption-keys.ts';
import { findSealedUnder, replaceSealed, sealedColumns } from '../repositories/sealed-values.ts';

const batchSize = 200;

/**
 * Reseals one batch of each column for each older key. When nothing is left under a key it is forgotten: from then on
 * the server starts without it. Sign-ins under way are not moved: they end within minutes.
 */
export async function resealValues(services: Pick<Services, 'db' | 'sealer' | 'log'>): Promise<void> {
  const { db, sealer, log } = services;
  for (const keyId of await olderKeys(db, sealer)) {
    let moved = 0;
    for (const column of sealedColumns) {
      for (const value of await findSealedUnder(db, column, Buffer.from(keyId, 'hex'), batchSize)) {
        await replaceSealed(
          db,
          column,
          value,
          sealer.seal(sealer.open(value.sealed, value.place), value.place),
        );
        moved += 1;
      }
    }
    if (moved === 0 && (await deleteEncryptionKey(db, keyId))) {
      log.info(
        { keyId },
        'nothing is sealed under this encryption key any more: remove it from ENCRYPTION_KEY',
      );
    }
  }
}

/**
 * The configured keys that came before the sealing one. During a rolling change of ENCRYPTION_KEY an instance that
 * still seals under the old key must not move values back.
 */
async function olderKeys(db: Services['db'], sealer: Services['sealer']): Promise<readonly string[]> {
  const known = (await findEncryptionKeys(db)).map((key) => key.keyId);
  const current = known.indexOf(sealer.keyIds[0]);
  return sealer.keyIds.slice(1).filter((keyId) => known.indexOf(keyId) < current);
}
