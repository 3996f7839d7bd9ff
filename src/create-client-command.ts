/** The command line of `create-client`: what it may say, and what is wrong with it. */
import { parseCommandLine, UsageError } from './command-line.ts';
import { readFileSync } from 'node:fs';
import { readPublicKeyFile } from './crypto/public-key-file.ts';
import type { OperatorsChoice } from './flows/register-client.ts';
import { type ClientKeySource, readKeySource } from './protocol/client-keys.ts';
import { type ClientMetadata, readClientMetadata } from './protocol/client-metadata.ts';
import { TokenError } from './protocol/errors.ts';
import { redirectUriProblem } from './protocol/redirect-uri.ts';
import { offlineAccess, parseScope } from './protocol/scope.ts';
import { machineGrantTypes } from './protocol/token-request.ts';

export const usage = `Usage: create-client [DSN] --name NAME --redirect-uri URI [--redirect-uri URI …]
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

export interface Command {
  readonly metadata: ClientMetadata;
  readonly choice: OperatorsChoice;
  readonly dsn: string | undefined;
  readonly asJson: boolean;
}

/** @throws UsageError with every mistake at once */
export function readCommand(args: readonly string[]): Command | 'help' {
  const { values, positionals } = readFlags(args);
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

function readFlags(args: readonly string[]) {
  return parseCommandLine({
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
}
