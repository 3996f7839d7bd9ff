/** The identity provider's access token for a person: the one at hand while it lives, a fresh one before it expires. */
import { setTimeout as wait } from 'node:timers/promises';
import { ProviderRefusedError, ProviderUnavailableError } from '../identity/identity-provider.ts';
import { BearerError, TemporarilyUnavailableError } from '../protocol/errors.ts';
import type { Database } from '../repositories/database.ts';
import { revokeGrantsOfUpstreamSession } from '../repositories/grants.ts';
import { placeOf } from '../repositories/sealed-values.ts';
import {
  findUpstreamSession,
  releaseRefreshLease,
  storeRefreshedTokens,
  takeRefreshLease,
  type UpstreamSession,
} from '../repositories/upstream-sessions.ts';
import { later } from './lifetimes.ts';
import type { Services } from './services.ts';
import type { UpstreamState } from './verified-tokens.ts';

type UpstreamServices = Pick<
  Services,
  'db' | 'clock' | 'sealer' | 'identityProvider' | 'revocationFeed' | 'log'
>;

/** How long before it expires a token is refreshed: time for several tries while the old one still works. */
const refreshAheadMs = 60_000;
/** Longer than the provider may take to answer; a holder that died is succeeded after it. */
const leaseMs = 30_000;
/** Pause before the next try after a provider that was away. */
const retryPauseMs = 5_000;
/** How often, and how many times, a caller looks whether another one has finished the refresh. */
const lookIntervalMs = 100;
const maxLooks = 150;

const accessTokenColumn = 'upstream_sessions.sealed_access_token';
const refreshTokenColumn = 'upstream_sessions.sealed_refresh_token';

interface Tokens {
  readonly accessToken: string;
  readonly expiresAt: Date | undefined;
}

/** One refresh of a sign-in at a time in each instance; between instances the lease in the database decides. */
const refreshesUnderWay = new WeakMap<Database, Map<string, Promise<Tokens>>>();

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
  if (upstream.expiresAt === undefined || later(now, refreshAheadMs) < upstream.expiresAt)
    return upstream.accessToken;
  const isAlive = now < upstream.expiresAt;
  if (!upstream.hasRefreshToken) return isAlive ? upstream.accessToken : undefined;
  const refreshed = refreshOnce(services, upstream.sessionId).then((tokens) => {
    upstream.accessToken = tokens.accessToken;
    upstream.expiresAt = tokens.expiresAt;
    return tokens.accessToken;
  });
  if (!isAlive) return refreshed;
  refreshed.catch((error: unknown) => services.log.warn({ err: error }, 'upstream token not refreshed yet'));
  return upstream.accessToken;
}

function refreshOnce(services: UpstreamServices, sessionId: string): Promise<Tokens> {
  const underWay = refreshesUnderWay.get(services.db) ?? new Map<string, Promise<Tokens>>();
  refreshesUnderWay.set(services.db, underWay);
  const running = underWay.get(sessionId);
  if (running !== undefined) return running;
  const started = refreshOrWait(services, sessionId).finally(() => underWay.delete(sessionId));
  underWay.set(sessionId, started);
  return started;
}

/** Refreshes the token if nobody else does; otherwise waits for the one who does, or uses what still lives. */
async function refreshOrWait(services: UpstreamServices, sessionId: string): Promise<Tokens> {
  for (let look = 0; look < maxLooks; look += 1) {
    const now = services.clock();
    const leased = await takeRefreshLease(services.db, sessionId, {
      now,
      leasedUntil: later(now, leaseMs),
      expiresBefore: later(now, refreshAheadMs),
    });
    if (leased !== undefined) return refreshWithLease(services, sessionId, leased);
    const session = await findUpstreamSession(services.db, sessionId);
    if (session === undefined) throw signInEnded('upstream session is gone');
    if (session.accessTokenExpiresAt === undefined || session.accessTokenExpiresAt > now) {
      return openTokens(services, sessionId, session);
    }
    await wait(lookIntervalMs);
  }
  throw new TemporarilyUnavailableError('Another caller did not finish refreshing the provider’s token');
}

/** The new pair is stored before it is used: a provider that rotates has already forgotten the old one. */
async function refreshWithLease(
  services: UpstreamServices,
  sessionId: string,
  session: UpstreamSession,
): Promise<Tokens> {
  const { db, sealer, clock } = services;
  if (session.sealedRefreshToken === undefined) return openTokens(services, sessionId, session);
  const refreshToken = sealer.open(session.sealedRefreshToken, placeOf(refreshTokenColumn, sessionId));
  try {
    const tokens = await services.identityProvider.refresh(refreshToken);
    await storeRefreshedTokens(db, sessionId, {
      sealedAccessToken: sealer.seal(tokens.accessToken, placeOf(accessTokenColumn, sessionId)),
      accessTokenExpiresAt: tokens.expiresAt,
      sealedRefreshToken: sealer.seal(
        tokens.refreshToken ?? refreshToken,
        placeOf(refreshTokenColumn, sessionId),
      ),
      grantedScope: tokens.scope,
      now: clock(),
    });
    return { accessToken: tokens.accessToken, expiresAt: tokens.expiresAt };
  } catch (error) {
    if (error instanceof ProviderRefusedError && error.code === 'invalid_grant') {
      await revokeGrantsOfUpstreamSession(db, sessionId, 'upstream_invalid_grant', clock());
      await services.revocationFeed.catchUp();
      throw signInEnded('the provider ended the sign-in', error);
    }
    await releaseRefreshLease(db, sessionId, later(clock(), retryPauseMs));
    if (session.accessTokenExpiresAt !== undefined && session.accessTokenExpiresAt > clock()) {
      services.log.warn(
        { err: error },
        'the identity provider did not refresh a token; the current one still lives',
      );
      return openTokens(services, sessionId, session);
    }
    if (error instanceof ProviderUnavailableError || error instanceof ProviderRefusedError) {
      throw new TemporarilyUnavailableError('The identity provider did not refresh a token', {
        cause: error,
      });
    }
    throw error;
  }
}

function openTokens(services: UpstreamServices, sessionId: string, session: UpstreamSession): Tokens {
  return {
    accessToken: services.sealer.open(session.sealedAccessToken, placeOf(accessTokenColumn, sessionId)),
    expiresAt: session.accessTokenExpiresAt,
  };
}

function signInEnded(reason: string, cause?: unknown): BearerError {
  return new BearerError('invalid_token', {
    reason,
    description: 'The sign-in at the identity provider has ended',
    cause,
  });
}
