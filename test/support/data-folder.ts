/** Data directories of embedded databases, for tests. Whoever made one removes it. */
import { cpSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { parentOfData } from './data-parent.ts';

export function makeDataFolder(): string {
  return mkdtempSync(join(parentOfData(), 'mcp-data-'));
}

/** Puts a migrated database there, which is quicker than to make one. */
export function copyEmbeddedTemplate(dataDir: string = makeDataFolder()): string {
  cpSync(inject('embeddedTemplate'), dataDir, { recursive: true });
  return dataDir;
}
