/** PostgreSQL over `pg`: a pool that outlives the server's restarts. */
import { Client, type ClientConfig, Pool, type PoolClient, type QueryConfig } from 'pg';
import { type Database, DatabaseUnavailableError, type QueryResult, type SqlQuery } from './database.ts';
import { asUnavailable, unavailable } from './postgres-errors.ts';
import { PreparedStatements } from './prepared-statements.ts';
import { startListener } from './postgres-listener.ts';
import { readPostgresTarget } from './postgres-target.ts';

export interface PostgresOptions {
  /** Told about trouble that no caller is waiting for: a lost idle connection, a lost listener. */
  readonly onError: (error: Error) => void;
  /** Connections for requests. Default: 10 */
  readonly maxConnections?: number | undefined;
  /** Who may wait for one of them at a time: the next is refused at once. Default: 10,000 */
  readonly maxWaiting?: number;
}

/** For what must not wait behind requests: see {@link Database.urgent}. */
const urgentConnections = 2;

/** How long to wait for a connection, whether to be made or to become free. */
const connectTimeoutMs = 5_000;
const statementTimeoutMs = 15_000;
/** Longer than the server's own limit: reached only when the server is gone without a word. */
const answerTimeoutMs = 17_000;
/** The listener has nothing to compute: silence means that the connection is gone. */
const heartbeatTimeoutMs = 5_000;
/** A script is a migration: it takes as long as it takes. */
const scriptTimeoutMs = 3_600_000;

/**
 * What the code relies on, whatever the server's or the role's defaults are. Set after connecting
 * and not as start-up parameters, which connection poolers refuse.
 */
const sessionSettings = `
  set statement_timeout = ${statementTimeoutMs};
  set idle_in_transaction_session_timeout = 30000;
  set default_transaction_isolation = 'read committed';
  set datestyle = 'ISO';
  set bytea_output = 'hex'`;

/**
 * Connects when it is first asked. Statements are never repeated on another connection: whether a lost
 * one had arrived cannot be known.
 *
 * @throws Error when the DSN cannot be read
 */
export function openPostgresDatabase(
  dsn: string,
  { onError, maxConnections = 10, maxWaiting = 10_000 }: PostgresOptions,
): Database {
  const target = readPostgresTarget(dsn);
  const config: ClientConfig = {
    connectionString: target.connectionString,
    ssl: target.tls,
    application_name: 'mcp-oauth-proxy',
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: answerTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
  const openPool = (max: number): Pool =>
    new Pool({
      ...config,
      max,
      idleTimeoutMillis: 30_000,
      maxLifetimeSeconds: 3_600,
      verify: (client, done) => client.query(sessionSettings, (error) => done(error)),
    })
      // Between its first statement and its first use nobody else listens, and such an error would end the process.
      .on('connect', (client) => client.on('error', () => undefined))
      .on('error', (error) => onError(unavailable(error, 'An idle database connection was lost')));
  const pool = openPool(maxConnections);
  const urgentPool = openPool(urgentConnections);

  const prepared = new PreparedStatements();
  const listeners = new Set<() => Promise<void>>();
  let closing: Promise<void> | undefined;

  /** Runs `connect`. With `sslmode=prefer`, a server that refuses is asked once more with or without TLS. */
  async function connecting<T>(connect: () => Promise<T>): Promise<T> {
    const isEncrypted = config.ssl !== false;
    try {
      return await connect();
    } catch (error) {
      if (!target.mayBePlain || !isTlsMismatch(error, isEncrypted)) throw unavailable(error);
      config.ssl = isEncrypted ? false : target.tls;
      for (const { options } of [pool, urgentPool]) options.ssl = config.ssl;
    }
    return await connect().catch((error: unknown) => {
      throw unavailable(error);
    });
  }

  /** Lends a connection to `work`; one that may be broken does not come back to the pool. */
  async function withClient<T>(work: (client: PoolClient) => Promise<T>, from = pool): Promise<T> {
    // Who gets an idle connection is counted as waiting for a moment.
    if (from.waitingCount - from.idleCount >= maxWaiting)
      throw new DatabaseUnavailableError('Too many requests wait for the database');
    const client = await connecting(() => from.connect());
    let isBroken = false;
    const onClientError = () => (isBroken = true);
    client.on('error', onClientError);
    try {
      return await work(client);
    } catch (error) {
      isBroken ||= error instanceof DatabaseUnavailableError || client.getTransactionStatus() !== 'I';
      throw error;
    } finally {
      client.off('error', onClientError);
      client.release(isBroken);
    }
  }

  return {
    kind: 'postgres',
    pool: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    query: (query) => withClient((client) => prepared.run(query, (name) => run(client, query, name))),
    urgent: { query: (query) => withClient((client) => run(client, query), urgentPool) },
    transaction: (work) =>
      withClient(async (client) => {
        let isOver = false;
        const whileOpen = async <T>(task: () => Promise<T>): Promise<T> => {
          if (isOver) throw new Error('This transaction is over: its handle was used after its end');
          return await task();
        };
        await send(client, 'begin');
        try {
          const result = await work({
            query: (query) => whileOpen(() => run(client, query)),
            script: (text) => whileOpen(async () => void (await send(client, text, scriptTimeoutMs))),
          });
          isOver = true;
          const { command } = await send(client, 'commit');
          if (command !== 'COMMIT') throw new Error('The transaction had failed and was rolled back');
          return result;
        } catch (error) {
          isOver = true;
          // After an outage, or when this fails, `withClient` ends the connection and the transaction with it.
          if (!(error instanceof DatabaseUnavailableError))
            await send(client, 'rollback').catch(() => undefined);
          throw error;
        }
      }),
    async listen(channel, onNotify) {
      const connect = () =>
        connecting(async () => {
          const client = new Client({ ...config, query_timeout: heartbeatTimeoutMs });
          client.on('error', () => undefined);
          return await client.connect();
        });
      const stop = await startListener({ channel, onNotify, onError, connect });
      const forget = async () => {
        listeners.delete(forget);
        await stop();
      };
      listeners.add(forget);
      return forget;
    },
    close() {
      closing ??= Promise.all([pool.end(), urgentPool.end(), ...[...listeners].map((stop) => stop())]).then(
        () => undefined,
      );
      return closing;
    },
  };
}

async function run(
  client: PoolClient,
  { text, values, timeoutMs = answerTimeoutMs }: SqlQuery,
  name?: string,
): Promise<QueryResult> {
  const query = { text, values: [...values], query_timeout: timeoutMs, ...(name && { name }) } as QueryConfig;
  const { rows, rowCount } = await asking(client.query<Record<string, unknown>>(query));
  return { rows, rowCount: rowCount ?? 0 };
}

/** Text without values, of one statement or more. */
async function send(
  client: PoolClient,
  text: string,
  timeoutMs = answerTimeoutMs,
): Promise<{ command: string }> {
  return await asking(client.query({ text, query_timeout: timeoutMs } as QueryConfig));
}

/** Outages are told apart here, next to the driver: an error that a caller throws stays what it is. */
async function asking<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw asUnavailable(error) ?? error;
  }
}

/** Whether the server refused because the connection was encrypted, or because it was not. */
function isTlsMismatch(error: unknown, wasEncrypted: boolean): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return wasEncrypted
    ? error.message.includes('does not support SSL') || code === 'EPROTO' || code.startsWith('ERR_SSL_')
    : code === '28000' && error.message.includes('no encryption');
}
