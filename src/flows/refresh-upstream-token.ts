/** Refreshes the identity provider's token of a sign-in: by one caller of all, and without losing what it got. */
import { setTimeout as wait } from 'node:timers/promises';
import { createId } from '../crypto/secrets.ts';
import { ProviderRefusedError, type UpstreamTokens } from '../identity/identity-provider.ts';
import { BearerError, TemporarilyUnavailableError } from '../protocol/errors.ts';
import { type Database, DatabaseUnavailableError } from '../repositories/database.ts';
import { revokeGrantsOfUpstreamSession } from '../repositories/grants.ts';
import { placeOf } from '../repositories/sealed-values.ts';
import {
  findUpstreamSession,
  releaseRefreshLease,
  storeRefreshedTokens,
  takeRefreshLease,
  type UpstreamSession,
} from '../repositories/upstream-sessions.ts';
import { recordEnded } from './events.ts';
import { later } from './lifetimes.ts';
import type { Services } from './services.ts';

type RefreshServices = Pick<
  Services,
  'db' | 'clock' | 'events' | 'sealer' | 'identityProviders' | 'revocationFeed' | 'log'
>;

export interface UpstreamTokenNow {
  readonly accessToken: string;
  readonly expiresAt: Date | undefined;
  readonly refreshedAt: Date;
}

/** When a token is refreshed though it lives. */
export interface RefreshRule {
  /** This long before it expires. */
  readonly aheadMs: number;
  /** At this age, so that the provider says whether the sign-in still counts. Undefined: at no age. */
  readonly maxAgeMs: number | undefined;
}

/** Pause before the next try after a provider that was away: until then callers are told at once. */
const retryPauseMs = 5_000;
/** How often, and how many times, a caller looks whether the one who refreshes has finished. */
const lookIntervalMs = 150;
const maxLooks = 400;
/** How often, and how many times, storing a new pair is tried: the provider may have forgotten the old one. */
const storeIntervalMs = 250;
const maxStoreTries = 480;

const accessTokenColumn = 'upstream_sessions.sealed_access_token';
const refreshTokenColumn = 'upstream_sessions.sealed_refresh_token';

/** What this process has asked providers for and not stored yet. */
const exchangesUnderWay = new WeakMap<Database, Set<Promise<unknown>>>();

/** To be waited for before the process ends: from a provider that rotates, an answer can be had only once. */
export async function finishExchanges(db: Database): Promise<void> {
  const underWay: Iterable<Promise<unknown>> = exchangesUnderWay.get(db) ?? [];
  await Promise.allSettled(underWay);
}

async function noted<T>(db: Database, exchange: Promise<T>): Promise<T> {
  const underWay = exchangesUnderWay.get(db) ?? new Set();
  exchangesUnderWay.set(db, underWay.add(exchange));
  return exchange.finally(() => underWay.delete(exchange));
}

/**
 * Refreshes the token if nobody else does; otherwise waits for the one who does, or uses what still lives.
 *
 * @throws BearerError `invalid_token` when the sign-in is over
 * @throws TemporarilyUnavailableError when the token has expired and the provider is away
 */
export async function refreshUpstreamToken(
  services: RefreshServices,
  sessionId: string,
  { aheadMs, maxAgeMs }: RefreshRule,
): Promise<UpstreamTokenNow> {
  for (let look = 0; look < maxLooks; look += 1) {
    const now = services.clock();
    const leaseId = createId();
    const expiresBefore = later(now, aheadMs);
    const givenBefore = maxAgeMs === undefined ? undefined : later(now, -maxAgeMs);
    const leased = await takeRefreshLease(services.db, sessionId, {
      leaseId,
      now,
      expiresBefore,
      givenBefore,
    });
    if (leased !== undefined) {
      const tokens = await noted(services.db, refreshWithLease(services, sessionId, leaseId, leased));
      if (tokens !== undefined) return tokens;
    }
    const session = await findUpstreamSession(services.db, sessionId);
    if (session === undefined) throw signInEnded('upstream session is gone');
    if (isAlive(session, now)) return openTokens(services, sessionId, session);
    if (session.sealedRefreshToken === undefined) throw signInEnded('another caller was refused');
    if (session.retryAt !== undefined && session.retryAt > now) throw providerAway();
    await wait(lookIntervalMs);
  }
  throw providerAway();
}

/** Undefined: someone else stored a newer pair meanwhile. */
async function refreshWithLease(
  services: RefreshServices,
  sessionId: string,
  leaseId: string,
  leased: UpstreamSession,
): Promise<UpstreamTokenNow | undefined> {
  const { db, sealer, clock, log } = services;
  const { sealedRefreshToken } = leased;
  if (sealedRefreshToken === undefined) return openTokens(services, sessionId, leased);
  const provider = services.identityProviders.find(leased.identityProvider);
  if (provider === undefined) throw signInEnded('the identity provider is not configured any more');
  const presentedToken = sealer.open(sealedRefreshToken, placeOf(refreshTokenColumn, sessionId));
  let tokens: UpstreamTokens;
  try {
    tokens = await provider.refresh(presentedToken, leased.issuer);
  } catch (error) {
    if (error instanceof ProviderRefusedError && error.code === 'invalid_grant') {
      // Only if it was the stored token that was refused: a late caller presents one that was replaced.
      const ended = await revokeGrantsOfUpstreamSession(db, sessionId, {
        sealedRefreshToken,
        reason: 'upstream_invalid_grant',
        now: clock(),
      });
      if (ended === undefined) return undefined;
      recordEnded(services.events, ended, 'upstream_invalid_grant');
      await services.revocationFeed.catchUp();
      throw signInEnded('the provider ended the sign-in', error);
    }
    await releaseRefreshLease(db, sessionId, { leaseId, retryAt: later(clock(), retryPauseMs) });
    if (!isAlive(leased, clock())) throw providerAway(error);
    log.warn({ err: error }, 'the identity provider did not refresh a token; the current one still lives');
    return openTokens(services, sessionId, leased);
  }
  const refreshedAt = clock();
  const isStored = await storePersistently(services, sessionId, {
    leaseId,
    presented: sealedRefreshToken,
    sealedAccessToken: sealer.seal(tokens.accessToken, placeOf(accessTokenColumn, sessionId)),
    accessTokenExpiresAt: tokens.expiresAt,
    sealedRefreshToken: sealer.seal(
      tokens.refreshToken ?? presentedToken,
      placeOf(refreshTokenColumn, sessionId),
    ),
    grantedScope: tokens.scope,
    now: refreshedAt,
  });
  return isStored ? { accessToken: tokens.accessToken, expiresAt: tokens.expiresAt, refreshedAt } : undefined;
}

/** The new pair is stored before it is used, and for two minutes an absent database does not make us give it up. */
async function storePersistently(
  { db, log }: RefreshServices,
  sessionId: string,
  tokens: Parameters<typeof storeRefreshedTokens>[2],
): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await storeRefreshedTokens(db, sessionId, tokens);
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError) || attempt === maxStoreTries) throw error;
      if (attempt === 1) log.warn({ err: error }, 'a refreshed provider token cannot be stored yet');
      await wait(storeIntervalMs);
    }
  }
}

function isAlive(session: UpstreamSession, now: Date): boolean {
  return session.accessTokenExpiresAt === undefined || session.accessTokenExpiresAt > now;
}

function openTokens(
  { sealer }: RefreshServices,
  sessionId: string,
  session: UpstreamSession,
): UpstreamTokenNow {
  return {
    accessToken: sealer.open(session.sealedAccessToken, placeOf(accessTokenColumn, sessionId)),
    expiresAt: session.accessTokenExpiresAt,
    refreshedAt: session.refreshedAt,
  };
}

function signInEnded(reason: string, cause?: unknown): BearerError {
  return new BearerError('invalid_token', {
    reason,
    description: 'The sign-in at the identity provider has ended',
    cause,
  });
}

function providerAway(cause?: unknown): TemporarilyUnavailableError {
  return new TemporarilyUnavailableError('The identity provider did not refresh a token', { cause });
}
