/**
 * An MCP server for demos and tests, made with the official SDK, that serves `/mcp` to clients of both eras: with
 * sessions up to 2025-11-25, without since 2026-07-28. It trusts the identity headers of the proxy in front of it,
 * so it listens on loopback.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  createMcpHandler,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { createSampleMcpServer, readCaller } from './sample-mcp-tools.ts';

export interface SampleMcpServerOptions {
  /** 0, the default, is any free port. */
  readonly port?: number;
  /** Where to listen. Default: 127.0.0.1 */
  readonly host?: string;
}

interface Session {
  readonly user: string | undefined;
  readonly transport: WebStandardStreamableHTTPServerTransport;
}

/** Starts it and resolves once it listens; `url` is the endpoint. */
export async function startSampleMcpServer(
  options: SampleMcpServerOptions = {},
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const counts = new Map<string, number>();
  const sessions = new Map<string, Session>();
  const current = createMcpHandler(() => createSampleMcpServer(counts), { legacy: 'reject' });

  /** A session belongs to the person who opened it: for everyone else it does not exist. */
  async function answerLegacy(request: Request): Promise<Response> {
    const { user } = readCaller(request.headers);
    const sessionId = request.headers.get('mcp-session-id');
    if (sessionId === null) return (await openSession(user)).handleRequest(request);
    const session = sessions.get(sessionId);
    if (session === undefined || session.user !== user) return sessionNotFound();
    return session.transport.handleRequest(request);
  }

  async function openSession(user: string | undefined): Promise<WebStandardStreamableHTTPServerTransport> {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, { user, transport }),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    await createSampleMcpServer(counts).connect(transport);
    return transport;
  }

  const server = createServer((incoming, response) => {
    const request = toWebRequest(incoming, response);
    answer(request)
      .then((result) => send(result, response))
      .catch(() => response.destroy());
  });

  async function answer(request: Request): Promise<Response> {
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
