/** The audit trail in the database: complete, bounded, append-only, and in nobody's way (issue 5 item 5). */
import { expect, test } from 'vitest';
import { pino } from 'pino';
import { AuditWriter } from '../../src/flows/audit-writer.ts';
import type { DomainEvent } from '../../src/flows/events.ts';
import { findAuditRows, type AuditFilter, type StoredAuditRow } from '../../src/repositories/audit-events.ts';
import { type Database, DatabaseUnavailableError, sql } from '../../src/repositories/database.ts';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/app.ts';
import {
  authorize,
  callMcp,
  redeem,
  refresh,
  register,
  registerStranger,
  revoke,
  signIn,
  tokensOf,
} from '../support/authorize.ts';
import { postForm } from '../support/browser.ts';
import { runMaintenance } from '../support/maintenance.ts';

async function withApp(work: (proxy: TestApp) => Promise<void>, options?: TestAppOptions): Promise<void> {
  const proxy = await startTestApp(options);
  try {
    await work(proxy);
  } finally {
    await proxy.close();
  }
}

const everything: AuditFilter = {
  since: undefined,
  until: undefined,
  user: undefined,
  clientId: undefined,
  grantId: undefined,
  type: undefined,
};

async function rowsOf(db: Database, filter: Partial<AuditFilter> = {}): Promise<readonly StoredAuditRow[]> {
  return findAuditRows(db, { ...everything, ...filter }, { after: undefined, limit: 10_000 });
}

/** Waits until as many are written: the server writes behind its answers. */
async function rowsWhen(db: Database, count: number): Promise<readonly StoredAuditRow[]> {
  await expect.poll(async () => (await rowsOf(db)).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(count);
  return rowsOf(db);
}

function auditLines({ log }: TestApp): readonly Record<string, unknown>[] {
  return log.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ audit }) => audit === true);
}

test('each line of the log is a row of the table, with the same fields, and no other row is there', async () => {
  await withApp(async (proxy) => {
    const client = await register(proxy);
    const authorization = await authorize(proxy, client);
    const { refreshToken, accessToken } = tokensOf(await redeem(proxy, client, authorization));
    await refresh(proxy, client, refreshToken);
    await redeem(proxy, client, authorization);
    await callMcp(proxy, accessToken);
    await postForm(proxy, '/introspect', { token: accessToken, client_id: 'nobody', client_secret: 'x' });
    const again = await signIn(proxy, client);
    await revoke(proxy, client, again.accessToken);

    const lines = auditLines(proxy);
    const rows = await rowsWhen(proxy.db, lines.length);
    const known = (row: object): object => JSON.parse(JSON.stringify(row)) as object;
    expect(rows.map(({ id: _id, details, ...row }) => known({ ...row, ...details }))).toEqual(
      lines.map(({ level: _l, time: _t, pid: _p, hostname: _h, audit: _a, msg: _m, ...line }) => line),
    );
    expect(new Set(rows.map(({ type }) => type))).toEqual(
      new Set(['registration', 'consent', 'sign_in', 'token', 'refresh', 'reuse', 'revoke', 'refusal']),
    );
    const stored = JSON.stringify(rows);
    for (const secret of [authorization.code, refreshToken, accessToken])
      expect(stored).not.toContain(secret);
  });
});

test('rows are not changed, and not deleted by mistake; those past AUDIT_RETENTION_DAYS go', async () => {
  await withApp(
    async (proxy) => {
      await registerStranger(proxy);
      await rowsWhen(proxy.db, 1);
      for (const text of ['update audit_events set type = $1', 'delete from audit_events where type <> $1'])
        await expect(proxy.db.query({ text, values: ['x'] })).rejects.toThrow('append-only');
      await expect(proxy.db.query(sql`truncate audit_events`)).rejects.toThrow('append-only');

      proxy.clock.advance({ days: 29 });
      await runMaintenance(proxy);
      expect(await rowsOf(proxy.db)).toHaveLength(1);
      proxy.clock.advance({ days: 2 });
      await registerStranger(proxy);
      await rowsWhen(proxy.db, 2);
      await runMaintenance(proxy);
      expect(await rowsOf(proxy.db)).toHaveLength(1);
    },
    { environment: { AUDIT_RETENTION_DAYS: '30' } },
  );
});

test('AUDIT_RETENTION_DAYS=0 keeps rows for ever', async () => {
  await withApp(
    async (proxy) => {
      await registerStranger(proxy);
      await rowsWhen(proxy.db, 1);
      proxy.clock.advance({ days: 5_000 });
      await runMaintenance(proxy);
      expect(await rowsOf(proxy.db)).toHaveLength(1);
    },
    { environment: { AUDIT_RETENTION_DAYS: '0' } },
  );
});

test('a stranger who is refused without end fills thirty rows a minute, and the rest is counted', async () => {
  await withApp(async (proxy) => {
    for (let count = 0; count < 45; count += 1) await callMcp(proxy, 'x');
    proxy.clock.advance({ minutes: 1 });
    const client = await register(proxy);
    await expect.poll(async () => (await rowsOf(proxy.db, { clientId: client.clientId })).length).toBe(1);
    expect(await rowsOf(proxy.db, { type: 'refusal' })).toHaveLength(30);
    expect(await rowsOf(proxy.db, { type: 'omitted' })).toMatchObject([{ details: { count: 15 } }]);
    expect(auditLines(proxy).filter(({ type }) => type === 'refusal')).toHaveLength(45);
  });
});

test('a grant that is ended by SQL, and a client that is deleted, are told of too (docs/machines.md)', async () => {
  await withApp(async (proxy) => {
    const client = await registerStranger(proxy);
    await signIn(proxy, client);
    await proxy.db.query(sql`update grants set revoked_at = now() where client_id = ${client.clientId}`);
    await signIn(proxy, client);
    await proxy.db.query(sql`delete from clients where client_id = ${client.clientId}`);

    const revoked = await rowsOf(proxy.db, { clientId: client.clientId, type: 'revoke' });
    expect(revoked.map(({ details }) => details.reason)).toEqual(['ended_by_sql', 'ended_by_sql']);
  });
});

test('an instance that is stopped writes what it has not written yet', async () => {
  await withApp(async ({ db, config: { encryptionKeys } }) => {
    const second = await startTestApp({ db, config: { encryptionKeys } });
    await registerStranger(second);
    await second.close();
    expect(await rowsOf(db)).toHaveLength(1);
  });
});

test('with KEEP_ADDRESSES=false neither row nor line says where a request came from', async () => {
  await withApp(
    async (proxy) => {
      await registerStranger(proxy);
      const [row] = await rowsWhen(proxy.db, 1);
      expect(row?.details).toMatchObject({ requestId: expect.any(String) });
      expect(row?.details).not.toHaveProperty('address');
      expect(auditLines(proxy)[0]).not.toHaveProperty('address');
    },
    { environment: { KEEP_ADDRESSES: 'false' } },
  );
});

test('AUDIT_TOOL_CALLS tells of each call of a batch by name, never its arguments; without it no body is looked at', async () => {
  const call = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'send', arguments: { to: 'secret' } },
  };
  const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
  const send = async (proxy: TestApp): Promise<void> => {
    const client = await register(proxy);
    const { accessToken } = await signIn(proxy, client);
    const request = { method: 'POST' as const, headers: { 'content-type': 'application/json' } };
    const answer = await callMcp(proxy, accessToken, {
      ...request,
      payload: JSON.stringify([call, list, call]),
    });
    expect(answer.statusCode).toBe(200);
  };
  await withApp(
    async (proxy) => {
      await send(proxy);
      await expect.poll(async () => (await rowsOf(proxy.db, { type: 'tool_call' })).length).toBe(2);
      const rows = await rowsOf(proxy.db, { type: 'tool_call' });
      expect(rows[0]?.details).toMatchObject({ method: 'tools/call', name: 'send' });
      expect(JSON.stringify([rows, proxy.log])).not.toContain('secret"');
    },
    { environment: { AUDIT_TOOL_CALLS: 'true' } },
  );
  await withApp(async (proxy) => {
    await send(proxy);
    await rowsWhen(proxy.db, 4);
    expect(await rowsOf(proxy.db, { type: 'tool_call' })).toEqual([]);
  });
});

/** A database that fails in a way of choice. */
function failing(db: Database, fails: (run: () => Promise<unknown>) => Promise<void>): Database {
  return {
    ...db,
    query: async (query) => {
      await fails(() => db.query(query));
      return db.query(query);
    },
  };
}

const refusal = (clientId: string): DomainEvent => ({
  type: 'reuse',
  outcome: 'refused',
  endpoint: 'token',
  code: 'invalid_grant',
  reason: 'a reason',
  clientId,
});

function writerOf(proxy: TestApp, db: Database, log: string[] = [], maxWaiting?: number): AuditWriter {
  return new AuditWriter(
    { db, clock: proxy.clock, config: proxy.config, log: pino({}, { write: (line) => void log.push(line) }) },
    maxWaiting === undefined ? {} : { maxWaiting },
  );
}

test('200 events at two instances, with answers lost and the database away in between: none is lost, none is doubled', async () => {
  await withApp(async (proxy) => {
    let tries = 0;
    const unsteady = failing(proxy.db, async (run) => {
      tries += 1;
      if (tries % 3 === 1) throw new DatabaseUnavailableError('away');
      // Stored, but the answer does not arrive.
      if (tries % 3 === 2) {
        await run();
        throw new DatabaseUnavailableError('answer lost');
      }
    });
    const writers = [writerOf(proxy, unsteady), writerOf(proxy, unsteady)];
    for (let count = 0; count < 200; count += 1) {
      const writer = writers[count % 2];
      writer?.take({ at: proxy.clock(), caller: undefined, event: refusal(`client-${count}`) });
      if (count % 20 === 0) void writer?.flush();
    }
    for (let round = 0; round < 6; round += 1) await Promise.all(writers.map((writer) => writer.flush()));
    await Promise.all(writers.map((writer) => writer.stop()));

    const clients = (await rowsOf(proxy.db)).map(({ clientId }) => clientId);
    expect(clients).toHaveLength(200);
    expect(new Set(clients).size).toBe(200);
  });
});

test('what does not fit while the database is away is counted in the log, never silent', async () => {
  await withApp(async (proxy) => {
    let isAway = true;
    const log: string[] = [];
    const db = failing(proxy.db, async () => {
      if (isAway) throw new DatabaseUnavailableError('away');
    });
    const writer = writerOf(proxy, db, log, 10);
    for (let count = 0; count < 25; count += 1)
      writer.take({ at: proxy.clock(), caller: undefined, event: refusal(`client-${count}`) });
    await writer.flush();
    isAway = false;
    await writer.flush();
    expect(await rowsOf(proxy.db)).toHaveLength(10);
    expect(log.join('')).toContain('"rows":15');
  });
});

test.each([
  ['a NUL', 'a\0b', 'a\u{fffd}b'],
  ['half a surrogate pair', 'a\ud800b', 'a\u{fffd}b'],
  ['half a pair at the cut', `${'a'.repeat(2_046)}😀b`, `${'a'.repeat(2_046)}\u{fffd}…`],
])('%s is stored as what can be stored', async (_name, clientId, stored) => {
  await withApp(async (proxy) => {
    const writer = writerOf(proxy, proxy.db);
    writer.take({ at: proxy.clock(), caller: undefined, event: refusal(clientId) });
    await writer.stop();
    expect((await rowsOf(proxy.db)).map((row) => row.clientId)).toEqual([stored]);
  });
});
