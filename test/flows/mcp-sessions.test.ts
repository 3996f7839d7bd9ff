/** Whose MCP sessions are whose, across instances and restarts (MCP security best practices, "Session Hijacking"). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { McpSessions } from '../../src/flows/mcp-sessions.ts';
import { type Database, DatabaseUnavailableError } from '../../src/repositories/database.ts';
import { sweepExpired } from '../../src/repositories/sweep.ts';
import { createClock } from '../support/clock.ts';
import { createTestDatabase, databaseKinds, type TestDatabase } from '../support/database.ts';

const resource = 'https://mcp.example.com/mcp';
const ada = { subject: 'ada', resource };
const bob = { subject: 'bob', resource };

describe.each(databaseKinds)('on %s', (kind) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(kind);
  });
  afterAll(() => database.drop());
  const clock = createClock();
  /** An instance that has just started. */
  const start = () => new McpSessions({ db: database.db, clock });

  test('a session is its owner’s on every instance, and nobody else’s on any', async () => {
    const [one, other] = [start(), start()];
    await one.give('session', ada);

    for (const instance of [one, other, start()]) {
      expect(await instance.belongsTo('session', ada)).toBe(true);
      expect(await instance.belongsTo('session', bob)).toBe(false);
    }
  });

  test.each(['SESSION-A', 'session-a ', 'session-', 'session-a,session-b', '*', ''])(
    'an id that was not given out is nobody’s, however near it is: %j',
    async (id) => {
      await start().give('session-a', ada);

      expect(await start().belongsTo(id, ada)).toBe(false);
    },
  );

  test('each MCP server has ids of its own', async () => {
    const sessions = start();
    await sessions.give('1', ada);

    expect(await sessions.belongsTo('1', { ...ada, resource: 'https://mcp.example.com/other' })).toBe(false);
  });

  test('an id that the MCP server gives out anew is over for whoever had it', async () => {
    const sessions = start();
    await sessions.give('reused', ada);
    await sessions.give('reused', bob);

    expect(await sessions.belongsTo('reused', ada)).toBe(false);
    expect(await sessions.belongsTo('reused', bob)).toBe(true);
  });

  test('given to many at once by many instances, one of them has it (one statement)', async () => {
    const people = Array.from({ length: 12 }, (_, index) => ({ subject: `person ${index}`, resource }));
    await Promise.all(people.map(async (person) => start().give('wanted', person)));

    const instance = start();
    const owners = await Promise.all(people.map(async (person) => instance.belongsTo('wanted', person)));

    expect(owners.filter(Boolean)).toHaveLength(1);
  });

  test('after the first look an owner is known at once; those who are not are looked up each time', async () => {
    let queries = 0;
    const db: Database = {
      ...database.db,
      query: async (query) => {
        queries += 1;
        return database.db.query(query);
      },
    };
    await start().give('looked up', ada);
    const sessions = new McpSessions({ db, clock });

    expect(await sessions.belongsTo('looked up', ada)).toBe(true);
    expect(sessions.belongsTo('looked up', ada)).toBe(true);
    expect(queries).toBe(1);
    expect(await sessions.belongsTo('looked up', bob)).toBe(false);
    expect(await sessions.belongsTo('unknown', bob)).toBe(false);
    expect(queries).toBe(3);
  });

  test('memory is bounded: one that is pushed out is looked up again', async () => {
    const sessions = new McpSessions({ db: database.db, clock }, 2);
    for (const id of ['x', 'y', 'z']) await sessions.give(id, ada);

    expect(sessions.belongsTo('z', ada)).toBe(true);
    expect(sessions.belongsTo('x', ada)).toBeInstanceOf(Promise);
    expect(await sessions.belongsTo('x', ada)).toBe(true);
  });

  test('what is used stays, what has rested for a month goes', async () => {
    await start().give('used', ada);
    await start().give('at rest', ada);
    for (let days = 0; days < 40; days += 10) {
      clock.advance({ days: 10 });
      await start().belongsTo('used', ada);
    }
    await sweepExpired(database.db, clock());

    expect(await start().belongsTo('used', ada)).toBe(true);
    expect(await start().belongsTo('at rest', ada)).toBe(false);
  });

  test('the id itself is not stored', async () => {
    await start().give('a-secret-id', ada);
    const { rows } = await database.db.query({
      text: `select encode(session_hash, 'escape') || ' ' || subject as text from mcp_sessions`,
      values: [],
    });
    const text = JSON.stringify(rows);
    expect(text).toContain(' ada');
    expect(text).not.toContain('a-secret-id');
  });

  test('without the database nobody is let in or turned away on a guess', async () => {
    const failing: Database = {
      ...database.db,
      query: async () => Promise.reject(new DatabaseUnavailableError('away')),
    };
    const sessions = new McpSessions({ db: failing, clock });

    await expect(sessions.belongsTo('session', ada)).rejects.toThrow(DatabaseUnavailableError);
    await expect(sessions.give('session', ada)).rejects.toThrow(DatabaseUnavailableError);
    await expect(sessions.belongsTo('session', ada)).rejects.toThrow(DatabaseUnavailableError);
  });
});
