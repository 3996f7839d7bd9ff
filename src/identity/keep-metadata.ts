/** Keeps a provider's metadata: found in the background and again each day, kept when the provider is away. */
import { ProviderUnavailableError, type ProviderStatus } from './identity-provider.ts';
import type { ProviderMetadata } from './provider-metadata.ts';

/** Runs a task once, later, without keeping the process alive. Returns what cancels it. */
export type Schedule = (task: () => void, delayMs: number) => () => void;

export const scheduleUnreferenced: Schedule = (task, delayMs) => {
  const timer = setTimeout(task, delayMs).unref();
  return () => clearTimeout(timer);
};

export interface KeptMetadata {
  status(): ProviderStatus;
  start(): void;
  stop(): void;
  /**
   * The metadata; looked for at once when there is none yet, by one caller for all.
   * @throws ProviderUnavailableError
   */
  current(): Promise<ProviderMetadata>;
}

const firstRetryMs = 1000;
const maxRetryMs = 60_000;
/** Keys and endpoints move rarely; a day is what published metadata is worth. */
const rediscoverMs = 24 * 3600_000;
/** Default endpoint names may be a provider that was only just starting: its document is looked for again soon. */
const rediscoverGuessedMs = 5 * 60_000;

/** Capped exponential backoff; half of it is chance, so that many instances do not ask together. */
function retryDelayMs(failures: number): number {
  const ceiling = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(failures - 1, 16));
  return ceiling / 2 + (Math.random() * ceiling) / 2;
}

export function keepMetadata(options: {
  readonly find: () => Promise<ProviderMetadata>;
  readonly schedule: Schedule;
  /** Called whenever the status changes. */
  readonly onStatus: (status: ProviderStatus) => void;
}): KeptMetadata {
  let metadata: ProviderMetadata | undefined;
  let status: ProviderStatus = { state: 'unavailable', reason: 'its metadata has not been read yet' };
  let failures = 0;
  let isRunning = false;
  let cancelNext = () => {};
  let attempt: Promise<ProviderMetadata> | undefined;

  const setStatus = (next: ProviderStatus) => {
    if (JSON.stringify(next) === JSON.stringify(status)) return;
    status = next;
    options.onStatus(next);
  };

  const find = async () => {
    try {
      const found = await options.find();
      failures = 0;
      // A guess never takes the place of what the provider once published.
      if (found.source !== 'guessed' || metadata === undefined) metadata = found;
      setStatus(readyStatus(metadata));
      return metadata;
    } catch (error) {
      failures += 1;
      const reason = error instanceof Error ? error.message : 'unknown failure';
      if (metadata === undefined) setStatus({ state: 'unavailable', reason });
      throw error instanceof ProviderUnavailableError
        ? error
        : new ProviderUnavailableError(reason, { cause: error });
    } finally {
      attempt = undefined;
      if (isRunning) scheduleNext();
    }
  };

  const findOnce = () => (attempt ??= find());

  const scheduleNext = () => {
    cancelNext();
    const calmMs = metadata?.source === 'guessed' ? rediscoverGuessedMs : rediscoverMs;
    cancelNext = options.schedule(
      () => void findOnce().catch(() => undefined),
      failures > 0 ? retryDelayMs(failures) : calmMs,
    );
  };

  return {
    status: () => status,
    start: () => {
      isRunning = true;
      findOnce().catch(() => undefined);
    },
    stop: () => {
      isRunning = false;
      cancelNext();
    },
    current: async () => metadata ?? findOnce(),
  };
}

/** For a provider that publishes nothing but is well known. */
export function knownMetadata(metadata: ProviderMetadata): KeptMetadata {
  return {
    status: () => readyStatus(metadata),
    start: () => {},
    stop: () => {},
    current: async () => metadata,
  };
}

function readyStatus(metadata: ProviderMetadata): ProviderStatus {
  return metadata.source === 'guessed'
    ? { state: 'ready', note: 'it publishes no metadata: default endpoint names are used' }
    : { state: 'ready' };
}
