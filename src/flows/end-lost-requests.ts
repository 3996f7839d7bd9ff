/** After the database was restarted, restored or replaced: ends what is open but not known there. */
import { findEnded } from '../repositories/revocations.ts';
import type { Services } from './services.ts';

/**
 * A connection that a failover lost is on nobody's list, so nobody could end it. And what was revoked between the last
 * look at the old server and the first at the new one is in the rows, not in the part of the feed that is yet to come.
 *
 * @throws DatabaseUnavailableError when it cannot be decided
 */
export async function endLostRequests({
  db,
  openRequests,
}: Pick<Services, 'db' | 'openRequests'>): Promise<void> {
  const { callers } = openRequests;
  if (callers.length === 0) return;
  const grantIds = [...new Set(callers.map(({ grantId }) => grantId))];
  const ended = await findEnded(db, { grantIds, jtis: callers.map(({ jti }) => jti) });
  for (const revocation of ended) openRequests.revoke(revocation);
}
