/** Ends a grant before its time. */
import { revokeGrant, type RevocationReason } from '../repositories/grants.ts';
import { recordEnded } from './events.ts';
import type { Services } from './services.ts';

/**
 * Returns once this instance refuses its tokens; the others follow by the feed. Says whether it was this call that ended
 * it: of many callers one.
 */
export async function endGrant(
  services: Pick<Services, 'db' | 'clock' | 'events' | 'revocationFeed'>,
  grantId: string,
  reason: RevocationReason,
): Promise<boolean> {
  const ended = await revokeGrant(services.db, grantId, reason, services.clock());
  if (ended !== undefined) recordEnded(services.events, [ended], reason);
  await services.revocationFeed.catchUp();
  return ended !== undefined;
}
