/** A proxy that really listens, with a trivial authentication, and the things that one puts around it. */
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { onTestFinished } from 'vitest';
import { OpenRequests } from '../../src/flows/open-requests.ts';
import { VerifiedTokens } from '../../src/flows/verified-tokens.ts';
import type { Principal } from '../../src/protocol/principal.ts';
import type { ProxiedResource } from '../../src/protocol/resource.ts';
import { closeGracefully } from '../../src/proxy/close-gracefully.ts';
import { registerProxy, type ProxyOptions } from '../../src/proxy/register-proxy.ts';
import { readTarget } from '../../src/proxy/target.ts';

export const publicOrigin = 'https://mcp.example.com';

export const alice: Principal = {
  jti: 'token-1',
  grantId: 'grant-1',
  clientId: 'client-1',
  subject: 'alice-subject',
  email: 'alice@example.com',
  name: 'Alice Liddell',
  scopes: ['openid'],
  resource: `${publicOrigin}/mcp`,
  expiresAt: new Date('2030-01-01T00:00:00Z'),
  revocationsHeard: 0,
  upstreamAccessToken: 'upstream-access-token',
  identityAssertion: undefined,
};

export function resourceAt(mcpServerUrl: string, path = '/mcp'): ProxiedResource {
  const target = readTarget(mcpServerUrl, path);
  return { path, identifier: publicOrigin + path, name: 'Test', serverUrl: mcpServerUrl, target };
}

export interface Listening {
  readonly origin: string;
  readonly port: number;
}

/** An MCP server that is nothing but this listener. Gone when the test is. */
export async function startBackend(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return listening(server.address() as AddressInfo);
}

/** A backend that speaks bytes. */
export async function startRawBackend(onConnection: (socket: Socket) => void): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return listening(server.address() as AddressInfo);
}

function listening({ port }: AddressInfo): Listening {
  return { port, origin: `http://127.0.0.1:${port}` };
}

export type RunningProxy = Listening & { readonly app: FastifyInstance; readonly log: readonly string[] };

export async function startProxy(
  mcpServerUrl: string,
  options: Partial<ProxyOptions> & {
    readonly principal?: Principal;
    readonly graceMs?: number;
    readonly configure?: (app: FastifyInstance) => void;
  } = {},
): Promise<RunningProxy> {
  const log: string[] = [];
  const { principal = alice, graceMs = 0, configure, ...proxyOptions } = options;
  const app = fastify({ logger: { level: 'info', stream: { write: (line) => void log.push(line) } } });
  app.decorateRequest('principal', undefined);
  closeGracefully(app, graceMs);
  configure?.(app);
  await app.register(registerProxy, {
    resource: resourceAt(mcpServerUrl),
    publicOrigin,
    openRequests: new OpenRequests(new VerifiedTokens()),
    authenticate: async (request: FastifyRequest) => {
      request.principal = principal;
    },
    ...proxyOptions,
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => app.close());
  return { ...listening(app.server.address() as AddressInfo), app, log };
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A backend whose requests the test answers by hand, in the order in which they arrive, and a proxy before it. */
export async function startManual(options: Parameters<typeof startProxy>[1] = {}) {
  const waiting: ((exchange: Exchange) => void)[] = [];
  const arrived: Exchange[] = [];
  const backend = await startBackend((request, response) => {
    const take = waiting.shift();
    if (take === undefined) arrived.push({ request, response });
    else take({ request, response });
  });
  const proxy = await startProxy(`${backend.origin}/mcp`, options);
  const next = async (): Promise<Exchange> =>
    arrived.shift() ?? new Promise((resolve) => waiting.push(resolve));
  return { proxy, next };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly text: string;
}

interface Sending {
  readonly method?: string;
  /** A list keeps case, order and duplicates: name, value, name, value … */
  readonly headers?: Record<string, string> | readonly string[];
  readonly body?: Buffer | string;
}

/** One request through node:http, which changes nothing about it. */
export async function send(url: string, sending: Sending = {}): Promise<Answer> {
  const response = await open(url, sending);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    body,
    text: body.toString('utf8'),
  };
}

/** Like `send`, but gives the response when its headers are there; ends with the test. */
export async function open(
  url: string,
  { method = 'GET', headers = {}, body }: Sending = {},
): Promise<IncomingMessage> {
  const request = httpRequest(url, { method, headers, agent: false });
  onTestFinished(() => void request.destroy());
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  // The other side may stop reading a request that it has answered.
  request.on('error', () => undefined);
  return response;
}

/** Writes these bytes to the port and gives all that came back when the other side closes. */
export async function sendBytes(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

/** `Name: value` lines as Node lists them: name, value, name, value … */
export function headerLines(...lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const [name = '', value = ''] = line.split(/: ?(.*)/s);
    return [name, value];
  });
}

export function statusOf(response: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(response)?.[1]);
}
