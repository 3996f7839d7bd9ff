/** The MCP server behind: whether it speaks Streamable HTTP where `MCP_SERVER_URL` says, and else where it does. */
import { readTarget } from '../proxy/target.ts';
import { type Answer, type Ask, describeError, isRedirect, readObject } from './ask.ts';
import type { Report } from './finding.ts';

/** Where MCP servers are usually found. */
const usualPaths = ['/mcp', '/mcp/', '/', '/api/mcp', '/sse'];

const clientInfo = { name: 'mcp-oauth-proxy-doctor', version: '1' };

/** The first request of each era: with sessions up to 2025-11-25, without since 2026-07-28. */
const openings = [
  {
    headers: {},
    message: {
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo },
    },
  },
  {
    headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'server/discover' },
    message: {
      method: 'server/discover',
      params: {
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': clientInfo,
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    },
  },
] as const;

export async function checkMcpServer(
  mcpServerUrl: string,
  baseUrl: string,
  ask: Ask,
  report: Report,
): Promise<void> {
  const { origin, endpointPath, basePath } = readTarget(mcpServerUrl, '/mcp');
  const endpoint = origin + (endpointPath ?? basePath);
  let answer: Answer;
  try {
    answer = await open(endpoint, ask);
  } catch (error) {
    report.found('mcp.unreachable', `${endpoint}: ${describeError(error)}`);
    return;
  }
  const revision = revisionOf(answer);
  if (revision !== undefined) {
    report.passed('mcp-server', `${endpoint} speaks MCP (${revision})`);
    return;
  }
  const challenge = answer.headers['www-authenticate'] ?? '';
  if (answer.status === 401 && challenge.includes(`resource_metadata="${baseUrl}/`)) {
    report.found('mcp.is-this-server', endpoint);
  } else if (answer.status === 421 || (answer.status === 403 && /\bhost\b/i.test(answer.body))) {
    report.found(
      'mcp.host-refused',
      `Host: ${new URL(endpoint).host} is answered ${answer.status}: ${answer.body}`,
    );
  } else if ([401, 407].includes(answer.status) || challenge !== '') {
    report.found('mcp.wants-sign-in', `${endpoint} answers ${answer.status} ${challenge}`);
  } else {
    await guess(endpoint, answer, ask, report);
  }
}

/** Looks for it at the usual paths; what the endpoint itself said is told when it is nowhere. */
async function guess(endpoint: string, answer: Answer, ask: Ask, report: Report): Promise<void> {
  const { origin, pathname } = new URL(endpoint);
  const otherSlash = pathname.endsWith('/') ? pathname.slice(0, -1) : `${pathname}/`;
  const candidates = [...new Set([otherSlash, ...usualPaths])].filter(
    (path) => path !== '' && path !== pathname,
  );
  const found = await Promise.all(
    candidates.map(async (path) => {
      const other = await open(origin + path, ask).catch(() => undefined);
      return other !== undefined && revisionOf(other) !== undefined ? path : undefined;
    }),
  );
  const path = found.find((candidate) => candidate !== undefined);
  if (path !== undefined) {
    report.found('mcp.wrong-path', `MCP_SERVER_URL=${origin}${path}`);
    return;
  }
  const legacy = await findLegacy(origin, [pathname, ...candidates], ask);
  if (legacy !== undefined) report.found('mcp.legacy', `${origin}${legacy} is such an endpoint`);
  else if (isRedirect(answer)) report.found('mcp.redirects', `${endpoint} → ${answer.headers.location}`);
  else if (answer.status >= 500) report.found('mcp.unreachable', `${endpoint} answers ${answer.status}`);
  else
    report.found(
      'mcp.not-mcp',
      `${endpoint} answers ${answer.status} ${answer.headers['content-type'] ?? ''}`,
    );
}

/** HTTP+SSE begins with an event that names the address for messages (MCP transports, 2024-11-05). */
async function findLegacy(origin: string, paths: readonly string[], ask: Ask): Promise<string | undefined> {
  const found = await Promise.all(
    paths.map(async (path) => {
      const options = { headers: { accept: 'text/event-stream' }, timeoutMs: 3_000, isEnough: hasEvent };
      const answer = await ask(origin + path, options).catch(() => undefined);
      return answer !== undefined && /^event: ?endpoint/m.test(answer.body) ? path : undefined;
    }),
  );
  return found.find((path) => path !== undefined);
}

/** With the headers that the proxy would add, for a server that takes them for its credentials. */
async function open(endpoint: string, ask: Ask): Promise<Answer> {
  let first: Answer | undefined;
  for (const { headers, message } of openings) {
    const answer = await ask(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'x-forwarded-user': 'doctor',
        'x-forwarded-email': 'doctor@localhost',
        'x-forwarded-name': 'doctor',
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }),
      isEnough: hasEvent,
    });
    await endSession(endpoint, answer, ask);
    if (revisionOf(answer) !== undefined) return answer;
    first ??= answer;
  }
  if (first === undefined) throw new Error('nothing was asked');
  return first;
}

async function endSession(endpoint: string, { headers }: Answer, ask: Ask): Promise<void> {
  const session = headers['mcp-session-id'];
  if (typeof session !== 'string') return;
  await ask(endpoint, { method: 'DELETE', headers: { 'mcp-session-id': session } }).catch(() => undefined);
}

const hasEvent = (body: string) => /^data:.*\r?\n\r?\n/m.test(body);

/** The protocol revision in a good answer, whether it came as JSON or as an event. */
function revisionOf({ status, headers, body }: Answer): string | undefined {
  if (status !== 200) return undefined;
  const isStream = /^text\/event-stream\b/i.test(headers['content-type'] ?? '');
  const messages = isStream ? [...body.matchAll(/^data: ?(.*)$/gm)].map(([, data]) => data ?? '') : [body];
  for (const text of messages) {
    const { jsonrpc, result } = readObject(text) ?? {};
    if (jsonrpc !== '2.0' || typeof result !== 'object' || result === null) continue;
    const { protocolVersion, supportedVersions } = result as Readonly<Record<string, unknown>>;
    if (typeof protocolVersion === 'string') return protocolVersion;
    if (Array.isArray(supportedVersions)) return supportedVersions.join(', ');
  }
  return undefined;
}
