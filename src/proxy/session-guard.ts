/** Lets people into their own MCP sessions only. */
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { McpSessions } from '../flows/mcp-sessions.ts';
import type { Principal } from '../protocol/principal.ts';

const headerName = 'mcp-session-id';

/** What clients take for the end of their session, and open another (MCP 2025-11-25 transports, "Session Management"). */
const sessionNotFound = {
  jsonrpc: '2.0',
  id: null,
  error: { code: -32_001, message: 'Session not found' },
};

/**
 * A hook that answers 404 to a session of somebody else, exactly as to one that does not exist: nobody learns which ids
 * do. A request that names several is in none.
 */
export function sessionGuard(
  sessions: McpSessions,
): (request: FastifyRequest, reply: FastifyReply, proceed: (error?: Error) => void) => void {
  return ({ raw, principal }, reply, proceed) => {
    const [id, ...others] = sessionIdsOf(raw);
    if (id === undefined) return proceed();
    if (principal === undefined) throw new Error('a request came through without its checks');
    const decide = (isTheirs: boolean): void => (isTheirs ? proceed() : sendNotFound(reply));
    const isTheirs = others.length === 0 && sessions.belongsTo(id, principal);
    if (typeof isTheirs === 'boolean') return decide(isTheirs);
    void isTheirs.then(decide, proceed);
  };
}

function sendNotFound(reply: FastifyReply): void {
  void reply.code(404).header('cache-control', 'no-store').type('application/json').send(sessionNotFound);
}

/**
 * What any MCP server could take for the session's id: each line of the header by itself, also by a name that servers
 * of the CGI kind do not tell from it (`Mcp_Session_Id`, RFC 3875 §4.1.18). An empty one names none.
 */
function sessionIdsOf({ rawHeaders }: IncomingMessage): string[] {
  const ids: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const value = rawHeaders[index + 1] ?? '';
    if (name.length === headerName.length && value !== '' && /^mcp.session.id$/i.test(name)) ids.push(value);
  }
  return ids;
}

/** Remembers whose a session is that the MCP server opens with an answer. Undefined: there is nothing to wait for. */
export function giveSession(
  sessions: McpSessions,
  principal: Principal,
  request: IncomingMessage,
  answered: readonly string[],
): Promise<unknown> | undefined {
  const given = answered.filter((id) => id !== '' && id !== request.headers[headerName]);
  if (given.length === 0) return undefined;
  return Promise.all(given.map(async (id) => sessions.give(id, principal)));
}
