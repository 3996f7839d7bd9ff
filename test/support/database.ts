/** A migrated database for one test file: its own, and gone afterwards. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { describe, inject } from 'vitest';
import type { Database } from '../../src/repositories/database.ts';
import { openEmbeddedDatabase } from '../../src/repositories/embedded-database.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import { copyEmbeddedTemplate, makeDataFolder } from './data-folder.ts';
import { dsnOf, withAdmin } from './postgres.ts';

export type DatabaseKind = Database['kind'];

export interface TestDatabase {
  readonly db: Database;
  /** PostgreSQL only: for a second instance on the same data. */
  readonly dsn?: string;
  /** The embedded one only: where it is. */
  readonly dataDir?: string;
  /** Closes `db` and removes the data. */
  drop(): Promise<void>;
}

const postgres = inject('postgres');

/** The databases that this machine has, for `describe.each`. The test run ends by naming one that is missing. */
export const databaseKinds: readonly DatabaseKind[] =
  postgres.dsn === undefined ? ['embedded'] : ['postgres', 'embedded'];

/** A suite that needs PostgreSQL: skipped without one, and named at the end of the test run. */
export const describePostgres = postgres.dsn === undefined ? describe.skip : describe;

/** A suite that starts a PostgreSQL of its own: skipped where that is impossible, and named at the end of the test run. */
export const describePrivatePostgres = postgres.canStart ? describe : describe.skip;

const onError = () => undefined;

export interface TestDatabaseOptions {
  /** Without the tables: for tests of the migrations themselves. */
  readonly empty?: boolean;
}

export async function createTestDatabase(
  kind: DatabaseKind,
  { empty = false }: TestDatabaseOptions = {},
): Promise<TestDatabase> {
  return kind === 'postgres' ? await createPostgres(empty) : await createEmbedded(empty);
}

/** PostgreSQL where there is one, else the embedded database. */
export async function defaultTestDatabase(): Promise<TestDatabase> {
  return await createTestDatabase(databaseKinds[0] ?? 'embedded');
}

async function createPostgres(empty: boolean): Promise<TestDatabase> {
  const { dsn: server, template, reason } = postgres;
  if (server === undefined)
    throw new Error(`There is no PostgreSQL: ${reason}. Use describePostgres or databaseKinds`);
  const name = `${template}_${randomBytes(6).toString('hex')}`;
  const source = empty ? 'template0' : template;
  await withAdmin(server, (admin) => admin.query(`create database ${name} template ${source}`));
  const dsn = dsnOf(server, name);
  const db = openPostgresDatabase(dsn, { onError });
  return {
    db,
    dsn,
    async drop() {
      await db.close();
      await withAdmin(server, (admin) => admin.query(`drop database if exists ${name} with (force)`));
    },
  };
}

async function createEmbedded(empty: boolean): Promise<TestDatabase> {
  const dataDir = empty ? makeDataFolder() : copyEmbeddedTemplate();
  const db = await openEmbeddedDatabase(dataDir, { onError });
  return {
    db,
    dataDir,
    async drop() {
      await db.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
