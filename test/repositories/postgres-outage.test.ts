/** PostgreSQL goes away and comes back: requests fail in a known way, then work again by themselves. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { type Database, DatabaseUnavailableError, sql } from '../../src/repositories/database.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';
import { describePrivatePostgres } from '../support/database.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

describePrivatePostgres('a PostgreSQL that goes away', () => {
  let server: PostgresServer;
  let db: Database;
  const onError = vi.fn<(error: Error) => void>();
  const ask = () => db.query(sql`select 1 as one`);
  const notify = () => db.query(sql`select pg_notify('test_channel', '')`);

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.remove());
  beforeEach(() => {
    onError.mockClear();
    db = openPostgresDatabase(server.dsn, { onError });
  });
  afterEach(() => db.close());

  /** Opens as many connections as the pool has, and leaves them idle. */
  const fillPool = async () => {
    let opened = 0;
    const hold = () =>
      db.transaction(async () => {
        opened += 1;
        // Nobody gives one back before all are there.
        await vi.waitFor(() => expect(opened).toBe(10), { timeout: 10_000, interval: 5 });
      });
    await Promise.all(Array.from({ length: 10 }, hold));
  };

  it('when every connection is ended, no process ends, and the next query works', async () => {
    await fillPool();

    await server.dropConnections();
    await vi.waitFor(() => expect(onError).toHaveBeenCalledTimes(10), { timeout: 10_000 });

    expect((await ask()).rows).toEqual([{ one: 1 }]);
    expect(onError.mock.calls.flat()).toEqual(
      Array.from({ length: 10 }, () => expect.any(DatabaseUnavailableError)),
    );
    for (const [error] of onError.mock.calls) expect(error.cause).not.toHaveProperty('client');
  });

  it('a query whose connection is ended fails as unavailable, and the next one works', async () => {
    const waiting = db.query(sql`select pg_sleep(60)`).catch((error: unknown) => error);
    await vi.waitFor(async () => {
      const { rowCount } = await db.query(
        sql`select 1 from pg_stat_activity where query like 'select pg_sleep(60)%'`,
      );
      expect(rowCount).toBe(1);
    });

    await server.dropConnections();

    expect(await waiting).toBeInstanceOf(DatabaseUnavailableError);
    await vi.waitFor(ask);
  });

  it('a transaction whose connection is ended fails as unavailable and leaves nothing', async () => {
    await db.query(sql`create table kept (name text)`);

    const attempt = db.transaction(async (tx) => {
      await tx.query(sql`insert into kept values ('lost')`);
      await server.dropConnections();
      await tx.query(sql`insert into kept values ('lost, too')`);
    });

    await expect(attempt).rejects.toThrow(DatabaseUnavailableError);
    expect((await db.query(sql`select name from kept`)).rowCount).toBe(0);
  });

  it('an error of the caller in a transaction whose connection is ended stays that error', async () => {
    const refusal = new Error('refused');

    const attempt = db.transaction(async () => {
      await server.dropConnections();
      throw refusal;
    });

    await expect(attempt).rejects.toBe(refusal);
    await ask();
  });

  it.each(['stop', 'kill'] as const)(
    'after a %s and a start, queries fail as unavailable, then work again',
    async (end) => {
      await fillPool();

      await server[end]();
      await expect(ask()).rejects.toThrow(DatabaseUnavailableError);
      await expect(db.transaction(() => Promise.resolve())).rejects.toThrow(DatabaseUnavailableError);
      await server.start();

      await vi.waitFor(async () => expect((await ask()).rows).toEqual([{ one: 1 }]));
    },
  );

  it('a listener follows again by itself, is told that it may have missed something, and reports each outage once', async () => {
    const heard = vi.fn<() => void>();
    const stop = await db.listen('test_channel', heard);
    expect(heard).toHaveBeenCalledTimes(1);

    await server.dropConnections();
    await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(2));
    await notify();
    await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(3));

    onError.mockClear();
    await server.stop();
    await expect(ask()).rejects.toThrow(DatabaseUnavailableError);
    await server.start();
    await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(4), { timeout: 10_000 });
    await vi.waitFor(notify);
    await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(5));

    const listenerErrors = onError.mock.calls.filter(([error]) =>
      error.message.startsWith('Not listening on test_channel'),
    );
    expect(listenerErrors).toHaveLength(1);
    await stop();
  });

  it('a listener may start while the server is away, and a callback that throws does not end it', async () => {
    await server.stop();
    const heard = vi.fn<() => void>(() => {
      throw new Error('from the callback');
    });

    const stop = await db.listen('test_channel', heard);
    expect(heard).not.toHaveBeenCalled();
    await server.start();
    await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(1), { timeout: 10_000 });
    await vi.waitFor(notify);
    await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(2));

    expect(onError).toHaveBeenCalledWith(new Error('from the callback'));
    await stop();
  });

  it('a listener that was stopped while the server is away does not come back', async () => {
    const heard = vi.fn<() => void>();
    const stop = await db.listen('test_channel', heard);
    await server.stop();

    await stop();
    await server.start();

    await vi.waitFor(ask);
    expect((await db.query(sql`select 1 from pg_stat_activity where query like 'listen%'`)).rowCount).toBe(0);
    expect(heard).toHaveBeenCalledTimes(1);
  });

  it('a connection that was silently dropped is noticed, by the listener as by a query', async () => {
    const firewall = await startFirewall(Number(new URL(server.dsn).port));
    const url = new URL(server.dsn);
    url.port = String(firewall.port);
    const behind = openPostgresDatabase(url.href, { onError });
    const heard = vi.fn<() => void>();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const stop = await behind.listen('test_channel', heard);
    await behind.query(sql`select 1`);

    firewall.forget();
    const query = behind.query(sql`select 1`).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(20_000);

    expect(await query).toEqual(
      new DatabaseUnavailableError('The database is not available: Query read timeout'),
    );
    await vi.advanceTimersByTimeAsync(100);
    vi.useRealTimers();
    await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(2));
    await expect(behind.query(sql`select 1`)).resolves.toMatchObject({ rowCount: 1 });
    await stop();
    await behind.close();
    firewall.close();
  });

  it('a statement that says how long it may take is given up after that, and so is its connection', async () => {
    const firewall = await startFirewall(Number(new URL(server.dsn).port));
    const url = new URL(server.dsn);
    url.port = String(firewall.port);
    const behind = openPostgresDatabase(url.href, { onError });
    await behind.query(sql`select 1`);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });

    firewall.forget();
    const query = behind.query({ ...sql`select 1`, timeoutMs: 3_000 }).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(3_000);

    expect(await query).toEqual(
      new DatabaseUnavailableError('The database is not available: Query read timeout'),
    );
    vi.useRealTimers();
    await expect(behind.query(sql`select 1`)).resolves.toMatchObject({ rowCount: 1 });
    await behind.close();
    firewall.close();
  });

  it('when the server has no connection left, that is unavailable, not a bug', async () => {
    await db.transaction((tx) => tx.script("create role guest login password 'guest' connection limit 0"));
    const guest = openPostgresDatabase(server.dsn.replace(/\/\/[^@]+@/, '//guest:guest@'), { onError });

    await expect(guest.query(sql`select 1`)).rejects.toThrow(/not available: too many connections/);

    await guest.close();
  });

  it('a statement that the server cancels for its length is unavailable, and its connection is not kept', async () => {
    const attempt = db.transaction(async (tx) => {
      await tx.query(sql`set local statement_timeout = 50`);
      await tx.query(sql`select pg_sleep(60)`);
    });

    await expect(attempt).rejects.toThrow(/not available: canceling statement due to statement timeout/);
    await ask();
  });

  it('the settings that the code relies on hold whatever the server’s defaults are', async () => {
    await db.transaction((tx) =>
      tx.script(`
        alter role postgres set datestyle = 'German';
        alter role postgres set bytea_output = 'escape';
        alter role postgres set default_transaction_isolation = 'serializable'`),
    );
    const other = openPostgresDatabase(server.dsn, { onError });

    const { rows } = await other.query(sql`
      select '2026-02-01T00:00:00Z'::timestamptz as at, '\\x00ff'::bytea as bytes,
        current_setting('transaction_isolation') as isolation, current_setting('statement_timeout') as timeout,
        current_setting('application_name') as application`);

    expect(rows).toEqual([
      {
        at: new Date('2026-02-01T00:00:00Z'),
        bytes: Buffer.of(0, 255),
        isolation: 'read committed',
        timeout: '15s',
        application: 'mcp-oauth-proxy',
      },
    ]);
    await db.query(sql`alter role postgres reset all`);
    await other.close();
  });

  it('a password is in no error', async () => {
    const errors: unknown[] = [];
    for (const dsn of [
      server.dsn.replace(/:[^:@/]+@/, ':wrong-secret-1@'),
      'postgres://user:wrong-secret-2@127.0.0.1:1/db',
      'postgres://user:wrong-secret-3@host.invalid/db',
      'postgres://user:wrong-secret-4/@127.0.0.1:1/db',
      'postgres://user:wrong-secret-5@127.0.0.1:1/db?sslmode=strict',
      'postgres://user:wrong-secret-6@127.0.0.1:1/db?sslrootcert=/nowhere',
      'postgres://user:wrong-secret-7@127.0.0.1:99999/db',
      'mysql://user:wrong-secret-8@127.0.0.1:1/db',
    ]) {
      const open = async () => {
        const wrong = openPostgresDatabase(dsn, { onError: (error) => errors.push(error) });
        try {
          await wrong.query(sql`select 1`);
        } finally {
          await wrong.close();
        }
      };
      errors.push(await open().catch((error: unknown) => error));
    }

    expect(errors).toHaveLength(8);
    for (const error of errors) {
      expect(error).toBeInstanceOf(Error);
      expect(JSON.stringify(allOf(error))).not.toContain('wrong-secret');
    }
  });
});

/** Everything that a log could take from an error, and from its causes. */
function allOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return [error.message, error.stack, Object.entries(error), allOf(error.cause)];
}

/** Passes bytes to a server until it is told to swallow them, like a firewall that has forgotten a connection. */
async function startFirewall(port: number): Promise<{ port: number; forget(): void; close(): void }> {
  const sockets: Socket[] = [];
  const firewall = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.pipe(far).pipe(near);
    sockets.push(near, far);
  }).listen(0, '127.0.0.1');
  await once(firewall, 'listening');
  return {
    port: (firewall.address() as AddressInfo).port,
    forget() {
      for (const socket of sockets) socket.unpipe().on('data', () => undefined);
    },
    close() {
      firewall.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

it('a server that accepts and then says nothing is unavailable after five seconds', async () => {
  const silent = createServer((socket) => socket.on('error', () => undefined).resume()).listen(
    0,
    '127.0.0.1',
  );
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const db = openPostgresDatabase(`postgres://user@127.0.0.1:${port}/db`, { onError: () => undefined });

  await expect(db.query(sql`select 1`)).rejects.toThrow(DatabaseUnavailableError);

  await db.close();
  silent.close();
});
