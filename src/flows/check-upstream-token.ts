/** Asks the identity provider whether a token that cannot be refreshed still counts: GitHub's OAuth apps give such. */
import { ProviderRefusedError } from '../identity/identity-provider.ts';
import { revokeGrantsOfEndedToken } from '../repositories/grants.ts';
import { placeOf } from '../repositories/sealed-values.ts';
import { postponeTokenCheck, takeTokenCheck } from '../repositories/upstream-sessions.ts';
import { recordEnded } from './events.ts';
import { later } from './lifetimes.ts';
import type { Services } from './services.ts';

type CheckServices = Pick<
  Services,
  'db' | 'clock' | 'events' | 'sealer' | 'identityProviders' | 'revocationFeed' | 'log'
>;

/** How soon a provider that was away is asked again. */
const retryMs = 60_000;

/**
 * One caller of all asks, once in `maxAgeMs`. Only the provider's own word ends anything; where it has no sure way to
 * tell, nobody asks. Returns when the token is to count as fresh from.
 */
export async function checkUpstreamToken(
  services: CheckServices,
  sessionId: string,
  maxAgeMs: number,
): Promise<Date> {
  const { db, clock, sealer, identityProviders, log } = services;
  const now = clock();
  const session = await takeTokenCheck(db, sessionId, { now, askedBefore: later(now, -maxAgeMs) });
  const checkToken = session && identityProviders.find(session.identityProvider)?.checkToken;
  if (session === undefined || checkToken === undefined) return now;
  try {
    const place = placeOf('upstream_sessions.sealed_access_token', sessionId);
    await checkToken(sealer.open(session.sealedAccessToken, place), session.issuer);
    return now;
  } catch (error) {
    if (error instanceof ProviderRefusedError && error.code === 'invalid_grant') {
      const reason = 'upstream_invalid_grant';
      recordEnded(
        services.events,
        await revokeGrantsOfEndedToken(db, sessionId, { reason, now: clock() }),
        reason,
      );
      await services.revocationFeed.catchUp();
      return now;
    }
    log.warn({ err: error }, 'the identity provider did not say whether a token still counts');
    const askedAt = later(clock(), retryMs - maxAgeMs);
    await postponeTokenCheck(db, sessionId, askedAt);
    return askedAt;
  }
}
