/** Once per test run: a real PostgreSQL, and a migrated template of each database for tests to copy. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { openEmbeddedDatabase } from '../../src/repositories/embedded-database.ts';
import { migrate } from '../../src/repositories/migrate.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import { dsnOf, type PostgresServer, startPostgres, withAdmin } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgres: ProvidedPostgres;
    /** A data directory with a migrated embedded database. */
    embeddedTemplate: string;
  }
}

export interface ProvidedPostgres {
  /** For a user who may create databases. Undefined: there is no PostgreSQL here. */
  readonly dsn?: string;
  /** The name of the migrated database; every name that starts with it belongs to this run. */
  readonly template: string;
  /** Whether tests can start servers of their own, to stop and kill them. */
  readonly canStart: boolean;
  /** Why `dsn` is undefined or `canStart` false. */
  readonly reason?: string;
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-test-'));
  const template = `mcp_test_${process.pid}_${Date.now().toString(36)}`;
  const onError = () => undefined;

  async function preparePostgres(): Promise<PostgresServer | undefined> {
    const server = await startPostgres().catch((error: unknown) => error as Error);
    const reason = server instanceof Error ? { reason: server.message } : {};
    const dsn = process.env.TEST_DATABASE_DSN ?? (server instanceof Error ? undefined : server.dsn);
    project.provide('postgres', {
      ...(dsn === undefined ? {} : { dsn }),
      ...reason,
      template,
      canStart: !(server instanceof Error),
    });
    if (dsn !== undefined) {
      await withAdmin(dsn, (admin) => admin.query(`create database ${template}`));
      const db = openPostgresDatabase(dsnOf(dsn, template), { onError });
      await migrate(db);
      await db.close();
    }
    return server instanceof Error ? undefined : server;
  }

  async function prepareEmbedded(): Promise<void> {
    const db = await openEmbeddedDatabase(folder, { onError });
    await migrate(db);
    await db.close();
    project.provide('embeddedTemplate', folder);
  }

  const [server] = await Promise.all([preparePostgres(), prepareEmbedded()]);
  return async () => {
    const dsn = process.env.TEST_DATABASE_DSN;
    if (dsn !== undefined) await withAdmin(dsn, (admin) => dropAll(admin, template));
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  };
}

async function dropAll(admin: Client, prefix: string): Promise<void> {
  const { rows } = await admin.query<{ datname: string }>(
    'select datname from pg_database where starts_with(datname, $1)',
    [prefix],
  );
  for (const { datname } of rows) await admin.query(`drop database if exists ${datname} with (force)`);
}
