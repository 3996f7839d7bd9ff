/** `audit`, as operators run it: the compiled program of the image. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createId } from '../../src/crypto/secrets.ts';
import { type AuditRow, insertAuditRows } from '../../src/repositories/audit-events.ts';
import { openEmbeddedDatabase } from '../../src/repositories/embedded-database.ts';
import { createTestDatabase, describePostgres, type TestDatabase } from '../support/database.ts';
import { type CompiledServer, compileServer } from '../support/process.ts';
import { run } from './support.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let compiled: CompiledServer;
let program: string;
let folder: string;
beforeAll(async () => {
  compiled = await compileServer();
  program = join(relative(root, dirname(compiled.file)), 'audit.js');
  folder = await mkdtemp(join(tmpdir(), 'mcp-audit-'));
});
afterAll(async () => {
  await compiled.remove();
  await rm(folder, { recursive: true, force: true });
});

const row = (minutesAgo: number, changed: Partial<AuditRow> = {}): AuditRow => ({
  key: createId(),
  at: new Date(Date.now() - minutesAgo * 60_000),
  type: 'token',
  outcome: 'success',
  subject: 'ada',
  email: 'Ada@example.com',
  clientId: 'a-client',
  grantId: undefined,
  details: { how: 'authorization_code', scopes: ['openid', 'email'] },
  ...changed,
});

describePostgres('audit on PostgreSQL', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase('postgres');
    await insertAuditRows(database.db, [
      row(3000, { type: 'consent' }),
      row(90, { subject: 'eve', email: 'eve@example.com', clientId: 'another' }),
      row(30, { details: { userAgent: '\u001b[2Jhello\u202e', name: 'tab\there' } }),
    ]);
  });
  afterAll(() => database.drop());

  const audit = async (...args: readonly string[]) =>
    run(program, [database.dsn ?? '', ...args], { cwd: folder });
  const jsonOf = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await audit(...args, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  it.each([
    ['everything, oldest first', [], ['ada', 'eve', 'ada']],
    ['an age', ['--since', '24h'], ['eve', 'ada']],
    ['days', ['--since', '7d', '--until', '60m'], ['ada', 'eve']],
    ['a person by e-mail, in any case', ['--user', 'ADA@EXAMPLE.COM'], ['ada', 'ada']],
    ['a person by subject', ['--user', 'eve'], ['eve']],
    ['a client', ['--client', 'another'], ['eve']],
    ['a type', ['--type', 'consent'], ['ada']],
    ['a date that is past', ['--until', '2020-01-01'], []],
  ])('selects by %s', async (_name, args, subjects) => {
    expect((await jsonOf(...args)).map(({ subject }) => subject)).toEqual(subjects);
  });

  it('prints JSON exactly, and for people nothing that moves the cursor or turns text around', async () => {
    expect(await jsonOf('--since', '60m')).toMatchObject([
      { userAgent: '\u001b[2Jhello\u202e', name: 'tab\there' },
    ]);
    const { stdout } = await audit('--since', '60m');
    expect(stdout).toMatch(/ token +success +user=Ada@example\.com +client=a-client .*hello/);
    expect(stdout.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('prints more than one page, each row once', async () => {
    await insertAuditRows(
      database.db,
      Array.from({ length: 2_500 }, (_, index) => row(5, { clientId: `page-${index}`, type: 'refresh' })),
    );
    const rows = await jsonOf('--type', 'refresh');
    expect(new Set(rows.map(({ clientId }) => clientId)).size).toBe(2_500);
    expect(rows).toHaveLength(2_500);
  });

  it.each([
    ['--since', 'yesterday'],
    ['--type', 'nonsense'],
    ['--grant', '1'],
    ['--nonsense', 'x'],
  ])('ends with 2 for %s %s', async (...args) => {
    const { code, stderr } = await audit(...args);
    expect(code).toBe(2);
    expect(stderr).toContain('--help');
  });
});

describe('audit on the embedded database', () => {
  it('says what to do while the server has it open', async () => {
    const db = await openEmbeddedDatabase(join(folder, 'data'), { onError: () => undefined });
    try {
      const env = { DATA_DIR: join(folder, 'data') };
      const { code, stderr } = await run(program, [], { cwd: folder, env });
      expect(code).toBe(1);
      expect(stderr).toContain('stop it first, or look for lines with "audit":true in its log');
    } finally {
      await db.close();
    }
  });

  it('says where there is no trail yet', async () => {
    const { code, stderr } = await run(program, [], {
      cwd: folder,
      env: { DATA_DIR: join(folder, 'data') },
    });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('no audit trail') });
  });
});
