/** Ends a person's connections at their own request: one, those of an app, or all. */
import { PageError } from '../protocol/errors.ts';
import type { AccountSession } from '../repositories/account-sessions.ts';
import { type ConnectionChoice, revokeConnections } from '../repositories/connections.ts';
import type { Services } from './services.ts';

/**
 * Doing it twice is doing it once. Returns once this instance refuses the tokens; the others follow by the feed, and the
 * provider is told in the background, as of any other revocation.
 *
 * @throws PageError 404 when the person has nothing of the kind: whether someone else has is not said
 */
export async function endConnections(
  { db, clock, log, revocationFeed }: Pick<Services, 'db' | 'clock' | 'log' | 'revocationFeed'>,
  session: AccountSession,
  choice: ConnectionChoice,
): Promise<void> {
  const grantIds = await revokeConnections(db, session, { choice, now: clock() });
  if (grantIds === undefined) {
    throw new PageError('account_no_connection', {
      status: 404,
      reason: 'no connection of this person',
      description: 'There is no such connection',
      isOfAccount: true,
    });
  }
  if (grantIds.length === 0) return;
  log.info({ grantIds }, 'connections were ended by their person');
  await revocationFeed.catchUp();
}
