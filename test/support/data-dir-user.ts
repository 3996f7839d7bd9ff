/** A process that locks the data directory when told `lock`, and lets go when told `release`. */
import { createInterface } from 'node:readline';
import { type DataDirLock, lockDataDir } from '../../src/repositories/data-dir-lock.ts';

const [dataDir = ''] = process.argv.slice(2);
let lock: DataDirLock | undefined;

console.log('ready');
for await (const line of createInterface(process.stdin)) {
  try {
    if (line === 'lock') lock = await lockDataDir(dataDir);
    else await lock?.release();
    console.log('done');
  } catch (error) {
    console.log((error as Error).message);
  }
}
