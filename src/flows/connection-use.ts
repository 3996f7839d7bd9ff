/** Remembers when, from where and with what program connections are used, for the people whose they are. */
import { isIP } from 'node:net';
import type { Services } from './services.ts';
import { type GrantUse, storeUse } from '../repositories/connection-use.ts';

/** As many as an instance may have busy at once; of more, some are noted a minute later. */
const maxNoted = 20_000;
const batchSize = 500;
const maxProgramLength = 120;

/** Of a request, and read only when a use is noted. */
interface Caller {
  /** As far as `TRUST_PROXY` lets it be believed. */
  readonly ip: string;
  readonly headers: { readonly 'user-agent'?: string | undefined };
}

type UseServices = Pick<Services, 'db' | 'clock' | 'config' | 'counts'>;

/**
 * Each connection is noted at its first call after each {@link store}, which is once in a minute. Until then its further
 * calls cost one look into a map. Nobody waits for the database, and what a process that dies had noted is lost.
 */
export class ConnectionUse {
  readonly #services: UseServices;
  #noted = new Map<string, GrantUse>();

  constructor(services: UseServices) {
    this.#services = services;
  }

  note(grantId: string, caller: Caller): void {
    if (this.#noted.has(grantId) || this.#noted.size >= maxNoted) return;
    const { clock, config } = this.#services;
    this.#noted.set(grantId, {
      grantId,
      usedAt: clock(),
      from: config.keepAddresses ? readAddress(caller.ip) : undefined,
      program: shorten(caller.headers['user-agent']),
    });
  }

  /** Writes down what was noted. What cannot be written now is kept for the next time. */
  async store(): Promise<void> {
    const uses = [...this.#noted.values()];
    this.#noted = new Map();
    for (let from = 0; from < uses.length; from += batchSize) {
      try {
        const firstUses = await storeUse(this.#services.db, uses.slice(from, from + batchSize));
        this.#services.counts.steps.first_call += firstUses;
      } catch (error) {
        this.#keep(uses.slice(from));
        throw error;
      }
    }
  }

  /** A use since then is newer, and stays. */
  #keep(uses: readonly GrantUse[]): void {
    for (const use of uses) {
      if (!this.#noted.has(use.grantId) && this.#noted.size < maxNoted) this.#noted.set(use.grantId, use);
    }
  }
}

/** Copied, since a slice would keep the whole header in memory. Headers are bytes (RFC 9110 §5.5). */
function shorten(program: string | undefined): string | undefined {
  return program === undefined || program.length <= maxProgramLength
    ? program
    : Buffer.from(program.slice(0, maxProgramLength), 'latin1').toString('latin1');
}

/** What stands in front may pass on anything as an address: only one that is one is kept. */
function readAddress(ip: string): string | undefined {
  const plain = ip.replace(/^::ffff:(?=[\d.]+$)/i, '');
  return isIP(plain) === 0 ? undefined : plain;
}
