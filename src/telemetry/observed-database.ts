/** The database as before, and each statement is timed. */
import { type Database, DatabaseUnavailableError, type Queryable } from '../repositories/database.ts';
import type { Telemetry } from './telemetry.ts';

export function observedDatabase(db: Database, { observe }: Pick<Telemetry, 'observe'>): Database {
  const query =
    (on: Queryable): Queryable['query'] =>
    (statement) =>
      observe('database', { operation: 'query' }, outcomeOf, () => on.query(statement), {
        // Placeholders stand for all values: the text is ours.
        name: () => summaryOf(statement.text),
      });
  return {
    ...db,
    query: query(db),
    ...(db.urgent && { urgent: { query: query(db.urgent) } }),
    transaction: (work) =>
      observe('database', { operation: 'transaction' }, outcomeOf, () =>
        db.transaction((tx) => work({ ...tx, query: query(tx) })),
      ),
  };
}

/** An error that is not the database's was thrown by the work in a transaction. */
function outcomeOf(error: unknown): string {
  return error instanceof DatabaseUnavailableError ? 'unavailable' : 'failed';
}

/** `insert authorization_codes`: what is done first, and to which table. */
function summaryOf(text: string): string {
  const verb = /\b(select|insert|update|delete)\b/i.exec(text)?.[1] ?? 'statement';
  const table = /\b(?:from|into|update)\s+([a-z_]+)/i.exec(text)?.[1] ?? '';
  return `${verb} ${table}`.trim().toLowerCase();
}
