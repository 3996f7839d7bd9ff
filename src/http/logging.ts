/** What is logged, and what never is. */
import { type DestinationStream, type Logger, pino } from 'pino';

/** A second line of defence: should one of these ever be logged by its name, its value is not. */
const secretNames =
  'authorization cookie set-cookie password state code_verifier client_secret access_token refresh_token id_token accessToken refreshToken clientSecret codeVerifier'.split(
    ' ',
  );

/**
 * One JSON line an event. Requests are logged by path, without query string, headers or body, and errors without what
 * libraries attach to them: codes, tokens, cookies and secrets travel in those (protocol rule: never logged).
 */
export function createLogger(level: string, destination?: DestinationStream, fields?: () => object): Logger {
  const options = {
    level,
    redact: {
      paths: secretNames.flatMap((name) => [`["${name}"]`, `*["${name}"]`]),
      censor: '[redacted]',
    },
    ...(fields !== undefined && { mixin: fields }),
    serializers: { err: describeFailure, req: () => undefined, res: () => undefined },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

interface FailureDescription {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: FailureDescription;
}

/** Name, message, code and stack of an error and its causes, and none of their other properties. */
export function describeFailure(error: unknown, depth = 0): FailureDescription {
  if (!(error instanceof Error)) return { name: typeof error, message: 'not an error' };
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  return {
    name: error.name,
    message: error.message,
    ...code,
    ...(error.stack === undefined || depth > 0 ? {} : { stack: error.stack }),
    ...(error.cause === undefined || depth > 4 ? {} : { cause: describeFailure(error.cause, depth + 1) }),
  };
}
