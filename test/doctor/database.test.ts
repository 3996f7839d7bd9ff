/** Doctor, at the database and the keys: it finds what the start would refuse, and changes nothing. */
import { randomBytes } from 'node:crypto';
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
});
