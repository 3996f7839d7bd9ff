/** Creates a client by the operator's hand: `npm run create-client`, or `node dist/create-client.js` in the image. */
import { ConfigError, loadStorageConfig, readEnvironment, type StorageConfig } from './config.ts';
import { UsageError } from './command-line.ts';
import { type Command, readCommand, usage } from './create-client-command.ts';
import { describe, factsOf } from './create-client-report.ts';
import { createId } from './crypto/secrets.ts';
import { toAuditEntry } from './flows/audit-entry.ts';
import { registerClient, type RegisteredClient } from './flows/register-client.ts';
import { type AuditRow, insertAuditRows } from './repositories/audit-events.ts';
import { migrate } from './repositories/migrate.ts';
import { openDatabase } from './repositories/open-database.ts';

async function createClient(
  storage: StorageConfig,
  { metadata, choice }: Command,
): Promise<RegisteredClient> {
  const db = await openDatabase(storage, () => undefined);
  try {
    await migrate(db);
    const clock = () => new Date();
    const registered = await registerClient({ db, clock }, { metadata, choice, source: 'operator' });
    await insertAuditRows(db, [auditRowOf(registered, clock())]);
    return registered;
  } finally {
    await db.close();
  }
}

function auditRowOf({ client: { clientId, clientName } }: RegisteredClient, at: Date): AuditRow {
  const event = { type: 'registration', outcome: 'success', how: 'operator', clientId, clientName } as const;
  const entry = toAuditEntry({ at, caller: undefined, event }, { keepAddresses: false });
  return { key: createId(), ...entry };
}

/** The words of an error, and what to do where those do not say it. */
function explain(error: unknown): string {
  const message = messageOf(error);
  if (error instanceof ConfigError || !/is using the data directory/.test(message)) return message;
  return `${message}.\nIf that is the server: stop it, create the client, and start it again. An app that can register itself (POST /register) needs none of this.`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown failure';
}

async function main(): Promise<void> {
  const command = readCommand(process.argv.slice(2));
  if (command === 'help') return console.log(usage);
  const { dsn, asJson } = command;
  const environment = readEnvironment();
  const storage = loadStorageConfig(dsn === undefined ? environment : { ...environment, DATABASE_DSN: dsn });
  const registered = await createClient(storage, command);
  console.log(asJson ? JSON.stringify(factsOf(registered), undefined, 2) : describe(registered, storage));
}

try {
  await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  console.error(`${explain(error)}${isUsage ? '\n\n--help prints all there is.' : ''}`);
  process.exitCode = isUsage ? 2 : 1;
}
