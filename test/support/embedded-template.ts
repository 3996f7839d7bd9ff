/** A migrated embedded database to copy. Making one takes seconds, so it is kept until the migrations change. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openEmbeddedDatabase } from '../../src/repositories/embedded-database.ts';
import { migrate } from '../../src/repositories/migrate.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The data directory of the template; made unless an earlier test run has. */
export async function embeddedTemplate(): Promise<string> {
  const cache = join(root, 'node_modules', '.cache', 'mcp-oauth-proxy');
  mkdirSync(cache, { recursive: true });
  const folder = join(cache, `embedded-${keyOf()}`);
  if (existsSync(folder)) return folder;

  const made = mkdtempSync(`${folder}-`);
  const db = await openEmbeddedDatabase(made, {
    onError: (error) => {
      throw error;
    },
  });
  await migrate(db);
  await db.close();
  try {
    renameSync(made, folder);
  } catch (error) {
    // Another test run was quicker.
    if (!existsSync(folder)) throw error;
    rmSync(made, { recursive: true });
  }
  return folder;
}

/** Changes with everything that makes the template: the migrations, PGlite, and how both are used. */
function keyOf(): string {
  const migrations = readdirSync(join(root, 'migrations')).map((file) => join(root, 'migrations', file));
  const sources = ['embedded-database.ts', 'migrate.ts'].map((file) =>
    join(root, 'src', 'repositories', file),
  );
  const pglite = dirname(createRequire(import.meta.url).resolve('@electric-sql/pglite'));
  const hash = createHash('sha256');
  for (const file of [...migrations.sort(), ...sources, join(pglite, '..', 'package.json')]) {
    hash.update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}
