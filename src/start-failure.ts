/** What an operator is told when the server does not start. */
import type { Config } from './config.ts';

export function describeFailure(
  error: unknown,
  { mode, authPort, metrics }: Pick<Config, 'mode' | 'authPort' | 'metrics'>,
): string {
  if (!(error instanceof Error)) return 'unknown failure';
  if (!('code' in error && error.code === 'EADDRINUSE')) return error.message;
  const isAuthPort = mode === 'forward_auth' && 'port' in error && error.port === authPort;
  const isMetricsPort = metrics !== undefined && 'port' in error && error.port === metrics.port;
  const variable = isAuthPort ? 'AUTH_PORT' : isMetricsPort ? 'METRICS_PORT' : 'PORT';
  return `${error.message}. Stop the other program, or set ${variable} to another port`;
}
