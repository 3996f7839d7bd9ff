/** Every sealed column: which encryption keys are in use, and moving values to another key. */
import { z } from 'zod';
import { type Queryable, sql, type SqlQuery } from './database.ts';
import { bytes, findAll } from './rows.ts';

/** A sealed value and the row it is bound to; `place` is what it was sealed with. */
export interface SealedValue {
  readonly place: string;
  readonly rowId: string;
  readonly sealed: Uint8Array;
}

interface SealedColumn {
  /** Table and column: the front part of every place in it. */
  readonly name: string;
  readonly find: (keyId: Uint8Array, limit: number) => SqlQuery;
  readonly replace: (rowId: string, old: Uint8Array, sealed: Uint8Array) => SqlQuery;
}

/** Values that outlive a key. Those of pending sign-ins do not: they are gone within minutes. */
export const sealedColumns: readonly SealedColumn[] = [
  {
    name: 'signing_keys.sealed_private_key',
    find: (keyId, limit) => sql`
      select kid as row_id, sealed_private_key as sealed from signing_keys
      where substring(sealed_private_key from 2 for 8) = ${keyId} limit ${limit}`,
    replace: (rowId, old, sealed) => sql`
      update signing_keys set sealed_private_key = ${sealed} where kid = ${rowId} and sealed_private_key = ${old}`,
  },
  {
    name: 'upstream_sessions.sealed_access_token',
    find: (keyId, limit) => sql`
      select upstream_session_id::text as row_id, sealed_access_token as sealed from upstream_sessions
      where substring(sealed_access_token from 2 for 8) = ${keyId} limit ${limit}`,
    replace: (rowId, old, sealed) => sql`
      update upstream_sessions set sealed_access_token = ${sealed}
      where upstream_session_id = ${rowId} and sealed_access_token = ${old}`,
  },
  {
    name: 'upstream_sessions.sealed_refresh_token',
    find: (keyId, limit) => sql`
      select upstream_session_id::text as row_id, sealed_refresh_token as sealed from upstream_sessions
      where substring(sealed_refresh_token from 2 for 8) = ${keyId} limit ${limit}`,
    replace: (rowId, old, sealed) => sql`
      update upstream_sessions set sealed_refresh_token = ${sealed}
      where upstream_session_id = ${rowId} and sealed_refresh_token = ${old}`,
  },
];

/** The place of a value in a sealed column: what it is bound to. */
export function placeOf(column: string, rowId: string): string {
  return `${column}:${rowId}`;
}

export async function findSealedUnder(
  db: Queryable,
  column: SealedColumn,
  keyId: Uint8Array,
  limit: number,
): Promise<readonly SealedValue[]> {
  const rows = await findAll(db, z.object({ row_id: z.string(), sealed: bytes }), column.find(keyId, limit));
  return rows.map((row) => ({
    rowId: row.row_id,
    sealed: row.sealed,
    place: placeOf(column.name, row.row_id),
  }));
}

/** Puts a value sealed anew in place of the old one, unless it has changed meanwhile. */
export async function replaceSealed(
  db: Queryable,
  column: SealedColumn,
  value: SealedValue,
  sealed: Uint8Array,
): Promise<void> {
  await db.query(column.replace(value.rowId, value.sealed, sealed));
}
