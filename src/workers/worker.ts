/** One of several processes: serves as one by itself would, and does what the primary says. */
import type { Worker } from 'node:cluster';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { buildApp } from '../app.ts';
import { type Config, ConfigError, loadConfig, readEnvironment } from '../config.ts';
import { createLogger } from '../http/logging.ts';
import { describeFailure } from '../start-failure.ts';
import { reportOf } from '../telemetry/state-metrics.ts';
import { traceFields } from '../telemetry/tracing.ts';
import { drain } from './drain.ts';
import { type Order, tell } from './messages.ts';

export async function runWorker(worker: Worker): Promise<void> {
  const config = await readConfig();
  const log = createLogger(config.logLevel, undefined, config.tracing && traceFields);
  const life = new Life(worker, log);
  try {
    const app = await buildApp(config, { log, exposeMetrics: (registry) => life.counts(registry) });
    await app.listen({ host: config.host, port: config.port });
    life.begins(app);
    await tell({ type: 'ready' });
  } catch (error) {
    log.debug({ err: error }, 'start failed');
    await fail(describeFailure(error, config));
  }
}

async function readConfig(): Promise<Config> {
  try {
    return loadConfig(readEnvironment());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return fail(error.message);
  }
}

async function fail(reason: string): Promise<never> {
  await tell({ type: 'failed', reason });
  return process.exit(1);
}

/** From the start on, whoever is to end it: the primary, its absence, or a signal for this process alone. */
class Life {
  readonly #worker: Worker;
  readonly #log: Logger;
  readonly #hurry = new AbortController();
  #app: FastifyInstance | undefined;
  #registry: Registry | undefined;
  #isEnding = false;

  constructor(worker: Worker, log: Logger) {
    this.#worker = worker;
    this.#log = log;
    process.on('message', (order: Order) => {
      if (order === 'report') void this.#report();
      else void this.#end(order);
    });
    worker.on('disconnect', () => {
      // Gives the ports back to whoever starts next. Without it Node ends the process right after this.
      worker.disconnect();
      if (!this.#isEnding) log.error('the primary process is gone: stopping');
      void this.#end('stop');
    });
    process.on('SIGTERM', () => void this.#end('retire'));
    // A terminal sends these to every process. The primary says what follows.
    process.on('SIGINT', () => undefined);
    process.on('SIGHUP', () => undefined);
  }

  counts(registry: Registry): void {
    this.#registry = registry;
  }

  begins(app: FastifyInstance): void {
    this.#app = app;
  }

  async #end(how: Exclude<Order, 'report'>): Promise<void> {
    if (how === 'stop') this.#hurry.abort();
    if (this.#isEnding) return;
    this.#isEnding = true;
    const app = this.#app;
    if (app === undefined) return process.exit(0);
    this.#log.info('stopping');
    try {
      // While the channel to the primary is still there.
      app.server.once('close', () => void this.#report());
      if (how === 'retire') await drain(this.#worker, app.server, this.#hurry.signal);
      await app.close();
      await this.#report();
      process.exit(0);
    } catch (error) {
      this.#log.error({ err: error }, 'stopping failed');
      process.exit(1);
    }
  }

  async #report(): Promise<void> {
    if (this.#registry === undefined) return;
    try {
      await tell({ type: 'counted', metrics: await reportOf(this.#registry) });
    } catch (error) {
      this.#log.warn({ err: error }, 'what this worker counted cannot be told');
    }
  }
}
