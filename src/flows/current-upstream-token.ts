/** The identity provider's access token for a person: the one at hand while it lives, a fresh one before it expires. */
import { setTimeout as wait } from 'node:timers/promises';
import { TemporarilyUnavailableError } from '../protocol/errors.ts';
import type { Database } from '../repositories/database.ts';
import { later } from './lifetimes.ts';
import { refreshUpstreamToken, type UpstreamTokenNow } from './refresh-upstream-token.ts';
import type { Services } from './services.ts';
import type { UpstreamState } from './verified-tokens.ts';

type UpstreamServices = Pick<
  Services,
  'db' | 'clock' | 'sealer' | 'identityProviders' | 'revocationFeed' | 'log'
>;

/** How long before it expires a token is refreshed: time for several tries while the old one still works. */
const refreshAheadMs = 30_000;
/** How long a request waits for a refresh. The refresh itself goes on: what the provider gave must be stored. */
const patienceMs = 10_000;

/** One refresh of a sign-in at a time in this process; between processes the lease in the database decides. */
const refreshesUnderWay = new WeakMap<Database, Map<string, Promise<UpstreamTokenNow>>>();

/**
 * The provider's access token to pass on. Undefined when it has expired and the provider gave nothing to refresh it
 * with: the person's session here goes on without it.
 *
 * @throws BearerError `invalid_token` when the provider says that the sign-in is over: the grant has ended
 * @throws TemporarilyUnavailableError when it has expired and the provider cannot be reached
 */
export async function currentUpstreamToken(
  services: UpstreamServices,
  upstream: UpstreamState,
): Promise<string | undefined> {
  const now = services.clock();
  if (upstream.expiresAt === undefined || later(now, refreshAheadMs) < upstream.expiresAt) {
    return upstream.accessToken;
  }
  const isAlive = now < upstream.expiresAt;
  if (!upstream.hasRefreshToken) return isAlive ? upstream.accessToken : undefined;
  const refreshed = refreshOnce(services, upstream.sessionId).then((tokens) => {
    upstream.accessToken = tokens.accessToken;
    upstream.expiresAt = tokens.expiresAt;
    // What was still good when a refresh failed may have expired since.
    if (tokens.expiresAt !== undefined && tokens.expiresAt <= services.clock()) {
      throw new TemporarilyUnavailableError('The identity provider did not refresh a token');
    }
    return tokens.accessToken;
  });
  if (!isAlive) return withPatience(refreshed);
  refreshed.catch((error: unknown) => services.log.warn({ err: error }, 'upstream token not refreshed yet'));
  return upstream.accessToken;
}

function refreshOnce(services: UpstreamServices, sessionId: string): Promise<UpstreamTokenNow> {
  const underWay = refreshesUnderWay.get(services.db) ?? new Map<string, Promise<UpstreamTokenNow>>();
  refreshesUnderWay.set(services.db, underWay);
  const running = underWay.get(sessionId);
  if (running !== undefined) return running;
  const started = refreshUpstreamToken(services, sessionId, refreshAheadMs).finally(() =>
    underWay.delete(sessionId),
  );
  underWay.set(sessionId, started);
  return started;
}

async function withPatience<T>(work: Promise<T>): Promise<T> {
  const abort = new AbortController();
  const impatience = wait(patienceMs, undefined, { signal: abort.signal }).then(() => {
    throw new TemporarilyUnavailableError('Refreshing the provider’s token takes too long');
  });
  impatience.catch(() => undefined);
  try {
    return await Promise.race([work, impatience]);
  } finally {
    abort.abort();
  }
}
