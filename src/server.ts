/** Starts the server, and stops it without cutting anyone off. */
import { buildApp } from './app.ts';
import { type Config, ConfigError, loadConfig, readEnvironment } from './config.ts';
import { createLogger } from './http/logging.ts';

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

const config = readConfig();
const log = createLogger(config.logLevel);
try {
  const app = await buildApp(config, { log });
  let isStopping = false;
  const stop = (signal: string): void => {
    if (isStopping) process.exit(1);
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
  await app.listen({ host: config.host, port: config.port });
  log.info({ url: config.baseUrl, mcpServer: config.mcpServerUrl }, 'ready');
} catch (error) {
  log.debug({ err: error }, 'start failed');
  console.error(
    `mcp-oauth-proxy cannot start: ${error instanceof Error ? error.message : 'unknown failure'}`,
  );
  process.exit(1);
}
