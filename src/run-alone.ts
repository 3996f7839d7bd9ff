/** The server as one process: starts, and stops without cutting anyone off. */
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { buildApp } from './app.ts';
import type { Config } from './config.ts';
import { createLogger } from './http/logging.ts';
import { traceFields } from './telemetry/tracing.ts';

/** @throws what keeps it from starting */
export async function runAlone(config: Config): Promise<void> {
  const log = createLogger(config.logLevel, undefined, config.tracing && traceFields);
  const stopWith = stopOnSignals(log);
  try {
    const app = await buildApp(config, { log });
    await app.listen({ host: config.host, port: config.port });
    stopWith(app);
    log.info({ url: config.baseUrl, mcpServer: config.mcpServerUrl }, 'ready');
  } catch (error) {
    log.debug({ err: error }, 'start failed');
    throw error;
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
  // One process cannot listen while it restarts. To end it, as the system would by itself, would be a surprise.
  process.on('SIGHUP', (signal) =>
    log.warn({ signal }, 'nothing is restarted: with WORKERS=2 or more, SIGHUP restarts one after the other'),
  );
  return (started) => {
    app = started;
  };
}
