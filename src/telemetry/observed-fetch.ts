/** What strangers' addresses are asked, timed. The addresses are theirs, and are in no label and no span. */
import { OutboundError } from '../outbound/outbound-error.ts';
import type { SafeFetch } from '../outbound/safe-fetch.ts';
import type { Telemetry } from './telemetry.ts';

export function observedFetch(
  fetch: SafeFetch,
  what: 'document' | 'keys',
  { observe }: Pick<Telemetry, 'observe'>,
): SafeFetch {
  return (...asked) => observe('clientFetches', { what }, outcomeOf, () => fetch(...asked));
}

function outcomeOf(error: unknown): string {
  if (!(error instanceof OutboundError)) return 'failed';
  return error.isTransient ? 'unavailable' : 'refused';
}
