/** Starts the server, and stops it without cutting anyone off. */
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { buildApp } from './app.ts';
import { type Config, ConfigError, loadConfig, readEnvironment } from './config.ts';
import { createLogger } from './http/logging.ts';
import { traceFields } from './telemetry/tracing.ts';

function readConfig(): Config {
  try {
    return loadConfig(readEnvironment());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    console.error('\nSee .env.example for every variable.');
    return process.exit(1);
  }
}

/** Lets open answers finish; a second signal, or one before there is anything to finish, ends at once. */
function stopOnSignals(log: Logger): (app: FastifyInstance) => void {
  let app: FastifyInstance | undefined;
  let isStopping = false;
  const stop = (signal: string): void => {
    if (isStopping || app === undefined) process.exit(isStopping ? 1 : 0);
    isStopping = true;
    log.info({ signal }, 'stopping');
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  return (started) => {
    app = started;
  };
}

function describeFailure(error: unknown, { mode, authPort, metrics }: Config): string {
  if (!(error instanceof Error)) return 'unknown failure';
  if (!('code' in error && error.code === 'EADDRINUSE')) return error.message;
  const isAuthPort = mode === 'forward_auth' && 'port' in error && error.port === authPort;
  const isMetricsPort = metrics !== undefined && 'port' in error && error.port === metrics.port;
  const variable = isAuthPort ? 'AUTH_PORT' : isMetricsPort ? 'METRICS_PORT' : 'PORT';
  return `${error.message}. Stop the other program, or set ${variable} to another port`;
}

const config = readConfig();
const log = createLogger(config.logLevel, undefined, config.tracing && traceFields);
const stopWith = stopOnSignals(log);
try {
  const app = await buildApp(config, { log });
  await app.listen({ host: config.host, port: config.port });
  stopWith(app);
  log.info({ url: config.baseUrl, mcpServer: config.mcpServerUrl }, 'ready');
} catch (error) {
  log.debug({ err: error }, 'start failed');
  console.error(`mcp-oauth-proxy cannot start: ${describeFailure(error, config)}`);
  process.exit(1);
}
