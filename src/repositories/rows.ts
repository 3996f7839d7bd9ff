/** Reads database rows into typed values: the edge where a row is checked once. */
import { z } from 'zod';
import type { Queryable, SqlQuery } from './database.ts';

export const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
export const instant = z.date();
export const texts = z.array(z.string());

/** All rows of a query, each read by `schema`. */
export async function findAll<T>(
  db: Queryable,
  schema: z.ZodType<T>,
  query: SqlQuery,
): Promise<readonly T[]> {
  const { rows } = await db.query(query);
  return rows.map((row) => schema.parse(row));
}

/** The row of a query that returns at most one. */
export async function findOne<T>(
  db: Queryable,
  schema: z.ZodType<T>,
  query: SqlQuery,
): Promise<T | undefined> {
  const { rows } = await db.query(query);
  return rows[0] === undefined ? undefined : schema.parse(rows[0]);
}
