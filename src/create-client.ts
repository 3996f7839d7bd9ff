/** Creates a client by the operator's hand: `npm run create-client`, or `node dist/create-client.js` in the image. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError, loadStorageConfig, readEnvironment, type StorageConfig } from './config.ts';
import { registerClient, type RegisteredClient } from './flows/register-client.ts';
import { type ClientMetadata, readClientMetadata } from './protocol/client-metadata.ts';
import { TokenError } from './protocol/errors.ts';
import { redirectUriProblem } from './protocol/redirect-uri.ts';
import { formatScope, parseScope } from './protocol/scope.ts';
import { migrate } from './repositories/migrate.ts';
import { openDatabase } from './repositories/open-database.ts';

const usage = `Usage: create-client [DSN] --name NAME --redirect-uri URI [--redirect-uri URI …]
                     [--public | --confidential] [--scope "SCOPE …"] [--json]

Creates an OAuth client, and prints its id, and its secret once.

  DSN              the database. Default: DATABASE_DSN, or the embedded one in DATA_DIR,
                   from the environment or .env
  --name           who asks for access, as people see it when they approve
  --redirect-uri   where its answers go; compared character for character, but for the port on loopback
  --public         without a secret: for apps on people's own devices
  --confidential   with a secret: for apps on a server (default)
  --scope          what it may ask for at most. Default: all of SCOPES_SUPPORTED
  --json           print JSON and nothing else (with npm: npm run --silent create-client -- …)
  --help           print this

With npm, two hyphens come first: npm run create-client -- --name "My app" --redirect-uri https://app.example.com/callback

Ends with 0 when the client was created, 1 when it was not, 2 when the command line is wrong.`;

/** The command line is wrong; the message has a line for each mistake. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface Command {
  readonly metadata: ClientMetadata;
  readonly dsn: string | undefined;
  readonly asJson: boolean;
}

/** @throws UsageError with every mistake at once */
function readCommand(args: readonly string[]): Command | 'help' {
  const { values, positionals } = parseCommandLine(args);
  if (values.help === true) return 'help';
  const name = values.name?.trim() ?? '';
  const redirectUris = values['redirect-uri'] ?? [];
  const scopes = parseScope(values.scope ?? '');
  const [dsn] = positionals;
  const mistakes = [
    name === '' && '--name is missing. Example: --name "My app"',
    name.length > 200 && '--name is longer than 200 characters',
    redirectUris.length === 0 &&
      '--redirect-uri is missing. Example: --redirect-uri https://app.example.com/callback',
    ...redirectUris.map((uri) => {
      const problem = redirectUriProblem(uri);
      return problem !== undefined && `--redirect-uri ${uri} cannot be used: ${problem}`;
    }),
    values.public === true &&
      values.confidential === true &&
      '--public and --confidential exclude each other',
    scopes === undefined &&
      '--scope has characters that a scope cannot have. Example: --scope "openid email"',
    // What stands there may be a password: it is not repeated.
    dsn !== undefined &&
      !/^postgres(ql)?:\/\//.test(dsn) &&
      'the first argument is not a postgres:// DSN. With npm, two hyphens come before the flags: npm run create-client -- --name …',
    positionals.length > 1 &&
      `there are ${positionals.length} arguments without a flag: only a DSN is expected`,
  ].filter((mistake) => mistake !== false);
  if (mistakes.length > 0) throw new UsageError(mistakes.join('\n'));
  return { dsn, asJson: values.json === true, metadata: readMetadata() };

  function readMetadata(): ClientMetadata {
    try {
      return readClientMetadata({
        client_name: name,
        redirect_uris: redirectUris,
        token_endpoint_auth_method: values.public === true ? 'none' : 'client_secret_basic',
        scope: values.scope,
      });
    } catch (error) {
      throw error instanceof TokenError ? new UsageError(error.reason) : error;
    }
  }
}

function parseCommandLine(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        'redirect-uri': { type: 'string', multiple: true },
        public: { type: 'boolean' },
        confidential: { type: 'boolean' },
        scope: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    // Behind the first sentence Node explains how to write what nobody means here.
    throw new UsageError(messageOf(error).replace(/\. .*/s, ''));
  }
}

async function createClient(storage: StorageConfig, metadata: ClientMetadata): Promise<RegisteredClient> {
  const db = await openDatabase(storage, () => undefined);
  try {
    await migrate(db);
    return await registerClient({ db, clock: () => new Date() }, { metadata, source: 'operator' });
  } finally {
    await db.close();
  }
}

/** Names as in RFC 7591 §3.2.1. */
function factsOf({ client, clientSecret }: RegisteredClient) {
  return {
    client_id: client.clientId,
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
    client_name: client.clientName,
    redirect_uris: client.redirectUris,
    token_endpoint_auth_method: client.tokenEndpointAuthMethod,
    ...(client.scopes === undefined ? {} : { scope: formatScope(client.scopes) }),
  };
}

function describe(registered: RegisteredClient, storage: StorageConfig): string {
  const { client, clientSecret } = registered;
  const secret = clientSecret === undefined ? 'none: it is a public client' : clientSecret;
  const id = clientSecret === undefined ? 'its id' : 'its id and its secret';
  const lines = [
    ['Client ID', client.clientId],
    ['Client secret', secret],
    ['Name', client.clientName],
    ...client.redirectUris.map((uri) => ['Redirect URI', uri]),
    ...(client.scopes === undefined ? [] : [['Scopes', formatScope(client.scopes)]]),
    ['Stored in', describeStorage(storage)],
    ...endpoints(storage.baseUrl),
  ];
  return [
    `The client was created. Give the app ${id}, where it asks for OAuth credentials.`,
    ...(clientSecret === undefined ? [] : ['The secret is shown this once: only its hash is stored.']),
    '',
    ...lines.map(([name = '', value = '']) => `  ${name.padEnd(16)}${value}`),
  ].join('\n');
}

/** What apps ask for that do not discover it. */
function endpoints(baseUrl: string | undefined): readonly string[][] {
  if (baseUrl === undefined) return [];
  return [
    ['Server', `${baseUrl}/mcp`],
    ['Authorization', `${baseUrl}/authorize`],
    ['Token', `${baseUrl}/token`],
  ];
}

/** Without user and password. */
function describeStorage({ databaseDsn, dataDir }: StorageConfig): string {
  if (databaseDsn === undefined) return `the embedded database in ${resolve(dataDir)}`;
  const { host, pathname } = new URL(databaseDsn);
  return `PostgreSQL, ${host}${pathname}`;
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
  const { dsn, asJson, metadata } = command;
  const environment = readEnvironment();
  const storage = loadStorageConfig(dsn === undefined ? environment : { ...environment, DATABASE_DSN: dsn });
  const registered = await createClient(storage, metadata);
  console.log(asJson ? JSON.stringify(factsOf(registered), undefined, 2) : describe(registered, storage));
}

try {
  await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  console.error(`${explain(error)}${isUsage ? '\n\n--help prints all there is.' : ''}`);
  process.exitCode = isUsage ? 2 : 1;
}
