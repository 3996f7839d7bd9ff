/** The encryption keys as the server would use them; a key that is not there yet is not made. */
import { statSync } from 'node:fs';
import type { Config } from '../config.ts';
import { findKeyFile } from '../crypto/encryption-key-file.ts';
import { Sealer } from '../crypto/sealing.ts';
import { describeError } from './ask.ts';
import type { Report } from './finding.ts';

export function checkKeys(
  { encryptionKeys, dataDir }: Pick<Config, 'encryptionKeys' | 'dataDir'>,
  report: Report,
): Sealer | undefined {
  if (encryptionKeys !== undefined) return new Sealer(encryptionKeys);
  try {
    const found = findKeyFile(dataDir);
    if (found === undefined) {
      report.unknown('keys', 'ENCRYPTION_KEY is not set: a key is made when the server first starts');
      return undefined;
    }
    // Windows has no such bits.
    const isOpen = process.platform !== 'win32' && (statSync(found.file).mode & 0o077) !== 0;
    if (isOpen) report.found('keys.file-open-to-others', found.file);
    else report.passed('keys', `the generated key ${found.file} is for its owner only`);
    return new Sealer([found.key]);
  } catch (error) {
    report.found('keys.file-unreadable', describeError(error));
    return undefined;
  }
}
