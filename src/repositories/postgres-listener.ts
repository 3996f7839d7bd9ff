/** Follows NOTIFY on one channel over a connection of its own, for as long as the process lives. */
import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { type Client, escapeIdentifier } from 'pg';
import { unavailable } from './postgres-errors.ts';

export interface ListenerOptions {
  readonly channel: string;
  readonly onNotify: () => void;
  readonly onError: (error: Error) => void;
  /** A connected client, or a rejection. */
  readonly connect: () => Promise<Client>;
}

const firstDelayMs = 100;
const longestDelayMs = 5_000;

/** A connection that a firewall dropped looks idle: asking finds out (and TCP keep-alive may not pass a proxy). */
const heartbeatMs = 15_000;

const goodbyeMs = 500;

/** Resolves after the first attempt, successful or not, with a function that stops. */
export async function startListener(options: ListenerOptions): Promise<() => Promise<void>> {
  const { channel, onError } = options;
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;
  let isStopped = false;

  async function attempt(): Promise<void> {
    let connected: Client | undefined;
    try {
      connected = client = await options.connect();
      client.on('error', (error) => lose(connected, error));
      client.on('end', () => lose(connected, new Error('Connection terminated')));
      client.on('notification', notify);
      await client.query(`listen ${escapeIdentifier(channel)}`);
    } catch (error) {
      lose(connected, error);
      return;
    }
    if (isStopped) return disconnect();
    failures = 0;
    beat(connected);
    notify();
  }

  function beat(asked: Client): void {
    if (asked !== client) return;
    timer = setTimeout(() => {
      asked.query('select 1').then(
        () => beat(asked),
        (error: unknown) => lose(asked, error),
      );
    }, heartbeatMs);
    timer.unref();
  }

  /** Reports the first failure of an outage and tries again, less and less often. */
  function lose(lost: Client | undefined, error: unknown): void {
    if (lost !== client) return;
    void disconnect();
    if (isStopped) return;
    if (failures === 0) onError(unavailable(error, `Not listening on ${channel} for now`));
    const delayMs = Math.min(firstDelayMs * 2 ** failures, longestDelayMs) * (0.5 + Math.random() / 2);
    failures += 1;
    timer = setTimeout(() => void attempt(), delayMs);
    timer.unref();
  }

  function notify(): void {
    try {
      if (!isStopped) options.onNotify();
    } catch (error) {
      onError(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Says goodbye, but does not wait long for an answer: the other side may be gone. */
  async function disconnect(): Promise<void> {
    clearTimeout(timer);
    const last = client;
    client = undefined;
    await Promise.race([last?.end(), setTimeoutPromise(goodbyeMs, undefined, { ref: false })]);
  }

  await attempt();
  return async () => {
    isStopped = true;
    await disconnect();
  };
}
