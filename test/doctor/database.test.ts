/** Doctor, at the database and the keys: it finds what the start would refuse, and changes nothing. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Config } from '../../src/config.ts';
import { Sealer } from '../../src/crypto/sealing.ts';
import { checkDatabase } from '../../src/doctor/check-database.ts';
import { checkKeys } from '../../src/doctor/check-keys.ts';
import { Report } from '../../src/doctor/finding.ts';
import { checkEncryptionKeys } from '../../src/flows/check-encryption-keys.ts';
import { sql } from '../../src/repositories/database.ts';
import { createTestDatabase, describePostgres, type TestDatabase } from '../support/database.ts';

type Looked = Pick<Config, 'databaseDsn' | 'dataDir' | 'encryptionKeys'>;

async function createDatabase(): Promise<TestDatabase & { readonly at: Looked }> {
  const database = await createTestDatabase('postgres');
  onTestFinished(() => database.drop());
  return { ...database, at: { databaseDsn: database.dsn, dataDir: '/nowhere', encryptionKeys: undefined } };
}

async function look(at: Looked): Promise<Report> {
  const report = new Report();
  await checkDatabase({ ...at, baseUrl: undefined }, checkKeys(at, report), report);
  return report;
}

function idsOf(report: Report): string[] {
  return report.findings.map(({ id }) => id);
}

describePostgres('on PostgreSQL', () => {
  test('one that fits is fine, and nothing in it is changed', async () => {
    const { db, at } = await createDatabase();
    const key = randomBytes(32);
    await checkEncryptionKeys(db, new Sealer([key]), new Date());
    const before = await db.query(sql`select * from encryption_keys`);
    const report = await look({ ...at, encryptionKeys: [randomBytes(32), key] });
    expect(report.findings).toEqual([]);
    expect(report.passes.map(({ text }) => text)).toContain('notifications arrive');
    expect(await db.query(sql`select * from encryption_keys`)).toEqual(before);
  });

  test('keys.do-not-open, with another key and with none (design §3.2)', async () => {
    const { db, at } = await createDatabase();
    await checkEncryptionKeys(db, new Sealer([randomBytes(32)]), new Date());
    expect(idsOf(await look({ ...at, encryptionKeys: [randomBytes(32)] }))).toEqual(['keys.do-not-open']);
    expect(idsOf(await look(at))).toEqual(['keys.do-not-open']);
  });

  test('database.unreachable: the password of the DSN is not printed', async () => {
    const report = await look({
      databaseDsn: 'postgres://someone:hunter2@127.0.0.1:1/nothing',
      dataDir: '/nowhere',
      encryptionKeys: undefined,
    });
    expect(idsOf(report)).toEqual(['database.unreachable']);
    expect(JSON.stringify(report.findings)).not.toContain('hunter2');
  });

  test('database.clock: this machine is a minute behind the database', async () => {
    const { at } = await createDatabase();
    const report = new Report();
    await checkDatabase({ ...at, baseUrl: undefined }, undefined, report, () => Date.now() - 60_000);
    expect(report.findings).toMatchObject([{ id: 'database.clock' }]);
    expect(report.findings[0]?.details.join()).toMatch(/(59|60|61) s ahead/);
  });

  test('database.no-notifications: what stands between swallows them, as PgBouncer in transaction mode', async () => {
    const { dsn = '', at } = await createDatabase();
    const pooler = await startSwallowingPooler(new URL(dsn));
    onTestFinished(pooler.close);
    expect(idsOf(await look({ ...at, databaseDsn: pooler.dsn }))).toEqual(['database.no-notifications']);
  });
});

/** Passes all on to the server, and all of its messages back but `NotificationResponse` (PostgreSQL protocol, `A`). */
async function startSwallowingPooler(to: URL): Promise<{ readonly dsn: string; close(): Promise<void> }> {
  const server = createServer((client) => {
    const upstream = connect({ host: to.hostname, port: Number(to.port || 5432) });
    let rest = Buffer.alloc(0);
    upstream.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
        const end = 1 + rest.readUInt32BE(1);
        if (rest[0] !== 'A'.charCodeAt(0)) client.write(rest.subarray(0, end));
        rest = rest.subarray(end);
      }
    });
    client.pipe(upstream);
    for (const socket of [client, upstream]) {
      socket
        .on('error', () => undefined)
        .once('close', () => {
          client.destroy();
          upstream.destroy();
        });
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const dsn = new URL(to);
  dsn.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  // Whether TLS is spoken is answered with one byte, which is no message.
  dsn.searchParams.set('sslmode', 'disable');
  return {
    dsn: dsn.href,
    close: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}
