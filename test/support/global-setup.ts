/** Once per test run: a real PostgreSQL, and a migrated template of each database for tests to copy. */
import type { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/repositories/migrate.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import { parentOfData } from './data-parent.ts';
import { embeddedTemplate } from './embedded-template.ts';
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
  const template = `mcp_test_${process.pid}_${Date.now().toString(36)}`;
  const given = process.env.TEST_DATABASE_DSN;

  async function preparePostgres(): Promise<PostgresServer | undefined> {
    const started = await startPostgres({ parent: parentOfData() }).then(
      (server) => ({ server }),
      (error: unknown) => ({ reason: (error as Error).message, server: undefined }),
    );
    const { server, ...reason } = started;
    const dsn = given ?? server?.dsn;
    if (dsn !== undefined) await makeTemplate(dsn, template);
    project.provide('postgres', {
      ...(dsn === undefined ? {} : { dsn }),
      ...reason,
      template,
      canStart: server !== undefined,
    });
    return server;
  }

  const [server, folder] = await Promise.all([preparePostgres(), embeddedTemplate()]);
  project.provide('embeddedTemplate', folder);
  return async () => {
    if (given !== undefined) await withAdmin(given, (admin) => dropAll(admin, template));
    await server?.remove();
  };
}

async function makeTemplate(dsn: string, name: string): Promise<void> {
  await withAdmin(dsn, (admin) => admin.query(`create database ${name}`));
  const db = openPostgresDatabase(dsnOf(dsn, name), {
    onError: (error) => {
      throw error;
    },
  });
  await migrate(db);
  await db.close();
}

async function dropAll(admin: Client, prefix: string): Promise<void> {
  const { rows } = await admin.query<{ datname: string }>(
    'select datname from pg_database where starts_with(datname, $1)',
    [prefix],
  );
  for (const { datname } of rows) await admin.query(`drop database if exists ${datname} with (force)`);
}
