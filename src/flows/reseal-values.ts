/** Moves values sealed under an older encryption key to the first one, so that the older one can be removed. */
import type { Services } from './services.ts';
import { deleteEncryptionKey } from '../repositories/encryption-keys.ts';
import { findSealedUnder, replaceSealed, sealedColumns } from '../repositories/sealed-values.ts';

const batchSize = 200;

/**
 * Reseals one batch of each column for each older key. When nothing is left under a key it is forgotten: from then on
 * the server starts without it. Sign-ins under way are not moved: they end within minutes.
 */
export async function resealValues(services: Pick<Services, 'db' | 'sealer' | 'log'>): Promise<void> {
  const { db, sealer, log } = services;
  for (const keyId of sealer.keyIds.slice(1)) {
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
