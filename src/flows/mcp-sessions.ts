/** MCP sessions belong to the person that the MCP server gave them to (MCP security best practices, "Session Hijacking"). */
import { LRUCache } from 'lru-cache';
import { fingerprintOf } from '../crypto/secrets.ts';
import type { Principal } from '../protocol/principal.ts';
import { findMcpSession, insertMcpSession } from '../repositories/mcp-sessions.ts';
import type { Services } from './services.ts';

type Owner = Pick<Principal, 'subject' | 'resource'>;

/** After this a session is looked up again. */
const maxAgeMs = 10 * 60_000;

export class McpSessions {
  readonly #services: Pick<Services, 'db' | 'clock'>;
  /** Subjects of sessions that were looked up. Ids that do not exist are not remembered: they would be the callers' choice. */
  readonly #subjects: LRUCache<string, string>;

  constructor(services: Pick<Services, 'db' | 'clock'>, maxSessions = 20_000) {
    this.#services = services;
    this.#subjects = new LRUCache({ max: maxSessions, ttl: maxAgeMs, ttlResolution: 1000 });
  }

  /**
   * Remembers whose session it is. The id must not reach the client before this is done: its next request may arrive at
   * another instance.
   * @throws DatabaseUnavailableError
   */
  async give(sessionId: string, { subject, resource }: Owner): Promise<void> {
    const name = nameOf(sessionId, resource);
    const session = { sessionHash: fingerprintOf(name), subject, now: this.#services.clock() };
    await insertMcpSession(this.#services.db, session);
    this.#subjects.set(name, subject);
  }

  /**
   * Whether it is this person's: at once where that was looked up before. An answer of the database alone refuses.
   * @throws DatabaseUnavailableError
   */
  belongsTo(sessionId: string, { subject, resource }: Owner): boolean | Promise<boolean> {
    const name = nameOf(sessionId, resource);
    return this.#subjects.get(name) === subject || this.#lookUp(name, subject);
  }

  async #lookUp(name: string, subject: string): Promise<boolean> {
    const { db, clock } = this.#services;
    const owner = await findMcpSession(db, fingerprintOf(name), clock());
    if (owner === undefined) this.#subjects.delete(name);
    else this.#subjects.set(name, owner);
    return owner === subject;
  }
}

/** Each MCP server gives ids of its own. */
function nameOf(sessionId: string, resource: string): string {
  return `${resource}\n${sessionId}`;
}
