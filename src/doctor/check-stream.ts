/** What becomes of an event stream on its way: collected, or cut when it is silent. */
import { type Ask, describeError } from './ask.ts';
import type { Outside } from './check-outside.ts';

/** The stream that the server plays for us (flows/stream-probe.ts). */
export interface StreamProbe {
  readonly path: string;
  readonly token: string;
  readonly idleSeconds: number;
}

const timeToSpareMs = 10_000;

export async function checkStream(
  { origin, ask, report }: Outside,
  probe: StreamProbe | undefined,
): Promise<void> {
  if (probe === undefined) {
    report.unknown('streams', 'event streams: they are looked at beside the server, with its encryption key');
    return;
  }
  const { idleSeconds } = probe;
  const { status, isBuffered, hasLast, end, seen } = await follow(origin, ask, probe);
  if (status !== undefined && status !== 200) {
    report.unknown('streams', `event streams: the one for this test answers ${status}`);
    return;
  }
  if (seen.includes('"hasForwardedFor":true,"isForwardedForBelieved":false'))
    report.found('front.client-address', 'X-Forwarded-For arrives, and is not believed');
  // A machine that stalls may see both at once, too: twice is no chance.
  const isCollected = isBuffered && (await follow(origin, ask, probe)).isBuffered;
  if (isCollected)
    report.found('stream.buffered', 'the first event came together with the one a second later');
  if (!hasLast) report.found('stream.cut', `in ${idleSeconds} s of silence: ${end}`);
  else if (!isCollected)
    report.passed('streams', `events come one by one, also after ${idleSeconds} s of silence`);
}

interface Followed {
  /** Undefined: it broke off. */
  readonly status: number | undefined;
  readonly seen: string;
  readonly isBuffered: boolean;
  readonly hasLast: boolean;
  /** How it ended. */
  readonly end: string;
}

async function follow(
  origin: string,
  ask: Ask,
  { path, token, idleSeconds }: StreamProbe,
): Promise<Followed> {
  let seen = '';
  let isBuffered = false;
  // Only the order matters: whoever collects events brings the first together with the next.
  const watch = (soFar: string): boolean => {
    isBuffered ||= seen === '' && soFar.includes('event: second');
    seen = soFar;
    return false;
  };
  let status: number | undefined;
  let end = 'it was ended';
  try {
    const timeoutMs = 1000 + idleSeconds * 1000 + timeToSpareMs;
    const headers = { accept: 'text/event-stream', authorization: `Bearer ${token}` };
    ({ status } = await ask(origin + path, { headers, timeoutMs, isEnough: watch }));
  } catch (error) {
    end = describeError(error);
  }
  return { status, seen, isBuffered, hasLast: seen.includes('event: last'), end };
}
