/** The generated encryption key: a file that only its owner can read. */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface GeneratedKey {
  readonly key: Uint8Array;
  readonly file: string;
  readonly isNew: boolean;
}

/**
 * Reads the key in `dataDir`, or makes one (mode 0600). Of several processes that start at once, one makes the key
 * and all read the same.
 * @throws Error when the file does not hold a key; it is never overwritten
 */
export function readOrCreateKeyFile(dataDir: string): GeneratedKey {
  const file = join(dataDir, 'encryption.key');
  const existing = readKey(file);
  if (existing !== undefined) return { key: existing, file, isNew: false };
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  try {
    linkSync(draft, file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
  } finally {
    rmSync(draft, { force: true });
  }
  const key = readKey(file);
  if (key === undefined) throw new Error(`The encryption key ${file} disappeared while it was made`);
  return { key, file, isNew: true };
}

/**
 * The key in `dataDir`, where there is one; none is made.
 * @throws Error when the file does not hold a key, or cannot be read
 */
export function findKeyFile(dataDir: string): Omit<GeneratedKey, 'isNew'> | undefined {
  const file = join(dataDir, 'encryption.key');
  const key = readKey(file);
  return key === undefined ? undefined : { key, file };
}

function readKey(file: string): Uint8Array | undefined {
  try {
    const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64');
    if (key.length !== 32) throw new Error(`${file} does not hold an encryption key (32 bytes in base64)`);
    return key;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
}
