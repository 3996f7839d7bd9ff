/** Creates a client by the operator's hand: `npm run create-client`, or `node dist/create-client.js` in the image. */
import { parseArgs } from 'node:util';
import { ConfigError, loadStorageConfig, readEnvironment, type StorageConfig } from './config.ts';
import { registerClient, type RegisteredClient } from './flows/register-client.ts';
import type { ClientMetadata } from './protocol/client-metadata.ts';
import { redirectUriProblem } from './protocol/redirect-uri.ts';
import { formatScope, parseScope } from './protocol/scope.ts';
import { supportedGrantTypes } from './protocol/token-request.ts';
import { migrate } from './repositories/migrate.ts';
import { openDatabase } from './repositories/open-database.ts';

const usage = `Usage: create-client [DSN] --name NAME --redirect-uri URI [--redirect-uri URI …]
                     [--public | --confidential] [--scope "SCOPE …"] [--json]

Creates an OAuth client and prints its id, and its secret once.

  DSN              the database; default: DATABASE_DSN, or the embedded one in DATA_DIR
  --name           shown to people who are asked to approve it
  --redirect-uri   where answers are sent; compared character for character, except the port on loopback
  --public         no secret, for apps on people's devices
  --confidential   with a secret, for apps on a server (default)
  --scope          what the client may ask for, at most; default: all of SCOPES_SUPPORTED
  --json           print JSON only`;

/** The command line is wrong: `problems` has a line for each mistake. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface Command {
  readonly metadata: ClientMetadata;
  readonly dsn: string | undefined;
  readonly asJson: boolean;
}

function readCommand(args: readonly string[]): Command | 'help' {
  const { values, positionals } = parseArgs({
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
  if (values.help === true) return 'help';
  const redirectUris = values['redirect-uri'] ?? [];
  const scopes = values.scope === undefined ? [] : parseScope(values.scope);
  const name = values.name?.trim() ?? '';
  const refusedUris = redirectUris.flatMap((uri) => {
    const problem = redirectUriProblem(uri);
    return problem === undefined ? [] : [`--redirect-uri ${uri} cannot be used: ${problem}`];
  });
  const problems = [
    ...(name === '' ? ['--name is missing. Example: --name "My app"'] : []),
    ...(redirectUris.length === 0
      ? ['--redirect-uri is missing. Example: --redirect-uri https://app.example.com/callback']
      : []),
    ...refusedUris,
    ...(values.public === true && values.confidential === true
      ? ['--public and --confidential exclude each other']
      : []),
    ...(scopes === undefined ? ['--scope has characters that a scope cannot have'] : []),
    ...(positionals.length > 1
      ? [`only one DSN is expected, and there is also: ${positionals.slice(1).join(' ')}`]
      : []),
  ];
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  return {
    dsn: positionals[0],
    asJson: values.json === true,
    metadata: {
      clientName: name,
      redirectUris: [...new Set(redirectUris)],
      tokenEndpointAuthMethod: values.public === true ? 'none' : 'client_secret_basic',
      grantTypes: supportedGrantTypes,
      responseTypes: ['code'],
      scopes: scopes === undefined || scopes.length === 0 ? undefined : scopes,
      informational: {},
    },
  };
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

function describe({ client, clientSecret }: RegisteredClient, asJson: boolean): string {
  const facts = {
    client_id: client.clientId,
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
    client_name: client.clientName,
    redirect_uris: client.redirectUris,
    token_endpoint_auth_method: client.tokenEndpointAuthMethod,
    ...(client.scopes === undefined ? {} : { scope: formatScope(client.scopes) }),
  };
  if (asJson) return JSON.stringify(facts, undefined, 2);
  const lines = Object.entries(facts).map(
    ([name, value]) => `  ${name.padEnd(27)}${String(value).replaceAll(',', ' ')}`,
  );
  const note =
    clientSecret === undefined ? '' : '\n\nThe secret is shown this once; only its hash is stored.';
  return `Client created.\n\n${lines.join('\n')}${note}`;
}

/** What to do about a failure, beside its own words. */
function explain(error: unknown): string {
  const message = error instanceof Error ? error.message : 'unknown failure';
  const hint = /data directory/.test(message)
    ? '\nThe embedded database belongs to one process. Stop the server, create the client, and start it again; or let the client register itself (POST /register).'
    : '';
  return message + hint;
}

async function main(): Promise<void> {
  const command = readCommand(process.argv.slice(2));
  if (command === 'help') {
    console.log(usage);
    return;
  }
  const environment = readEnvironment();
  const storage = loadStorageConfig(
    command.dsn === undefined ? environment : { ...environment, DATABASE_DSN: command.dsn },
  );
  console.log(describe(await createClient(storage, command.metadata), command.asJson));
}

try {
  await main();
} catch (error) {
  const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  console.error(
    isUsage ? `${explain(error)}\n\n${usage}` : error instanceof ConfigError ? error.message : explain(error),
  );
  process.exitCode = isUsage ? 2 : 1;
}
