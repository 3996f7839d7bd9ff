/** The database, and whether the keys open what is in it. Nothing is written. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import type { StorageConfig } from '../config.ts';
import type { Sealer } from '../crypto/sealing.ts';
import { findUnopenedKeys } from '../flows/check-encryption-keys.ts';
import { type Database, DatabaseUnavailableError, sql } from '../repositories/database.ts';
import { findPendingMigrations, MigrationError } from '../repositories/migrate.ts';
import { openDatabase } from '../repositories/open-database.ts';
import { findOne } from '../repositories/rows.ts';
import { findPublishedKeys } from '../repositories/signing-keys.ts';
import { describeError } from './ask.ts';
import type { Report } from './finding.ts';

/** Instances sign and check times themselves; a few seconds between them are tolerated (5 s for access tokens). */
const toleratedSkewMs = 5_000;
const notificationTimeoutMs = 3_000;

/** The ids of the signing keys that this database publishes; undefined when that could not be found out. */
export async function checkDatabase(
  storage: StorageConfig,
  sealer: Sealer | undefined,
  report: Report,
  now = Date.now,
): Promise<readonly string[] | undefined> {
  if (storage.databaseDsn === undefined && !existsSync(join(storage.dataDir, 'pgdata'))) {
    report.unknown('database', 'the embedded database is made when the server first starts');
    return undefined;
  }
  let db: Database | undefined;
  try {
    db = await openDatabase(storage, () => undefined);
    return await examine(db, now, sealer, report);
  } catch (error) {
    const message = describeError(error);
    if (/is using the data directory/.test(message)) {
      report.unknown(
        'database',
        'the embedded database is in use by the running server, and opens for one process only',
      );
    } else {
      report.found(error instanceof MigrationError ? 'database.mismatch' : 'database.unreachable', message);
    }
    return undefined;
  } finally {
    await db?.close();
  }
}

async function examine(
  db: Database,
  now: () => number,
  sealer: Sealer | undefined,
  report: Report,
): Promise<readonly string[] | undefined> {
  const server = await askServer(db, now);
  report.passed('database', `${db.kind === 'embedded' ? 'embedded, ' : ''}PostgreSQL ${server.version}`);
  if (server.is_read_only) report.found('database.read-only', 'it is a standby, or read-only by default');
  if (Math.abs(server.skewMs) > toleratedSkewMs) {
    report.found('database.clock', `the database’s is ${describeSkew(server.skewMs)}`);
  }
  if (db.kind === 'postgres') await checkNotifications(db, report);
  const pending = await findPendingMigrations(db);
  if (pending.length > 0) {
    report.unknown('database', `the server brings it up to date when it next starts: ${pending.join(', ')}`);
    return undefined;
  }
  report.passed('database', 'its tables are those of this version');
  await checkThatKeysOpen(db, sealer, report);
  return (await findPublishedKeys(db, new Date())).map(({ kid }) => kid);
}

/** Where there is no key yet, nothing may be stored under one. */
async function checkThatKeysOpen(db: Database, sealer: Sealer | undefined, report: Report): Promise<void> {
  if (report.has('keys.file-unreadable')) return;
  const unopened = await findUnopenedKeys(db, sealer);
  if (unopened.length > 0) {
    const configured = sealer === undefined ? 'there is none' : `configured is ${sealer.keyIds.join(', ')}`;
    report.found('keys.do-not-open', `the database has values under ${unopened.join(', ')}; ${configured}`);
  } else if (sealer !== undefined) report.passed('keys', 'the encryption key opens what is stored');
}

const serverRow = z.object({ version: z.string(), is_read_only: z.boolean(), now_ms: z.coerce.number() });

async function askServer(db: Database, now: () => number) {
  const askedAt = now();
  const row = await findOne(
    db,
    serverRow,
    sql`
      select current_setting('server_version') as version,
        pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on' as is_read_only,
        extract(epoch from clock_timestamp()) * 1000 as now_ms`,
  );
  if (row === undefined) throw new DatabaseUnavailableError('The database gave no answer');
  return { ...row, skewMs: row.now_ms - (askedAt + now()) / 2 };
}

/** `42 s ahead`, for milliseconds. */
export function describeSkew(ms: number): string {
  return `${Math.round(Math.abs(ms) / 1000)} s ${ms > 0 ? 'ahead' : 'behind'}`;
}

/** Sends one to itself, on a channel that nobody else follows. */
async function checkNotifications(db: Database, report: Report): Promise<void> {
  const channel = 'mcp_oauth_proxy_doctor';
  let count = 0;
  let arrived = (): void => undefined;
  const notified = new Promise<'arrived'>((resolve) => {
    arrived = () => resolve('arrived');
  });
  // The first call says that listening has begun.
  const stop = await db.listen(channel, () => {
    count += 1;
    if (count > 1) arrived();
  });
  try {
    await db.query(sql`select pg_notify(${channel}, '')`);
    const outcome = await Promise.race([
      notified,
      setTimeout(notificationTimeoutMs, 'nothing' as const, { ref: false }),
    ]);
    if (outcome === 'arrived') report.passed('database', 'notifications arrive');
    else report.found('database.no-notifications', `none came within ${notificationTimeoutMs / 1000} s`);
  } finally {
    await stop();
  }
}
