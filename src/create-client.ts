/** Creates a client by the operator's hand: `npm run create-client`, or `node dist/create-client.js` in the image. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError, loadStorageConfig, readEnvironment, type StorageConfig } from './config.ts';
import { readPublicKeyFile } from './crypto/public-key-file.ts';
import { type OperatorsChoice, registerClient, type RegisteredClient } from './flows/register-client.ts';
import { type ClientKeySource, readKeySource } from './protocol/client-keys.ts';
import { type ClientMetadata, readClientMetadata } from './protocol/client-metadata.ts';
import { TokenError } from './protocol/errors.ts';
import { redirectUriProblem } from './protocol/redirect-uri.ts';
import { formatScope, offlineAccess, parseScope } from './protocol/scope.ts';
import { machineGrantTypes } from './protocol/token-request.ts';
import type { Client } from './repositories/clients.ts';
import { migrate } from './repositories/migrate.ts';
import { openDatabase } from './repositories/open-database.ts';

const usage = `Usage: create-client [DSN] --name NAME --redirect-uri URI [--redirect-uri URI …]
                     [--public | --confidential | KEY] [--scope "SCOPE …"] [--json]
       create-client [DSN] --name NAME --machine --scope "SCOPE …" [--resource URL] [KEY] [--json]
       create-client [DSN] --name NAME --introspect [--resource URL] [KEY] [--json]

Creates an OAuth client, and prints its id, and its secret once. It is an app that signs people in; or, with --machine,
a program that acts for itself; or, with --introspect, an MCP server that asks what a token means. One client is one
of these.

  DSN              the database. Default: DATABASE_DSN, or the embedded one in DATA_DIR,
                   from the environment or .env
  --name           who asks for access, as people see it when they approve
  --redirect-uri   where its answers go; compared character for character, but for the port on loopback
  --public         without a secret: for apps on people's own devices
  --confidential   with a secret: for apps on a server (default)
  --scope          what it may ask for at most. Default: all of SCOPES_SUPPORTED. A machine gets what is listed here
  --machine        gets tokens without a person (grant type client_credentials)
  --introspect     may ask about the access tokens of all clients (POST /introspect)
  --resource       the only resource that a machine gets tokens for, or that --introspect is about. Default: any
  KEY              instead of a secret, the client's key (private_key_jwt): --public-key FILE (PEM, JWK or key set),
                   or --jwks-uri URL (https), where it publishes its keys
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
  readonly choice: OperatorsChoice;
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
  const { machine: isMachine = false, introspect: mayIntrospect = false, resource } = values;
  const isForPeople = !isMachine && !mayIntrospect;
  const keys = readKeys(values['public-key'], values['jwks-uri']);
  const hasKey = values['public-key'] !== undefined || values['jwks-uri'] !== undefined;
  const mistakes = [
    name === '' && '--name is missing. Example: --name "My app"',
    name.length > 200 && '--name is longer than 200 characters',
    isMachine && mayIntrospect && '--machine and --introspect are two clients: create one of each',
    isForPeople &&
      redirectUris.length === 0 &&
      '--redirect-uri is missing. Example: --redirect-uri https://app.example.com/callback',
    ...redirectUris.map((uri) => {
      const problem = redirectUriProblem(uri);
      return problem !== undefined && `--redirect-uri ${uri} cannot be used: ${problem}`;
    }),
    !isForPeople && redirectUris.length > 0 && '--redirect-uri is for apps that sign people in',
    !isForPeople && values.public === true && '--public has no secret: a machine proves who it is',
    isForPeople && resource !== undefined && '--resource goes with --machine or --introspect',
    resource !== undefined &&
      !URL.canParse(resource) &&
      '--resource must be a URL. Example: --resource https://mcp.example.com/mcp',
    isMachine &&
      scopes?.length === 0 &&
      '--scope is missing: a machine gets what is listed, and nothing else. Example: --scope "tools:read"',
    isMachine &&
      scopes?.includes(offlineAccess) === true &&
      '--scope offline_access is for people: a machine asks for the next token itself',
    mayIntrospect && values.scope !== undefined && '--scope is for clients that get tokens',
    'problem' in keys && `the key cannot be used: ${keys.problem}`,
    hasKey &&
      (values.public === true || values.confidential === true) &&
      'a key stands in the place of a secret: leave out --public and --confidential',
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
  const choice = { resource, mayIntrospect };
  const keySource = 'problem' in keys ? { jwks: undefined, jwksUri: undefined } : keys;
  return { dsn, asJson: values.json === true, metadata: readMetadata(), choice };

  function readMetadata(): ClientMetadata {
    const proof = hasKey ? 'private_key_jwt' : 'client_secret_basic';
    if (!isForPeople) return metadataOfServer(name, isMachine, scopes, proof, keySource);
    try {
      return readClientMetadata({
        client_name: name,
        redirect_uris: redirectUris,
        token_endpoint_auth_method: values.public === true ? 'none' : proof,
        jwks: keySource.jwks,
        jwks_uri: keySource.jwksUri,
        scope: values.scope,
      });
    } catch (error) {
      throw error instanceof TokenError ? new UsageError(error.reason) : error;
    }
  }
}

/** Of a client that no person meets: it sends nobody anywhere. */
function metadataOfServer(
  clientName: string,
  isMachine: boolean,
  scopes: readonly string[] | undefined,
  tokenEndpointAuthMethod: 'private_key_jwt' | 'client_secret_basic',
  keys: ClientKeySource,
): ClientMetadata {
  return {
    clientName,
    redirectUris: [],
    tokenEndpointAuthMethod,
    ...keys,
    grantTypes: isMachine ? machineGrantTypes : [],
    responseTypes: [],
    scopes: isMachine ? scopes : undefined,
    informational: {},
  };
}

function readKeys(
  file: string | undefined,
  jwksUri: string | undefined,
): ClientKeySource | { readonly problem: string } {
  if (file === undefined) return readKeySource(undefined, jwksUri);
  try {
    return readKeySource(readPublicKeyFile(readFileSync(file, 'utf8')), jwksUri);
  } catch {
    return { problem: `${file} is not a file with a public key (PEM, JWK or key set)` };
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
        machine: { type: 'boolean' },
        introspect: { type: 'boolean' },
        resource: { type: 'string' },
        'public-key': { type: 'string' },
        'jwks-uri': { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    // Behind the first sentence Node explains how to write what nobody means here.
    throw new UsageError(messageOf(error).replace(/\. .*/s, ''));
  }
}

async function createClient(
  storage: StorageConfig,
  { metadata, choice }: Command,
): Promise<RegisteredClient> {
  const db = await openDatabase(storage, () => undefined);
  try {
    await migrate(db);
    return await registerClient({ db, clock: () => new Date() }, { metadata, choice, source: 'operator' });
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
    grant_types: client.grantTypes,
    token_endpoint_auth_method: client.tokenEndpointAuthMethod,
    ...(client.scopes === undefined ? {} : { scope: formatScope(client.scopes) }),
    ...(client.resource === undefined ? {} : { resource: client.resource }),
    ...(client.jwks === undefined ? {} : { jwks: client.jwks }),
    ...(client.jwksUri === undefined ? {} : { jwks_uri: client.jwksUri }),
  };
}

function describe(registered: RegisteredClient, storage: StorageConfig): string {
  const { client, clientSecret } = registered;
  const secret = clientSecret ?? (hasKey(client) ? 'none: it has a key' : 'none: it is a public client');
  const id = clientSecret === undefined ? 'its id' : 'its id and its secret';
  const lines = [
    ['Client ID', client.clientId],
    ['Client secret', secret],
    ['Name', client.clientName],
    ...client.redirectUris.map((uri) => ['Redirect URI', uri]),
    ...(client.scopes === undefined ? [] : [['Scopes', formatScope(client.scopes)]]),
    ...(client.resource === undefined ? [] : [['Resource', client.resource]]),
    ...(client.jwksUri === undefined ? [] : [['Keys at', client.jwksUri]]),
    ['Stored in', describeStorage(storage)],
    ...endpoints(client, storage.baseUrl),
  ];
  return [
    `The client was created. Give the app ${id}, where it asks for OAuth credentials.`,
    ...(clientSecret === undefined ? [] : ['The secret is shown this once: only its hash is stored.']),
    '',
    ...lines.map(([name = '', value = '']) => `  ${name.padEnd(16)}${value}`),
    ...example(client, storage.baseUrl),
  ].join('\n');
}

/** What apps ask for that do not discover it. */
function endpoints(client: Client, baseUrl: string | undefined): readonly string[][] {
  if (baseUrl === undefined) return [];
  const introspection = ['Introspection', `${baseUrl}/introspect`];
  if (client.mayIntrospect) return [introspection];
  return [
    ['Server', `${baseUrl}/mcp`],
    ...(isMachine(client) ? [] : [['Authorization', `${baseUrl}/authorize`]]),
    ['Token', `${baseUrl}/token`],
    ['Revocation', `${baseUrl}/revoke`],
  ];
}

/** The first request to make; curl asks for the secret, so that it is in no history. */
function example(client: Client, baseUrl: string | undefined): readonly string[] {
  const request = client.mayIntrospect
    ? `-d token=… ${baseUrl}/introspect`
    : `-d grant_type=client_credentials ${baseUrl}/token`;
  const isForPeople = !client.mayIntrospect && !isMachine(client);
  return baseUrl === undefined || isForPeople || hasKey(client)
    ? []
    : ['', 'Try it; curl asks for the secret:', '', `  curl -u ${client.clientId} ${request}`];
}

function hasKey({ tokenEndpointAuthMethod }: Client): boolean {
  return tokenEndpointAuthMethod === 'private_key_jwt';
}

function isMachine({ grantTypes }: Client): boolean {
  return machineGrantTypes.every((grantType) => grantTypes.includes(grantType));
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
