/** The identity provider's access token for a person: the one at hand while it lives, a fresh one before it expires. */
import { setTimeout as wait } from 'node:timers/promises';
import { TemporarilyUnavailableError } from '../protocol/errors.ts';
import type { Database } from '../repositories/database.ts';
import { checkUpstreamToken } from './check-upstream-token.ts';
import { later } from './lifetimes.ts';
import { refreshUpstreamToken, type UpstreamTokenNow } from './refresh-upstream-token.ts';
import type { Services } from './services.ts';
import type { UpstreamState } from './verified-tokens.ts';

type UpstreamServices = Pick<
  Services,
  'db' | 'clock' | 'config' | 'events' | 'sealer' | 'identityProviders' | 'revocationFeed' | 'log'
>;

/** How long before it expires a token is refreshed: time for several tries while the old one still works. */
const refreshAheadMs = 30_000;
/** How many refreshes an instance has under way when it does not begin another one only to revalidate. */
const maxRevalidations = 10;
/** How soon one that came to nothing is tried again. */
const revalidationPauseMs = 30_000;
const never = new Date(8.64e15);

/** When each may be tried again. */
const revalidationsTried = new WeakMap<UpstreamState, Date>();

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
  const { expiresAt = never } = upstream;
  const isAlive = now < expiresAt;
  if (!upstream.hasRefreshToken) {
    if (isAlive && isRevalidationDue(services, upstream, now)) checkInBackground(services, upstream);
    return isAlive ? upstream.accessToken : undefined;
  }
  const isEnding = later(now, refreshAheadMs) >= expiresAt;
  if (!isEnding && !isRevalidationDue(services, upstream, now)) return upstream.accessToken;
  const refreshed = refreshOnce(services, upstream.sessionId).then((tokens) => {
    upstream.accessToken = tokens.accessToken;
    upstream.expiresAt = tokens.expiresAt;
    upstream.refreshedAt = tokens.refreshedAt;
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

/** Until when a token is passed on as it is, unless people have to be revalidated. Undefined: for ever. */
export function endOfRest({ expiresAt, hasRefreshToken }: UpstreamState): Date | undefined {
  return expiresAt && (hasRefreshToken ? later(expiresAt, -refreshAheadMs) : expiresAt);
}

/**
 * With USER_REVALIDATION_SECONDS, tokens of people who call are refreshed at that age at the latest, so that the provider
 * says whether the sign-in still counts. A few at a time, and each sign-in a little earlier by a share of its own, so that
 * not all come at once: the next call asks again.
 */
function isRevalidationDue(services: UpstreamServices, upstream: UpstreamState, now: Date): boolean {
  const maxAgeMs = maxAgeOf(services, upstream.sessionId);
  if (maxAgeMs === undefined || now < later(upstream.refreshedAt, maxAgeMs)) return false;
  if (now < (revalidationsTried.get(upstream) ?? now)) return false;
  if ((refreshesUnderWay.get(services.db)?.size ?? 0) >= maxRevalidations) return false;
  revalidationsTried.set(upstream, later(now, revalidationPauseMs));
  return true;
}

function checkInBackground(services: UpstreamServices, upstream: UpstreamState): void {
  const maxAgeMs = maxAgeOf(services, upstream.sessionId);
  if (maxAgeMs === undefined) return;
  checkUpstreamToken(services, upstream.sessionId, maxAgeMs)
    .then((freshFrom) => {
      upstream.refreshedAt = freshFrom;
    })
    .catch((error: unknown) => services.log.warn({ err: error }, 'upstream token not checked yet'));
}

/** From three quarters of what is configured to all of it, the same for a sign-in on every instance. */
function maxAgeOf({ config }: Pick<Services, 'config'>, sessionId: string): number | undefined {
  if (config.userRevalidationSeconds === undefined) return undefined;
  const share = Number.parseInt(sessionId.slice(-6), 16) / 0xff_ff_ff;
  return config.userRevalidationSeconds * 1000 * (0.75 + share / 4);
}

function refreshOnce(services: UpstreamServices, sessionId: string): Promise<UpstreamTokenNow> {
  const underWay = refreshesUnderWay.get(services.db) ?? new Map<string, Promise<UpstreamTokenNow>>();
  refreshesUnderWay.set(services.db, underWay);
  const running = underWay.get(sessionId);
  if (running !== undefined) return running;
  const started = refreshUpstreamToken(services, sessionId, {
    aheadMs: refreshAheadMs,
    maxAgeMs: maxAgeOf(services, sessionId),
  }).finally(() => underWay.delete(sessionId));
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
