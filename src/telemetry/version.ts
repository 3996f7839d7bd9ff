/** The version of this program: that of the nearest `package.json`, seen from `src` as from `dist`. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const packageFile = z.object({ version: z.string() });

export function readVersion(folder = import.meta.dirname): string {
  const file = join(folder, 'package.json');
  if (existsSync(file)) return packageFile.parse(JSON.parse(readFileSync(file, 'utf8'))).version;
  return dirname(folder) === folder ? 'unknown' : readVersion(dirname(folder));
}
