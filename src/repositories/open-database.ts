/** Opens the database that the configuration names. */
import type { Database } from './database.ts';
import { openPostgresDatabase } from './postgres-database.ts';

export interface DatabaseLocation {
  /** Undefined: the embedded database under `dataDir`. */
  readonly databaseDsn: string | undefined;
  readonly dataDir: string;
  readonly databaseMaxConnections?: number;
}

/**
 * @param onError told about trouble that no caller is waiting for, such as a lost idle connection
 * @throws Error for an operator: a DSN that cannot be read, a data directory in use
 */
export async function openDatabase(
  { databaseDsn, dataDir, databaseMaxConnections: maxConnections }: DatabaseLocation,
  onError: (error: Error) => void,
): Promise<Database> {
  if (databaseDsn !== undefined) return openPostgresDatabase(databaseDsn, { onError, maxConnections });
  // PGlite takes memory and time to load, which a process on PostgreSQL does not need.
  const { openEmbeddedDatabase } = await import('./embedded-database.ts');
  return await openEmbeddedDatabase(dataDir, { onError });
}
