/**
 * Serves `/mcp` with the official SDK to clients of both eras: with sessions up to 2025-11-25, without since
 * 2026-07-28. For the sample MCP server and for tests.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  createMcpHandler,
  isLegacyRequest,
  type McpHttpHandler,
  type McpServer,
  WebStandardStreamableHTTPServerTransport,
  type WebStandardStreamableHTTPServerTransportOptions,
} from '@modelcontextprotocol/server';

export interface ServeMcpOptions {
  /** A server for one session, or since 2026-07-28 for one request. `notify` reaches everyone who listens for changes. */
  readonly create: (notify: McpHttpHandler['notify']) => McpServer;
  /** A session belongs to whom this names: for everyone else it does not exist. Default: to everyone */
  readonly ownerOf?: (headers: Headers) => string | undefined;
  /** Answers a request before the server sees it. */
  readonly screen?: (request: Request) => Response | undefined;
  readonly sessions?: Pick<WebStandardStreamableHTTPServerTransportOptions, 'eventStore' | 'retryInterval'>;
  /** 0, the default, is any free port. */
  readonly port?: number;
  /** Where to listen. Default: 127.0.0.1 */
  readonly host?: string;
}

export interface ServedMcp {
  /** The endpoint. */
  readonly url: string;
  close(): Promise<void>;
}

interface Session {
  readonly owner: string | undefined;
  readonly transport: WebStandardStreamableHTTPServerTransport;
}

/** Starts, and resolves once it listens. */
export async function serveMcp(options: ServeMcpOptions): Promise<ServedMcp> {
  const sessions = new Map<string, Session>();
  const create = () => options.create(current.notify);
  const current: McpHttpHandler = createMcpHandler(create, { legacy: 'reject' });

  async function answerLegacy(request: Request): Promise<Response> {
    const owner = options.ownerOf?.(request.headers);
    const sessionId = request.headers.get('mcp-session-id');
    if (sessionId === null) return (await openSession(owner)).handleRequest(request);
    const session = sessions.get(sessionId);
    if (session === undefined || session.owner !== owner) return sessionNotFound();
    return session.transport.handleRequest(request);
  }

  async function openSession(owner: string | undefined): Promise<WebStandardStreamableHTTPServerTransport> {
    const transport = new WebStandardStreamableHTTPServerTransport({
      ...options.sessions,
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, { owner, transport }),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    await create().connect(transport);
    return transport;
  }

  const server = createServer((incoming, response) => {
    const request = toWebRequest(incoming, response);
    answer(request)
      .then((result) => send(result, response))
      .catch(() => response.destroy());
  });

  async function answer(request: Request): Promise<Response> {
    const screened = options.screen?.(request);
    if (screened !== undefined) return screened;
    if (!/^\/mcp\/?$/.test(new URL(request.url).pathname)) return new Response('Not found', { status: 404 });
    return (await isLegacyRequest(request)) ? answerLegacy(request) : current.fetch(request);
  }

  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}/mcp`,
    async close() {
      await Promise.all([
        current.close(),
        ...[...sessions.values()].map(({ transport }) => transport.close()),
      ]);
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function sessionNotFound(): Response {
  return Response.json(
    { jsonrpc: '2.0', id: null, error: { code: -32001, message: 'Session not found' } },
    { status: 404 },
  );
}

/** The SDK speaks in web-standard requests, which end when the client goes away. */
function toWebRequest(incoming: IncomingMessage, response: ServerResponse): Request {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const hasBody = incoming.method !== 'GET' && incoming.method !== 'HEAD';
  return new Request(new URL(incoming.url ?? '/', 'http://localhost'), {
    method: incoming.method ?? 'GET',
    headers,
    signal: gone.signal,
    ...(hasBody ? { body: Readable.toWeb(incoming) as ReadableStream, duplex: 'half' } : {}),
  });
}

async function send(result: Response, response: ServerResponse): Promise<void> {
  response.writeHead(result.status, Object.fromEntries(result.headers));
  response.flushHeaders();
  if (result.body === null) return void response.end();
  await pipeline(Readable.fromWeb(result.body), response);
}
