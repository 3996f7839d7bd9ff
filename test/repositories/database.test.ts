import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from '../../src/repositories/database.ts';
import { createTestDatabase, databaseKinds, type TestDatabase } from '../support/database.ts';

describe.each(databaseKinds)('%s', (kind) => {
  let test: TestDatabase;
  beforeAll(async () => { test = await createTestDatabase(kind); });
  afterAll(async () => { await test.drop(); });
  it('works', async () => {
    expect((await test.db.query(sql`select count(*) from clients`)).rows).toEqual([{ count: '0' }]);
  });
  it.skip('skipped', () => {});
});
