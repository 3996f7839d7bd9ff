/** `create-client`, as operators run it: the compiled program of the image, and the npm script. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hashSecret } from '../../src/crypto/secrets.ts';
import { findClient } from '../../src/repositories/clients.ts';
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
  for (const flag of ['--name', '--redirect-uri', '--public', '--confidential', '--scope', '--json'])
    expect(stdout).toContain(flag);
});

function dsnOf({ dsn }: TestDatabase): readonly string[] {
  return dsn === undefined ? [] : [dsn];
}
