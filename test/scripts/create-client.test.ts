/** `create-client`, as operators run it: the compiled program of the image, and the npm script. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hashSecret } from '../../src/crypto/secrets.ts';
import { findClient } from '../../src/repositories/clients.ts';
import { sql } from '../../src/repositories/database.ts';
import { openEmbeddedDatabase } from '../../src/repositories/embedded-database.ts';
import { createTestDatabase, describePostgres, type TestDatabase } from '../support/database.ts';
import { type CompiledServer, compileServer } from '../support/process.ts';
import { run } from './support.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const good = ['--name', 'My app', '--redirect-uri', 'https://app.example.com/callback'];

let compiled: CompiledServer;
let program: string;
let folder: string;

beforeAll(async () => {
  compiled = await compileServer();
  program = join(relative(root, dirname(compiled.file)), 'create-client.js');
});
afterAll(async () => compiled.remove());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-create-client-'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

interface Printed {
  readonly client_id: string;
  readonly client_secret?: string;
  readonly redirect_uris: readonly string[];
  readonly token_endpoint_auth_method: string;
}

const job = ['--name', 'Nightly job', '--machine', '--scope', 'tools:read tools:write'];
const server = ['--name', 'MCP server', '--introspect'];

describePostgres('create-client on PostgreSQL', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase('postgres', { empty: true });
  });
  afterEach(async () => database.drop());

  it('makes the tables, and a client whose secret is kept as a hash (design §3.2)', async () => {
    const { code, stdout, stderr } = await run(program, [...dsnOf(database), ...good, '--json'], {
      cwd: folder,
    });

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const printed = JSON.parse(stdout) as Printed;
    expect(await findClient(database.db, printed.client_id)).toMatchObject({
      clientSecretHash: Buffer.from(hashSecret(printed.client_secret ?? '')),
      tokenEndpointAuthMethod: 'client_secret_basic',
      clientName: 'My app',
      redirectUris: ['https://app.example.com/callback'],
      grantTypes: ['authorization_code', 'refresh_token'],
      scopes: undefined,
      source: 'operator',
    });
  });

  it('leaves a row in the audit trail (docs/audit.md)', async () => {
    const { stdout } = await run(program, [...dsnOf(database), ...good, '--json'], { cwd: folder });

    const { client_id } = JSON.parse(stdout) as Printed;
    const { rows } = await database.db.query(sql`select type, client_id, details from audit_events`);
    const details = { how: 'operator', clientName: 'My app' };
    expect(rows).toEqual([{ type: 'registration', client_id, details }]);
  });

  it('makes a machine, with its scopes, its resource and a secret (OAuth 2.1 §4.2)', async () => {
    const resource = 'https://mcp.example.com/mcp';

    const args = [...dsnOf(database), ...job, '--resource', resource, '--json'];
    const { code, stdout } = await run(program, args, { cwd: folder });

    expect(code).toBe(0);
    const printed = JSON.parse(stdout) as Printed;
    expect(printed).toMatchObject({ grant_types: ['client_credentials'], redirect_uris: [], resource });
    expect(await findClient(database.db, printed.client_id)).toMatchObject({
      clientSecretHash: Buffer.from(hashSecret(printed.client_secret ?? '')),
      tokenEndpointAuthMethod: 'client_secret_basic',
      redirectUris: [],
      grantTypes: ['client_credentials'],
      responseTypes: [],
      scopes: ['tools:read', 'tools:write'],
      resource,
      mayIntrospect: false,
      source: 'operator',
    });
  });

  it('makes a client for an MCP server that introspects, and may do nothing else (RFC 7662 §2.1)', async () => {
    const { code, stdout } = await run(program, [...dsnOf(database), ...server, '--json'], { cwd: folder });

    expect(code).toBe(0);
    const printed = JSON.parse(stdout) as Printed;
    expect(printed.client_secret).toMatch(/^mop_cs_/);
    expect(await findClient(database.db, printed.client_id)).toMatchObject({
      grantTypes: [],
      redirectUris: [],
      scopes: undefined,
      resource: undefined,
      mayIntrospect: true,
    });
  });

  it('makes a machine with a key in the place of a secret, from PEM, JWK or key set (RFC 7523 §2.2)', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = publicKey.export({ format: 'jwk' });
    const files = [
      publicKey.export({ format: 'pem', type: 'spki' }).toString(),
      JSON.stringify(jwk),
      JSON.stringify({ keys: [jwk] }),
    ];
    for (const content of files) {
      await writeFile(join(folder, 'key'), content);
      const args = [...dsnOf(database), ...job, '--public-key', 'key', '--json'];
      const { code, stdout } = await run(program, args, { cwd: folder });

      expect(code).toBe(0);
      const printed = JSON.parse(stdout) as Printed;
      expect(printed).not.toHaveProperty('client_secret');
      expect(await findClient(database.db, printed.client_id)).toMatchObject({
        clientSecretHash: undefined,
        tokenEndpointAuthMethod: 'private_key_jwt',
        isAssertionOptional: false,
        jwks: { keys: [jwk] },
      });
    }
  });

  it('makes an app whose keys are where it publishes them (RFC 7591 §2)', async () => {
    const env = { DATABASE_DSN: database.dsn ?? '', BASE_URL: 'https://mcp.example.com' };
    const args = [...good, '--jwks-uri', 'https://app.example.com/jwks'];

    const { code, stdout } = await run(program, args, { cwd: folder, env });

    expect(code).toBe(0);
    expect(stdout).toMatch(/Client secret +none: it has a key\n/);
    const clientId = /Client ID +(\S+)/.exec(stdout)?.[1] ?? '';
    expect(await findClient(database.db, clientId)).toMatchObject({
      tokenEndpointAuthMethod: 'private_key_jwt',
      jwksUri: 'https://app.example.com/jwks',
      grantTypes: ['authorization_code', 'refresh_token'],
    });
  });

  it.each([
    [job, /Token +https:.*\/token\n/, /curl -u \S{22} -d grant_type=client_credentials https:\S+\/token\n$/],
    [server, /Introspection +https:.*\/introspect\n/, /curl -u \S{22} -d token=… https:\S+\/introspect\n$/],
  ])('shows %s its endpoint, and a first request without the secret', async (args, endpoint, example) => {
    const env = { DATABASE_DSN: database.dsn ?? '', BASE_URL: 'https://mcp.example.com' };

    const { code, stdout } = await run(program, args, { cwd: folder, env });

    expect(code).toBe(0);
    expect(stdout).toMatch(endpoint);
    expect(stdout).toMatch(example);
    expect(stdout).not.toContain('/authorize');
    expect(stdout.match(/mop_cs_/g)).toHaveLength(1);
  });

  it('finds DATABASE_DSN in .env, and needs none of the server’s other variables', async () => {
    await writeFile(join(folder, '.env'), `DATABASE_DSN=${database.dsn}\nBASE_URL=https://mcp.example.com\n`);

    const { code, stdout } = await run(program, good, { cwd: folder });

    expect(code).toBe(0);
    expect(stdout).toMatch(/Client secret +mop_cs_/);
    expect(stdout).toMatch(/Stored in +PostgreSQL, /);
    expect(stdout).toMatch(/Server +https:\/\/mcp\.example\.com\/mcp\n/);
    expect(stdout).toMatch(/Token +https:\/\/mcp\.example\.com\/token\n/);
  });
});

describe('create-client on the embedded database', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let dataDir: string;
  beforeEach(async () => {
    database = await createTestDatabase('embedded');
    dataDir = database.dataDir ?? '';
  });
  afterEach(async () => database.drop());

  it('makes a public client with several redirect URIs and its own scopes', async () => {
    await database.db.close();
    const more = ['--redirect-uri', 'http://127.0.0.1/cb', '--public', '--scope', 'openid email', '--json'];

    const { code, stdout, stderr } = await run(program, [...good, ...more], inDataDir());

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const printed = JSON.parse(stdout) as Printed;
    expect(printed).not.toHaveProperty('client_secret');
    const db = await openEmbeddedDatabase(dataDir, { onError: () => undefined });
    const client = await findClient(db, printed.client_id);
    await db.close();
    expect(client).toMatchObject({
      clientSecretHash: undefined,
      tokenEndpointAuthMethod: 'none',
      redirectUris: ['https://app.example.com/callback', 'http://127.0.0.1/cb'],
      scopes: ['openid', 'email'],
    });
  });

  it('works as npm run create-client, and says where the secret goes and that it is shown once', async () => {
    await database.db.close();

    const { code, stdout } = await run('scripts/create-client.ts', good, inDataDir());

    expect(code).toBe(0);
    expect(stdout).toContain('Give the app its id and its secret, where it asks for OAuth credentials.');
    expect(stdout).toContain('shown this once');
    expect(stdout.match(/mop_cs_[\w-]{43}/g)).toHaveLength(1);
    expect(stdout).toContain(`the embedded database in ${dataDir}`);
  });

  it('says what to do instead while a server uses the database', async () => {
    const { code, stdout, stderr } = await run(program, good, inDataDir());

    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('stop it, create the client, and start it again');
    expect(stderr).toContain('POST /register');
  });

  function inDataDir() {
    return { cwd: folder, env: { DATA_DIR: dataDir } };
  }
});

describe('create-client refuses', () => {
  it('a private key: whoever has read it can sign in the client’s name (RFC 7517 §9.2)', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const other = await mkdtemp(join(tmpdir(), 'mcp-key-'));
    const file = join(other, 'key.json');
    await writeFile(file, JSON.stringify(privateKey.export({ format: 'jwk' })));

    const { code, stderr } = await run(program, [...job, '--public-key', file], { cwd: folder });

    await rm(other, { recursive: true });
    expect(code).toBe(2);
    expect(stderr).toContain('the key cannot be used: jwks has a private key');
  });

  it.each([
    { what: 'no name', args: good.slice(2), says: ['--name is missing'] },
    { what: 'no redirect URI', args: good.slice(0, 2), says: ['--redirect-uri is missing'] },
    {
      what: 'each bad redirect URI with its reason, though another is good',
      args: [...good, '--redirect-uri', 'http://app.example.com/', '--redirect-uri', 'javascript:alert(1)'],
      says: [
        '--redirect-uri http://app.example.com/ cannot be used: http is allowed for loopback',
        "--redirect-uri javascript:alert(1) cannot be used: the scheme 'javascript'",
      ],
    },
    {
      what: 'more redirect URIs than a client can have',
      args: [...good, ...Array.from({ length: 20 }, (_, n) => `--redirect-uri=https://a.example/${n}`)],
      says: ['more than 20 redirect_uris'],
    },
    {
      what: 'both kinds at once',
      args: [...good, '--public', '--confidential'],
      says: ['exclude each other'],
    },
    { what: 'a bad scope', args: [...good, '--scope', 'a"b'], says: ['--scope has characters'] },
    { what: 'a machine without scopes', args: job.slice(0, 3), says: ['--scope is missing'] },
    {
      what: 'a machine that asks to stay connected',
      args: [...job.slice(0, 4), 'tools:read offline_access'],
      says: ['--scope offline_access is for people'],
    },
    {
      what: 'a machine that is an app as well',
      args: [...job, ...good.slice(2), '--public'],
      says: ['--redirect-uri is for apps that sign people in', '--public has no secret'],
    },
    { what: 'a machine that introspects', args: [...job, '--introspect'], says: ['are two clients'] },
    { what: 'scopes to introspect', args: [...server, '--scope', 'a'], says: ['--scope is for clients'] },
    {
      what: 'a resource for an app',
      args: [...good, '--resource', 'https://a.b/'],
      says: ['--resource goes with'],
    },
    {
      what: 'a file without a key',
      args: [...job, '--public-key', '/nonexistent'],
      says: ['/nonexistent is not a file'],
    },
    {
      what: 'keys over http',
      args: [...job, '--jwks-uri', 'http://a.example/jwks'],
      says: ['must be https'],
    },
    {
      what: 'a key for a public client',
      args: [...good, '--public', '--jwks-uri', 'https://a.example/jwks'],
      says: ['a key stands in the place of a secret'],
    },
    { what: 'a resource that is no URL', args: [...job, '--resource', '/mcp'], says: ['must be a URL'] },
    { what: 'an unknown flag', args: [...good, '--nonsense'], says: ["Unknown option '--nonsense'"] },
    { what: 'a flag without its value', args: ['--name'], says: ["'--name <value>' argument missing"] },
    {
      what: 'flags that npm has swallowed',
      args: ['My app', 'https://app.example.com/callback'],
      says: ['npm run create-client -- --name'],
    },
  ])('$what, and creates nothing', async ({ args, says }) => {
    const { code, stdout, stderr } = await run(program, args, { cwd: folder });

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    for (const text of says) expect(stderr).toContain(text);
    expect(await readdir(folder)).toEqual([]);
  });

  it('to repeat a password, whether the DSN is wrong or its server away', async () => {
    const answers = await Promise.all(
      ['postgres://me:hunter2@127.0.0.1:1/db', 'mysql://me:hunter2@127.0.0.1/db'].map(async (dsn) =>
        run(program, [dsn, ...good], { cwd: folder }),
      ),
    );

    expect(answers.map(({ code }) => code)).toEqual([1, 2]);
    expect(answers[0]?.stderr).toContain('The database is not available');
    expect(answers[1]?.stderr).toContain('not a postgres:// DSN');
    for (const { stdout, stderr } of answers) expect(stdout + stderr).not.toContain('hunter2');
  });
});

it('create-client --help prints every flag', async () => {
  const { code, stdout } = await run(program, ['--help'], { cwd: folder });

  expect(code).toBe(0);
  const flags = 'name redirect-uri public confidential scope machine introspect resource json help'.split(
    ' ',
  );
  for (const flag of flags) expect(stdout).toContain(`\n  --${flag} `);
});

function dsnOf({ dsn }: TestDatabase): readonly string[] {
  return dsn === undefined ? [] : [dsn];
}
