/** The embedded PostgreSQL (PGlite): for one process, in a directory that this process has locked. */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PGlite, types } from '@electric-sql/pglite';
import { lockDataDir } from './data-dir-lock.ts';
import type { Database, QueryResult, SqlQuery } from './database.ts';

export interface EmbeddedOptions {
  /** Told about trouble that no caller is waiting for. */
  readonly onError: (error: Error) => void;
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
export async function openEmbeddedDatabase(dataDir: string, { onError }: EmbeddedOptions): Promise<Database> {
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
    await pglite.close();
    await lock.release();
  }

  return {
    kind: 'embedded',
    query: (query) => guard(() => run(pglite, query)),
    transaction: (work) =>
      guard(() =>
        pglite.transaction((tx) =>
          work({
            query: (query) => guard(() => run(tx, query)),
            script: (text) => guard(async () => void (await tx.exec(text))),
          }),
        ),
      ),
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
      return () => stop();
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
  const lines: string[] = [];
  const remember = (line: string) => lines.push(line) > 0;
  try {
    return await PGlite.create(pgdata, { parsers, serializers, onStderr: remember });
  } catch (error) {
    throw new Error(`The embedded database in ${pgdata} cannot be opened: ${lines.at(-1) ?? String(error)}`, {
      cause: error,
    });
  }
}

async function run(on: Pick<PGlite, 'query'>, { text, values }: SqlQuery): Promise<QueryResult> {
  const { rows, rowCount } = await on.query(text, [...values]);
  return { rows, rowCount: rowCount ?? 0 };
}

/** Lets errors in a statement pass, without its values; anything else means that the engine itself has failed. */
async function guard<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && 'params' in error) delete error.params;
    throw error;
  }
}
