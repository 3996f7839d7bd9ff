/** The long-lived collaborators that flows use. Each flow names the slice it touches. */
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { Sealer } from '../crypto/sealing.ts';
import type { IdentityProviders } from '../identity/identity-providers.ts';
import type { Resource } from '../protocol/resource.ts';
import type { Database } from '../repositories/database.ts';
import type { ClientKeys } from './client-keys.ts';
import type { Counts } from './counts.ts';
import type { ConnectionUse } from './connection-use.ts';
import type { DocumentClients } from './document-clients.ts';
import type { Events } from './events.ts';
import type { KeyRing } from './key-ring.ts';
import type { McpSessions } from './mcp-sessions.ts';
import type { OpenRequests } from './open-requests.ts';
import type { RevocationFeed } from './revocation-feed.ts';
import type { VerifiedTokens } from './verified-tokens.ts';

export interface Services {
  readonly config: Config;
  readonly db: Database;
  readonly clock: () => Date;
  readonly log: Logger;
  /** Where what happens is recorded. */
  readonly events: Events;
  readonly sealer: Sealer;
  readonly keyRing: KeyRing;
  readonly identityProviders: IdentityProviders;
  readonly clientKeys: ClientKeys;
  readonly documentClients: DocumentClients;
  /** What is protected; the first one is meant when a client names none. */
  readonly resources: readonly [Resource, ...Resource[]];
  readonly revocationFeed: RevocationFeed;
  readonly verifiedTokens: VerifiedTokens;
  readonly openRequests: OpenRequests;
  readonly connectionUse: ConnectionUse;
  readonly mcpSessions: McpSessions;
  readonly counts: Counts;
}
