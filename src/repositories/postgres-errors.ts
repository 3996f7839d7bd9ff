/** Tells an outage of PostgreSQL from an error in a statement. */
import { DatabaseError } from 'pg';
import { DatabaseUnavailableError } from './database.ts';

/**
 * Connection exceptions (08), exhausted resources (53), shutdown and cancellation (57), I/O errors (58),
 * a server that became a read-only standby (25006), a session ended for idling in a transaction (25P03).
 * Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const unavailableStates = /^(?:08...|53...|57014|57P..|58...|25006|25P03)$/;

/** What `pg` says, without any code, when a connection breaks or time runs out. */
const driverMessages =
  /^(?:Connection terminated|Query read timeout|timeout exceeded|timeout expired|Client (?:has encountered|was closed))/;

/** The outage that `error` reports, or undefined when it is about the statement itself. */
export function asUnavailable(error: unknown): DatabaseUnavailableError | undefined {
  if (error instanceof DatabaseUnavailableError) return error;
  if (!(error instanceof Error)) return undefined;
  const isOutage =
    error instanceof DatabaseError
      ? unavailableStates.test(error.code ?? '')
      : 'syscall' in error || driverMessages.test(error.message);
  return isOutage ? unavailable(error) : undefined;
}

/** For any failure to get a connection: whatever its reason is, there is no database to ask. */
export function unavailable(error: unknown): DatabaseUnavailableError {
  // pg-pool hangs the whole client on the error, with everything a log should not repeat.
  if (error instanceof Error && 'client' in error) delete error.client;
  return new DatabaseUnavailableError(`The database is not available: ${describe(error)}`, { cause: error });
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  return error instanceof Error ? error.message : String(error);
}
