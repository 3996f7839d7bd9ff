/** Starts the server: one process by itself, or several that share its ports. */
import cluster from 'node:cluster';
import { type Config, ConfigError, loadConfig, readEnvironment } from './config.ts';
import { describeFailure } from './start-failure.ts';
import { isWorkerOf } from './workers/messages.ts';

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

// Each loads only what it needs: the process that supervises the others stays small.
async function run(config: Config): Promise<void> {
  if (config.workers === 1) {
    const { runAlone } = await import('./run-alone.ts');
    return runAlone(config);
  }
  const { runPrimary } = await import('./workers/primary.ts');
  return runPrimary(config);
}

if (isWorkerOf(cluster)) {
  const { runWorker } = await import('./workers/worker.ts');
  await runWorker(cluster.worker);
} else {
  const config = readConfig();
  try {
    await run(config);
  } catch (error) {
    console.error(`mcp-oauth-proxy cannot start: ${describeFailure(error, config)}`);
    process.exit(1);
  }
}
