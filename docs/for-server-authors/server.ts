// An MCP server behind mcp-oauth-proxy. Needs: npm install @modelcontextprotocol/server
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';

/** Who is calling. The proxy sets this header on each request, and removes whatever a client sends by that name. */
function callerOf(headers: Headers | undefined): string {
  const user = headers?.get('x-forwarded-user');
  if (!user) throw new Error('This request did not come through the proxy');
  return user;
}

/** Header values are UTF-8, one character for each byte as Node shows them. */
function textOf(value: string | null | undefined): string {
  return Buffer.from(value ?? '', 'latin1').toString('utf8');
}

const json = (value: Record<string, unknown>) => ({
  content: [{ type: 'text' as const, text: JSON.stringify(value) }],
  structuredContent: value,
});

const visits = new Map<string, number>();

function createVisits(): McpServer {
  const server = new McpServer({ name: 'visits', version: '1.0.0' });
  server.registerTool('whoami', { description: 'Says who you are.' }, ({ http }) => {
    const headers = http?.req?.headers;
    return json({ user: callerOf(headers), name: textOf(headers?.get('x-forwarded-name')) });
  });
  server.registerTool('visit', { description: 'Counts your visits, and nobody else’s.' }, ({ http }) => {
    const user = callerOf(http?.req?.headers);
    const count = (visits.get(user) ?? 0) + 1;
    visits.set(user, count);
    return json({ count });
  });
  return server;
}

/** Serves clients of every revision of MCP, each request by itself: no sessions, nothing to lose at a restart. */
const handler = createMcpHandler(createVisits);

async function toWebRequest(incoming: IncomingMessage, signal: AbortSignal): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const headers = Object.entries(incoming.headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  );
  const method = incoming.method ?? 'GET';
  const body = chunks.length === 0 ? {} : { body: Buffer.concat(chunks) };
  return new Request(new URL(incoming.url ?? '/', 'http://mcp'), { method, headers, signal, ...body });
}

/** Listens where nobody but the proxy comes. */
export function startVisits(port: number, host = '127.0.0.1'): Server {
  return createServer((incoming, response) => {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    toWebRequest(incoming, gone.signal)
      .then(async (request) => handler.fetch(request))
      .then(async (answer) => {
        response.writeHead(answer.status, Object.fromEntries(answer.headers)).flushHeaders();
        if (answer.body === null) response.end();
        else await pipeline(Readable.fromWeb(answer.body), response);
      })
      .catch(() => response.destroy());
  }).listen(port, host);
}

// node server.ts, with MCP_SERVER_URL=http://localhost:3000/mcp at the proxy
if (import.meta.filename === process.argv[1]) startVisits(3000);
