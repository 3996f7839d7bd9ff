/** Supervises the workers, and does nothing else: no request passes here, and no database is open. */
import cluster from 'node:cluster';
import type { Logger } from 'pino';
import { type Config, ConfigError, loadConfig, readEnvironment } from '../config.ts';
import { createLogger } from '../http/logging.ts';
import { serveMetrics } from '../telemetry/metrics-server.ts';
import { workerArgument } from './messages.ts';
import { WorkerPool } from './pool.ts';

/** @throws what keeps it, or a worker, from starting */
export async function runPrimary(config: Config): Promise<void> {
  if (cluster.isWorker)
    throw new Error('WORKERS makes its own processes: set WORKERS=1 where another program makes them');
  const log = createLogger(config.logLevel);
  // No connection passes here: one on its way to a worker that is killed would be lost. docs/decisions/0028-workers.md
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({ args: [workerArgument] });
  const pool = new WorkerPool(log);
  const restarts = new Restarts(pool, log);
  const isReady = obeySignals(pool, restarts, log);
  try {
    await collectMetrics(config, log);
    warnOfRateLimits(config, log);
    await pool.start(config.workers);
  } catch (error) {
    pool.kill();
    throw error;
  }
  isReady();
  log.info({ url: config.baseUrl, mcpServer: config.mcpServerUrl, workers: config.workers }, 'ready');
}

/** One port for all of them, here: a worker that is asked could only tell of itself. */
async function collectMetrics({ metrics: place }: Config, log: Logger): Promise<void> {
  if (place === undefined) return;
  const { WorkerMetrics } = await import('./worker-metrics.ts');
  const { port } = await serveMetrics(new WorkerMetrics(), place);
  log.info({ ...place, port }, 'metrics are served');
}

function warnOfRateLimits({ redisUrl, workers }: Config, log: Logger): void {
  if (redisUrl !== undefined) return;
  log.warn(
    { workers },
    'REDIS_URL is not set: each worker counts requests by itself, so that up to so many times the rate limits pass',
  );
}

/** A second signal to stop, or one before all are ready, ends everything at once. */
function obeySignals(pool: WorkerPool, restarts: Restarts, log: Logger): () => void {
  let isReady = false;
  let isStopping = false;
  const stop = (signal: string): void => {
    if (isStopping || !isReady) {
      pool.kill();
      process.exit(isStopping ? 1 : 0);
    }
    isStopping = true;
    log.info({ signal }, 'stopping');
    void pool.stop().then((couldFinish) => process.exit(couldFinish ? 0 : 1));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => {
    if (!isStopping) restarts.ask();
  });
  return () => {
    isReady = true;
    restarts.begin();
  };
}

/** One rolling restart at a time. Those that are asked for meanwhile are one more after it. */
class Restarts {
  readonly #pool: WorkerPool;
  readonly #log: Logger;
  #isAsked = false;
  #isBusy = true;

  constructor(pool: WorkerPool, log: Logger) {
    this.#pool = pool;
    this.#log = log;
  }

  ask(): void {
    this.#isAsked = true;
    if (!this.#isBusy) void this.#run();
  }

  /** There is something to restart from now on. */
  begin(): void {
    this.#isBusy = false;
    if (this.#isAsked) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    while (this.#isAsked) {
      this.#isAsked = false;
      await this.#restart();
    }
    this.#isBusy = false;
  }

  async #restart(): Promise<void> {
    this.#log.info('restarting one worker after the other');
    try {
      const { workers } = loadConfig(readEnvironment());
      await this.#pool.restart(workers);
      this.#log.info({ workers }, 'restarted');
    } catch (error) {
      if (this.#pool.isStopping) return;
      const reason = error instanceof ConfigError ? error.problems : (error as Error).message;
      this.#log.error({ reason }, 'not restarted to the end: the workers that are there go on');
    }
  }
}
