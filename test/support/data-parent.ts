/** Where the databases of tests are: in memory where there is room, since much of a test's time would go into files. */
import { accessSync, constants, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const memory = '/dev/shm';
/** More than a whole test run takes. */
const roomNeeded = 2 * 1024 ** 3;

export function parentOfData(): string {
  return hasRoomInMemory() ? memory : tmpdir();
}

function hasRoomInMemory(): boolean {
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    return bavail * bsize >= roomNeeded;
  } catch {
    return false;
  }
}
