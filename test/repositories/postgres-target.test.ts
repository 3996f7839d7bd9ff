/** `sslmode` means what it means to libpq: shown with a server that has TLS, and one that has not. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import { readPostgresTarget } from '../../src/repositories/postgres-target.ts';
import { describePrivatePostgres } from '../support/database.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { hasOpenssl } from '../support/tls.ts';

/** Whether the connection that `dsn` gives is encrypted, or why there is none. */
async function outcomeOf(dsn: string): Promise<string> {
  const db = openPostgresDatabase(dsn, { onError: () => undefined });
  try {
    const { rows } = await db.query(sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`);
    return JSON.stringify(rows) === '[{"ssl":true}]' ? 'encrypted' : 'plain';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await db.close();
  }
}

const describeTls = hasOpenssl ? describePrivatePostgres : describe.skip;

describeTls('sslmode (needs the program openssl)', () => {
  let folder: string;
  let plain: PostgresServer;
  let tls: PostgresServer;
  const authority = () => `sslrootcert=${join(folder, 'ca.crt')}`;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mcp-tls-'));
    makeCertificates(folder);
    [plain, tls] = await Promise.all([
      startPostgres(),
      startPostgres({ tls: { cert: join(folder, 'server.crt'), key: join(folder, 'server.key') } }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([plain.remove(), tls.remove()]);
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['', 'encrypted', 'plain'],
    ['sslmode=prefer', 'encrypted', 'plain'],
    ['sslmode=disable', 'plain', 'plain'],
    ['ssl=false', 'plain', 'plain'],
    ['sslmode=require', 'encrypted', /does not support SSL/],
    ['sslmode=no-verify', 'encrypted', /does not support SSL/],
    ['sslmode=verify-full', /self-signed certificate|unable to verify/, /does not support SSL/],
    ['ssl=true', /self-signed certificate|unable to verify/, /does not support SSL/],
  ])('%j: %s with TLS, %s without', async (parameter, withTls, withoutTls) => {
    expect(await outcomeOf(`${tls.dsn}?${parameter}`)).toMatch(withTls);
    expect(await outcomeOf(`${plain.dsn}?${parameter}`)).toMatch(withoutTls);
  });

  it.each([
    ['verify-full', '127.0.0.1', 'encrypted'],
    ['verify-full', 'localhost', /Hostname\/IP does not match/],
    ['verify-ca', 'localhost', 'encrypted'],
    ['require', 'localhost', 'encrypted'],
  ])('%s with the right authority, to %s: %s', async (mode, host, outcome) => {
    const dsn = `${tls.dsn.replace('127.0.0.1', host)}?sslmode=${mode}&${authority()}`;

    expect(await outcomeOf(dsn)).toMatch(outcome);
  });

  it.each(['verify-full', 'verify-ca', 'require'])('%s with another authority is refused', async (mode) => {
    const dsn = `${tls.dsn}?sslmode=${mode}&sslrootcert=${join(folder, 'other.crt')}`;

    expect(await outcomeOf(dsn)).toMatch(/certificate/);
  });

  it('many first connections at once to a server without TLS all succeed', async () => {
    const db = openPostgresDatabase(plain.dsn, { onError: () => undefined });

    const results = await Promise.all(Array.from({ length: 10 }, () => db.query(sql`select pg_sleep(0.05)`)));

    expect(results).toHaveLength(10);
    await db.close();
  });

  it('a Unix socket is not encrypted, whatever sslmode says', async () => {
    const { port } = new URL(tls.dsn);

    expect(
      await outcomeOf(`postgres:///postgres?host=${tls.folder}&port=${port}&user=postgres&sslmode=require`),
    ).toBe('plain');
  });
});

describe('a DSN that cannot be used says why', () => {
  it.each([
    ['mysql://db/mcp', /must be a postgres:\/\/ URL/],
    ['postgres://db:port/mcp', /must be a postgres:\/\/ URL/],
    ['postgres://db/mcp?sslmode=allow', /sslmode=allow is not supported.*prefer/],
    ['postgres://db/mcp?sslmode=verify-ca', /needs sslrootcert/],
    ['postgres://db/mcp?sslmode=verify-full&sslrootcert=/nowhere/ca.crt', /sslrootcert.*\/nowhere\/ca\.crt/],
  ])('%s', (dsn, message) => {
    expect(() => readPostgresTarget(dsn)).toThrow(message);
  });
});

describe('a DSN keeps what is not about TLS', () => {
  it('its options, its encoded password and an application name', () => {
    const dsn =
      'postgres://us%40er:p%2Fw%3F@db:6543/mcp?sslmode=disable&options=-c%20search_path%3Dmcp&application_name=own';

    const { connectionString, tls } = readPostgresTarget(dsn);

    const url = new URL(connectionString);
    expect(tls).toBe(false);
    expect([url.username, url.password, url.host, url.pathname]).toEqual([
      'us%40er',
      'p%2Fw%3F',
      'db:6543',
      '/mcp',
    ]);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      options: '-c search_path=mcp',
      application_name: 'own',
    });
  });

  it('sslrootcert=system takes the well-known authorities and checks the name', () => {
    expect(readPostgresTarget('postgres://db/mcp?sslmode=require&sslrootcert=system').tls).toEqual({});
  });
});

/** An authority, a server certificate of it for 127.0.0.1, and a stranger's authority. */
function makeCertificates(folder: string): void {
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  for (const name of ['ca', 'other']) {
    openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
      '-subj',
      `/CN=${name}`,
      '-days',
      '2',
    );
  }
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=server');
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1');
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    'names',
    '-out',
    'server.crt',
  );
}
