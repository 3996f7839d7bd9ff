/** Prints the audit trail: `npm run audit`, or `node dist/audit.js` in the image. */
import { once } from 'node:events';
import { readAuditCommand, usage } from './audit-command.ts';
import { asJsonLine, asTextLine } from './audit-report.ts';
import { loadStorageConfig, readEnvironment } from './config.ts';
import { UsageError } from './command-line.ts';
import { findAuditRows, type StoredAuditRow } from './repositories/audit-events.ts';
import { openDatabase } from './repositories/open-database.ts';

const pageSize = 1_000;

/** A page after another, and no faster than they are read. */
async function print(
  readPage: (after: StoredAuditRow | undefined) => Promise<readonly StoredAuditRow[]>,
  toLine: (row: StoredAuditRow) => string,
): Promise<void> {
  let after: StoredAuditRow | undefined;
  for (;;) {
    const rows = await readPage(after);
    const text = rows.map((row) => `${toLine(row)}\n`).join('');
    if (!process.stdout.write(text)) await once(process.stdout, 'drain');
    after = rows.at(-1);
    if (rows.length < pageSize) return;
  }
}

async function main(): Promise<void> {
  const command = readAuditCommand(process.argv.slice(2), new Date());
  if (command === 'help') return console.log(usage);
  const { dsn, asJson, filter } = command;
  const environment = readEnvironment();
  const storage = loadStorageConfig(dsn === undefined ? environment : { ...environment, DATABASE_DSN: dsn });
  const db = await openDatabase(storage, () => undefined);
  try {
    const readPage = (after: StoredAuditRow | undefined) =>
      findAuditRows(db, filter, { after, limit: pageSize });
    await print(readPage, asJson ? asJsonLine : asTextLine);
  } finally {
    await db.close();
  }
}

/** The words of an error, and what to do where those do not say it. */
function explain(error: unknown): string {
  const message = error instanceof Error ? error.message : 'unknown failure';
  if (/is using the data directory/.test(message))
    return `${message}.\nIf that is the server: stop it first, or look for lines with "audit":true in its log.`;
  return /relation "audit_events" does not exist/.test(message)
    ? 'There is no audit trail in this database yet: the server makes its tables when it starts.'
    : message;
}

// Whoever reads may have seen enough: `audit | head` is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
try {
  await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  console.error(`${explain(error)}${isUsage ? '\n\n--help prints all there is.' : ''}`);
  process.exitCode = isUsage ? 2 : 1;
}
