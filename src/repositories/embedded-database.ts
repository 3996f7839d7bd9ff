/** The embedded PostgreSQL (PGlite): for one process, in a directory that this process has locked. */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PGlite, types } from '@electric-sql/pglite';
import { lockDataDir } from './data-dir-lock.ts';
import {
  type Database,
  DatabaseUnavailableError,
  type QueryResult,
  type SqlQuery,
  type Transaction,
} from './database.ts';
import { asUnavailable } from './postgres-errors.ts';

export interface EmbeddedOptions {
  /** Told about trouble that no caller is waiting for. */
  readonly onError: (error: Error) => void;
  /** Statements and transactions at a time, which run one after the other: the next is refused at once. Default: 2000 */
  readonly maxWaiting?: number;
}

/** Where both drivers differ, the embedded one follows `pg`. */
const parsers = {
  [types.INT8]: (text: string) => text,
  [types.BYTEA]: (text: string) => Buffer.from(text.slice(2), 'hex'),
};
const serializers = {
  [types.BYTEA]: (value: Uint8Array) => `\\x${Buffer.from(value).toString('hex')}`,
};

/**
 * Opens `<dataDir>/pgdata`, and creates it first when it is not there.
 *
 * @throws Error for an operator, when another process has the directory open or it cannot be read
 */
export async function openEmbeddedDatabase(
  dataDir: string,
  { onError, maxWaiting = 2000 }: EmbeddedOptions,
): Promise<Database> {
  const directory = resolve(dataDir);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lock = await lockDataDir(directory);
  let pglite: PGlite;
  try {
    pglite = await openOrCreate(join(directory, 'pgdata'));
  } catch (error) {
    await lock.release();
    throw error;
  }

  let closing: Promise<void> | undefined;
  async function close(): Promise<void> {
    try {
      await pglite.close();
    } finally {
      await lock.release();
    }
  }

  let waiting = 0;
  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (waiting >= maxWaiting) throw new DatabaseUnavailableError('Too many requests wait for the database');
    waiting += 1;
    try {
      return await work();
    } finally {
      waiting -= 1;
    }
  }

  async function transact<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    let thrown: unknown;
    try {
      return await pglite.transaction((tx) => {
        const done = work({
          query: (query) => guard(() => run(tx, query)),
          script: (text) => guard(async () => void (await tx.exec(text))),
        });
        return done.catch((error: unknown) => {
          thrown = error;
          throw error;
        });
      });
    } catch (error) {
      throw error === thrown ? error : withoutValues(error);
    }
  }

  return {
    kind: 'embedded',
    query: (query) => inTurn(() => guard(() => run(pglite, query))),
    urgent: { query: (query) => guard(() => run(pglite, query)) },
    transaction: (work) => inTurn(() => transact(work)),
    async listen(channel, onNotify) {
      const notify = () => {
        try {
          onNotify();
        } catch (error) {
          onError(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const stop = await guard(() => pglite.listen(`"${channel}"`, notify));
      notify();
      return async () => {
        if (!pglite.closed) await stop();
      };
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** A new database is made beside its place and moved there when it is whole: the process may be killed meanwhile. */
async function openOrCreate(pgdata: string): Promise<PGlite> {
  if (!existsSync(pgdata)) {
    const unfinished = `${pgdata}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await (await open(unfinished)).close();
    await rename(unfinished, pgdata);
  }
  return await open(pgdata);
}

async function open(pgdata: string): Promise<PGlite> {
  const log: string[] = [];
  const onStderr = (line: string) => log.push(line) > 0;
  try {
    return await PGlite.create(pgdata, { parsers, serializers, onStderr });
  } catch (error) {
    const reasons = log.flatMap((line) => /(?:FATAL|PANIC|DETAIL): +(.*?)\.?$/.exec(line)?.[1] ?? []);
    const reason = reasons.join('. ') || 'its files are damaged or are not a database';
    throw new Error(
      `The embedded database in ${pgdata} cannot be opened: ${reason}. Start the version of this program that wrote it, restore a backup, or move the directory away to begin with an empty one`,
      { cause: error },
    );
  }
}

async function run(on: Pick<PGlite, 'query'>, { text, values }: SqlQuery): Promise<QueryResult> {
  const { rows, rowCount } = await on.query(text, [...values]);
  return { rows, rowCount: rowCount ?? 0 };
}

async function guard<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw withoutValues(error);
  }
}

/** The error as callers know it from `pg`. PGlite adds the statement's values, which no log should have. */
function withoutValues(error: unknown): unknown {
  if (error instanceof Error && 'params' in error) delete error.params;
  return asUnavailable(error) ?? error;
}
