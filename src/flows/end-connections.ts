/** Ends a person's connections at their own request: one, those of an app, or all. */
import { PageError } from '../protocol/errors.ts';
import type { AccountSession } from '../repositories/account-sessions.ts';
import { type ConnectionChoice, revokeConnections } from '../repositories/connections.ts';
import { recordEnded } from './events.ts';
import type { Services } from './services.ts';

/**
 * Doing it twice is doing it once. Returns once this instance refuses the tokens; the others follow by the feed, and the
 * provider is told in the background, as of any other revocation.
 *
 * @throws PageError 404 when the person has nothing of the kind: whether someone else has is not said
 */
export async function endConnections(
  { db, clock, events, revocationFeed }: Pick<Services, 'db' | 'clock' | 'events' | 'revocationFeed'>,
  session: AccountSession,
  choice: ConnectionChoice,
): Promise<void> {
  const ended = await revokeConnections(db, session, { choice, now: clock() });
  if (ended === undefined) {
    throw new PageError('account_no_connection', {
      status: 404,
      reason: 'no connection of this person',
      description: 'There is no such connection',
      isOfAccount: true,
    });
  }
  recordEnded(events, ended, 'revoked_by_person');
  await revocationFeed.catchUp();
}
