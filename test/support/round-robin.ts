/** An HTTP front that gives each request to the next server in turn, and remembers what passed. For tests. */
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';

/** One request that passed, in order of arrival. */
export interface Passed {
  readonly method: string;
  /** Without the query string. */
  readonly path: string;
  /** The origin of the server that got it. */
  readonly target: string;
  readonly requestBody: string;
  /** Undefined until the server has answered. */
  status: number | undefined;
  responseBody: string;
}

export interface RoundRobin {
  readonly origin: string;
  readonly passed: readonly Passed[];
  /** The origins to take turns. None: connections are dropped, as if nobody were there. */
  setTargets(origins: readonly string[]): void;
  /** Each request that has no such headers gets them from now on: a token for a client that cannot send one. */
  addHeaders(headers: Readonly<Record<string, string>>): void;
  /** Answers take this much longer from now on, as over a slow network. */
  setLatency(milliseconds: number): void;
  close(): Promise<void>;
}

/** Listens on a free port of loopback; `Host` reaches the servers as the client sent it. */
export async function startRoundRobin(): Promise<RoundRobin> {
  const passed: Passed[] = [];
  let targets: readonly string[] = [];
  let turn = 0;
  let latencyMs = 0;
  let added: Readonly<Record<string, string>> = {};

  const server = createServer((request, response) => {
    const target = targets[turn % targets.length];
    turn += 1;
    if (target === undefined) {
      request.socket.destroy();
      return;
    }
    pass(request, response, target).catch(() => response.destroy());
  });

  async function pass(request: IncomingMessage, response: ServerResponse, target: string): Promise<void> {
    const { method = '', url = '/', headers } = request;
    const seen = {
      method,
      path: url.replace(/\?.*/, ''),
      target,
      requestBody: '',
      status: undefined as number | undefined,
      responseBody: '',
    };
    passed.push(seen);
    const outgoing = httpRequest(new URL(url, target), {
      method,
      headers: { ...added, ...headers },
      agent: false,
    });
    response.once('close', () => outgoing.destroy());
    request.on('data', (chunk: Buffer) => (seen.requestBody += chunk.toString()));
    request.pipe(outgoing);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    seen.status = answer.statusCode;
    if (latencyMs > 0) await setTimeout(latencyMs);
    answer.on('data', (chunk: Buffer) => (seen.responseBody += chunk.toString()));
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders).flushHeaders();
    await pipeline(answer, response);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    setTargets(origins) {
      targets = origins;
    },
    addHeaders(headers) {
      added = headers;
    },
    setLatency(milliseconds) {
      latencyMs = milliseconds;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
