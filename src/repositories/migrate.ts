/** Brings a database to this program's version with the `.sql` files in `migrations`. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import {
  type Database,
  DatabaseUnavailableError,
  type Queryable,
  sql,
  type Transaction,
} from './database.ts';

/** The database and this program do not fit together. The message is for the operator; nothing was changed. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

interface Migration {
  readonly version: number;
  /** `0001_initial` */
  readonly name: string;
  readonly checksum: string;
  readonly text: string;
}

const oldestServer = 150_000;

/** Any number will do, as long as every instance takes the same. */
const lockKey = 5_772_156_649;

const appliedRow = z.object({ version: z.number(), name: z.string(), checksum: z.string() });
type Applied = z.infer<typeof appliedRow>;

/**
 * Applies what is pending in one transaction: all of it, or nothing. Instances that start together wait for
 * one another; with nothing pending there is nothing to wait for.
 *
 * @throws MigrationError when an applied file has changed or is missing, the database is newer than the
 *   program, PostgreSQL is older than 15, or a migration fails
 */
export async function migrate(db: Database, options: { readonly directory?: string } = {}): Promise<void> {
  const migrations = await readMigrations(options.directory ?? findDirectory());
  if ((await findPending(db, migrations)).length === 0) return;

  await db.transaction(async (tx) => {
    await tx.script(`set local statement_timeout = 0; select pg_advisory_xact_lock(${lockKey})`);
    // Not "is it there?" again: the session may answer that from a cache that is older than the lock.
    await attempt('Creating schema_migrations', () => tx.script(migrationsTable));
    const pending = pendingOf(migrations, await readApplied(tx));
    for (const migration of pending) await attempt(`Migration ${migration.name}`, () => apply(tx, migration));
  });
}

/**
 * The names of the migrations that {@link migrate} would apply. Nothing is changed.
 * @throws MigrationError as {@link migrate} does
 */
export async function findPendingMigrations(db: Queryable): Promise<readonly string[]> {
  return (await findPending(db, await readMigrations(findDirectory()))).map(({ name }) => name);
}

async function findPending(db: Queryable, migrations: readonly Migration[]): Promise<readonly Migration[]> {
  await checkServerVersion(db);
  return pendingOf(migrations, await attempt('Reading schema_migrations', () => findApplied(db)));
}

/** `migrations` beside `package.json`, seen from `src/repositories` as from `dist/repositories`. */
function findDirectory(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'migrations'))) return join(folder, 'migrations');
    if (folder === dirname(folder))
      throw new MigrationError('The folder migrations is missing: install the program again');
  }
}

/** The files in order, without gaps. */
async function readMigrations(directory: string): Promise<Migration[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.sql')).sort();
  if (files.length === 0) throw new MigrationError(`${directory} is empty: install the program again`);
  return await Promise.all(
    files.map(async (file, index) => {
      const version = Number(/^(\d{4})_\w+\.sql$/.exec(file)?.[1]);
      if (version !== index + 1) {
        throw new MigrationError(
          `Migration ${String(index + 1).padStart(4, '0')} is missing: ${directory} has ${file} in its place. Install the program again`,
        );
      }
      const text = (await readFile(join(directory, file), 'utf8')).replaceAll('\r\n', '\n');
      return {
        version,
        name: file.slice(0, -'.sql'.length),
        text,
        checksum: createHash('sha256').update(text).digest('hex'),
      };
    }),
  );
}

async function checkServerVersion(db: Queryable): Promise<void> {
  const { rows } = await db.query(sql`select current_setting('server_version_num')::int as version`);
  const [{ version }] = z.tuple([z.object({ version: z.number() })]).parse(rows);
  if (version < oldestServer) {
    throw new MigrationError(
      `The database server is PostgreSQL ${Math.floor(version / 10_000)}; this program needs 15 or later. Upgrade the server`,
    );
  }
}

async function findApplied(db: Queryable): Promise<Applied[]> {
  const table = await db.query(sql`select 1 where to_regclass('schema_migrations') is not null`);
  return table.rowCount === 0 ? [] : await readApplied(db);
}

async function readApplied(db: Queryable): Promise<Applied[]> {
  const { rows } = await db.query(sql`
    select version, name, checksum
    from schema_migrations
    order by version`);
  return z.array(appliedRow).parse(rows);
}

/** @throws MigrationError when what was applied is not the beginning of what this program brings */
function pendingOf(migrations: readonly Migration[], applied: readonly Applied[]): readonly Migration[] {
  for (const [index, { version, name, checksum }] of applied.entries()) {
    const migration = migrations[version - 1];
    if (version > migrations.length) {
      const known = migrations.at(-1)?.name ?? 'none';
      throw new MigrationError(
        `The database is newer than this program: it has migration ${name}, the last one known here is ${known}. Start the newer version again, or restore a backup that was made before it`,
      );
    }
    if (version !== index + 1 || migration === undefined) {
      throw new MigrationError(
        `The database has migration ${name} but not the one before it. Restore the table schema_migrations from a backup`,
      );
    }
    if (migration.name !== name || migration.checksum !== checksum) {
      throw new MigrationError(
        `Migration ${name} was changed after this database had applied it (now ${migration.name}). Install the program again to restore the file; a change to the schema belongs into a new migration`,
      );
    }
  }
  return migrations.slice(applied.length);
}

async function apply(tx: Transaction, { version, name, checksum, text }: Migration): Promise<void> {
  await tx.script(text);
  await tx.query(sql`
    insert into schema_migrations (version, name, checksum, applied_at)
    values (${version}, ${name}, ${checksum}, now())`);
}

/** @throws MigrationError for what the database refuses to do; an outage stays one */
async function attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof DatabaseUnavailableError) throw error;
    const isForbidden = 'code' in error && error.code === '42501';
    const advice = isForbidden
      ? '. Make the user of DATABASE_DSN the owner of the database and its tables'
      : '';
    throw new MigrationError(`${what} failed, and nothing was changed: ${error.message}${advice}`, {
      cause: error,
    });
  }
}

const migrationsTable = `
  create table if not exists schema_migrations (
    version integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null
  )`;
