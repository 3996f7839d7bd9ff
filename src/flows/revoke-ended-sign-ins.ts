/** Revokes at the provider what was revoked here (RFC 7009), in the background: no client waits for it. */
import { ProviderUnavailableError } from '../identity/identity-provider.ts';
import { type EndedSignIn, forgetTokens, takeEndedSignIn } from '../repositories/ended-sign-ins.ts';
import { placeOf } from '../repositories/sealed-values.ts';
import { later, lifetimes } from './lifetimes.ts';
import type { Services } from './services.ts';

type RevokeServices = Pick<Services, 'db' | 'clock' | 'sealer' | 'identityProviders' | 'log'>;

/** The rest is for the next round: maintenance has more to do. */
const maxPerRound = 200;

/**
 * One after the other, until none is left, a round's share is done, or `signal` aborts. A provider that is away is left
 * alone for the rest of the round. One that is not configured any more cannot be told.
 */
export async function revokeEndedSignIns(services: RevokeServices, signal?: AbortSignal): Promise<void> {
  const { db, clock, identityProviders, log } = services;
  const exceptOf: string[] = [];
  const isStopping = (): boolean => signal?.aborted === true;
  for (let count = 0; count < maxPerRound && !isStopping(); count += 1) {
    const now = clock();
    const retryAt = later(now, lifetimes.providerRevocationRetryMs);
    const ended = await takeEndedSignIn(db, { now, retryAt, exceptOf });
    if (ended === undefined) return;
    const provider = identityProviders.find(ended.identityProvider);
    if (provider === undefined) continue;
    try {
      await provider.revoke(openTokens(services, ended), ended);
    } catch (error) {
      log.warn({ err: error, provider: provider.id }, 'a sign-in is not revoked at its provider yet');
      if (error instanceof ProviderUnavailableError) exceptOf.push(provider.id);
      continue;
    }
    await forgetTokens(db, ended);
  }
}

function openTokens(
  { sealer }: RevokeServices,
  { sessionId, sealedAccessToken, sealedRefreshToken }: EndedSignIn,
): { readonly accessToken: string; readonly refreshToken: string | undefined } {
  return {
    accessToken: sealer.open(sealedAccessToken, placeOf('upstream_sessions.sealed_access_token', sessionId)),
    refreshToken:
      sealedRefreshToken &&
      sealer.open(sealedRefreshToken, placeOf('upstream_sessions.sealed_refresh_token', sessionId)),
  };
}
