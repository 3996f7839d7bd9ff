/** What each `MODE` needs of the environment, and what would do nothing in it. */
import type { Environment } from './config-provider.ts';

export const defaultPort = 8080;
export const defaultAuthPort = 8081;

/** `auto` is one process on a machine with one core, and would be several on the next. */
export function problemsOfWorkers({ WORKERS, DATABASE_DSN }: Environment): string[] {
  if (WORKERS === undefined || WORKERS === '1' || DATABASE_DSN !== undefined) return [];
  return [
    'WORKERS other than 1 needs PostgreSQL: the embedded database belongs to one process. Set DATABASE_DSN, or remove it. Example: WORKERS=1',
  ];
}

export function problemsOfMode(present: Environment): string[] {
  const problems: string[] = [];
  if (present.MODE !== 'forward_auth') {
    if (present.MCP_SERVER_URL === undefined)
      problems.push(
        'MCP_SERVER_URL is missing: the MCP server to protect. Example: http://localhost:3000/mcp',
      );
    if (present.AUTH_PORT !== undefined)
      problems.push(
        'AUTH_PORT belongs to MODE=forward_auth: remove it, or set that. Example: MODE=forward_auth',
      );
    return problems;
  }
  if (present.TRUST_PROXY === undefined)
    problems.push(
      'TRUST_PROXY is missing: with MODE=forward_auth only the proxies that it names are answered. Example: TRUST_PROXY=127.0.0.1',
    );
  if (present.IDENTITY_ASSERTION === 'true' && present.MCP_SERVER_URL === undefined)
    problems.push(
      'MCP_SERVER_URL is missing: it is the audience of signed identities. Example: http://localhost:3000/mcp',
    );
  if (present.TOOL_SCOPES !== undefined)
    problems.push(
      'TOOL_SCOPES cannot be kept with MODE=forward_auth: requests to the MCP server do not pass here, and their bodies are not seen. Remove it, or set MODE. Example: MODE=proxy',
    );
  if (present.STREAM_KEEP_ALIVE_SECONDS !== undefined)
    problems.push(
      'STREAM_KEEP_ALIVE_SECONDS does nothing with MODE=forward_auth: event streams do not pass here. Remove it, or set MODE. Example: MODE=proxy',
    );
  if (present.MCP_MAX_CONNECTIONS !== undefined)
    problems.push(
      'MCP_MAX_CONNECTIONS does nothing with MODE=forward_auth: requests to the MCP server do not pass here. Remove it, or set MODE. Example: MODE=proxy',
    );
  if (present.SESSION_BINDING !== undefined)
    problems.push(
      'SESSION_BINDING does nothing with MODE=forward_auth: answers of the MCP server do not pass here. Remove it, or set MODE. Example: MODE=proxy',
    );
  const [port, authPort] = [present.PORT ?? defaultPort, present.AUTH_PORT ?? defaultAuthPort].map(Number);
  if (port === authPort && port !== 0)
    problems.push('AUTH_PORT must be another port than PORT: it is not for clients. Example: 8081');
  return problems;
}
