/** Tells an outage of PostgreSQL, the server or the embedded one, from an error in a statement. */
import { DatabaseUnavailableError } from './database.ts';

/**
 * Connection exceptions (08), exhausted resources (53), shutdown and cancellation (57), I/O errors (58),
 * a server that became a read-only standby (25006), a session ended for idling in a transaction (25P03).
 * Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const unavailableStates = /^(?:08...|53...|57014|57P..|58...|25006|25P03)$/;

/** What the drivers say, without any code, when a connection breaks, time runs out or all is closed. */
const driverMessages =
  /^(?:Connection terminated|Query read timeout|timeout exceeded|timeout expired|Client (?:has encountered|was closed)|PGlite is clos)/;

/** What PGlite throws when its WebAssembly has crashed: it does not recover. */
const engineErrors = /^(?:RuntimeError|ExitStatus|ErrnoError)$/;

/** The outage that `error` reports, or undefined when it is about the statement itself. */
export function asUnavailable(error: unknown): DatabaseUnavailableError | undefined {
  if (error instanceof DatabaseUnavailableError) return error;
  const { name, message, code, severity, syscall } = Object(error) as Readonly<Record<string, unknown>>;
  if (severity !== undefined) return unavailableStates.test(String(code)) ? unavailable(error) : undefined;
  if (engineErrors.test(String(name)))
    return unavailable(error, 'The embedded database has failed; restart the server');
  const isOutage = syscall !== undefined || driverMessages.test(String(message));
  return isOutage ? unavailable(error) : undefined;
}

/** For any failure to get or to keep a connection: whatever its reason is, there is no database to ask. */
export function unavailable(
  error: unknown,
  what = 'The database is not available',
): DatabaseUnavailableError {
  // pg-pool hangs the whole client on the error, with everything a log should not repeat.
  if (error instanceof Error && 'client' in error) delete error.client;
  return new DatabaseUnavailableError(`${what}: ${describe(error)}`, { cause: error });
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  return error instanceof Error ? error.message : String(error);
}
