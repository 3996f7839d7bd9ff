/** An event stream for doctor, beside those of the MCP server: what stands in front does the same to both. */
import { PassThrough } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Services } from '../flows/services.ts';
import { readProbeToken, streamProbePath } from '../flows/stream-probe.ts';
import { oauthRateLimit } from '../http/rate-limits.ts';
import { readBearerToken } from '../protocol/challenge.ts';
import { returnedHeaders } from '../proxy/returned-headers.ts';

/** Each is open for up to two minutes. */
const maxOpen = 4;

type Needed = Pick<Services, 'config' | 'sealer' | 'clock' | 'resources'>;
type Wait = (ms: number, signal: AbortSignal) => Promise<unknown>;
const realWait: Wait = async (ms, signal) => wait(ms, undefined, { signal });

/** An event at once, one after a second, silence for as long as the token says, and a last one. */
export async function streamProbeRoute(
  app: FastifyInstance,
  { services, wait = realWait }: { readonly services: Needed; readonly wait?: Wait },
): Promise<void> {
  let open = 0;
  app.get(
    streamProbePath(services.resources[0]),
    { config: oauthRateLimit(services) },
    async (request, reply) => {
      const presented = readBearerToken(request.headers.authorization);
      const idleSeconds =
        typeof presented === 'string'
          ? undefined
          : readProbeToken(services.sealer, presented.token, services.clock());
      if (idleSeconds === undefined) return reply.callNotFound();
      if (open >= maxOpen) {
        return reply
          .code(503)
          .header('cache-control', 'no-store')
          .header('retry-after', 60)
          .send({ error: 'busy' });
      }
      open += 1;
      const events = new PassThrough();
      const over = new AbortController();
      const end = (): void => over.abort();
      // Also when the server stops: it ends the event streams of GET requests first.
      reply.raw.once('close', end).once('finish', end);
      void play(
        events,
        howItArrived(request),
        async (ms) => wait(ms, over.signal),
        idleSeconds * 1000,
      ).finally(() => {
        open -= 1;
        events.end();
      });
      const ours = reply.getHeaders();
      const headers = returnedHeaders(['content-type', 'text/event-stream'], {
        ours,
        publicLocation: () => undefined,
      });
      for (let index = 0; index < headers.length; index += 2) {
        const [name, value] = headers.slice(index, index + 2);
        if (name !== undefined) reply.header(name, value);
      }
      return reply.send(events);
    },
  );
}

/** As far as the operator has to set it right. */
export interface Arrived {
  readonly hasForwardedFor: boolean;
  /** Whether what sent it is in `TRUST_PROXY`. */
  readonly isForwardedForBelieved: boolean;
}

function howItArrived({ headers, ips }: FastifyRequest): Arrived {
  return {
    hasForwardedFor: headers['x-forwarded-for'] !== undefined,
    isForwardedForBelieved: (ips?.length ?? 0) > 1,
  };
}

/** Ends quietly when the client goes. */
async function play(
  events: PassThrough,
  arrived: Arrived,
  wait: (ms: number) => Promise<unknown>,
  idleMs: number,
): Promise<void> {
  const say = (name: string, data = '{}'): void => void events.write(`event: ${name}\ndata: ${data}\n\n`);
  try {
    say('first', JSON.stringify(arrived));
    await wait(1000);
    say('second');
    await wait(idleMs);
    say('last');
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AbortError')) throw error;
  }
}
