/** What a person sees at `/account`: the apps that have access in their name. */
import type { AccountSession } from '../repositories/account-sessions.ts';
import { type Connection, findConnections } from '../repositories/connections.ts';
import type { Services } from './services.ts';

/** More than anyone reads; whoever has more revokes some, or all, and sees the rest. */
export const maxConnections = 200;

export interface ListedConnections {
  /** Of one app each, the one used last first. */
  readonly apps: readonly (readonly [Connection, ...Connection[]])[];
  /** Ended by the person since they signed in here. */
  readonly ended: readonly Connection[];
  readonly isCut: boolean;
}

export async function listConnections(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  session: AccountSession,
): Promise<ListedConnections> {
  const found = await findConnections(db, session, {
    now: clock(),
    endedSince: session.createdAt,
    limit: maxConnections + 1,
  });
  const apps = new Map<string, [Connection, ...Connection[]]>();
  const shown = found.slice(0, maxConnections);
  for (const connection of shown.filter(({ revokedAt }) => revokedAt === undefined)) {
    const sameApp = apps.get(connection.clientId);
    if (sameApp === undefined) apps.set(connection.clientId, [connection]);
    else sameApp.push(connection);
  }
  return {
    apps: [...apps.values()],
    ended: shown.filter(({ revokedAt }) => revokedAt !== undefined),
    isCut: found.length > maxConnections,
  };
}
