/** The official SDK's clients, of both eras, through the proxy to a real MCP server (protocol.md, items 125-130). */
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startSampleMcpServer } from '../../scripts/sample-mcp-server.ts';
import type { Principal } from '../../src/protocol/principal.ts';
import { alice, send, startProxy as startPlainProxy } from './support.ts';

const clientInfo = { name: 'test', version: '1.0.0' };
const person: Principal = { ...alice, name: 'Zoë 王小明 🦊' };
const someoneElse: Principal = { ...alice, subject: 'bob-subject', email: undefined, name: undefined };

interface McpClient {
  readonly protocolVersion: string | undefined;
  listTools(): Promise<string[]>;
  /** The tool's structured answer; `onProgress` hears what it reports meanwhile. */
  call(
    name: string,
    args?: Record<string, unknown>,
    onProgress?: (progress: number) => void,
    signal?: AbortSignal,
  ): Promise<unknown>;
}

const clients: Record<string, (url: string) => Promise<McpClient>> = {
  async 'SDK 1.32 (2025-11-25)'(url) {
    const client = new ClientV1(clientInfo);
    const transport = new TransportV1(new URL(url));
    await client.connect(transport);
    onTestFinished(() => client.close());
    return {
      protocolVersion: transport.protocolVersion,
      listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
      call: async (name, args = {}, onProgress = () => undefined, signal = new AbortController().signal) => {
        const onprogress = ({ progress }: { progress: number }) => onProgress(progress);
        return (await client.callTool({ name, arguments: args }, undefined, { onprogress, signal }))[
          'structuredContent'
        ];
      },
    };
  },
  ...Object.fromEntries(
    (['legacy', 'auto'] as const).map((mode) => [
      `SDK 2.4 (${mode === 'auto' ? '2026-07-28' : '2025-11-25'})`,
      async (url: string) => {
        const client = new ClientV2(clientInfo, { versionNegotiation: { mode } });
        await client.connect(new TransportV2(new URL(url)));
        onTestFinished(() => client.close());
        return {
          protocolVersion: client.getNegotiatedProtocolVersion(),
          listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
          call: async (
            name,
            args = {},
            onProgress = () => undefined,
            signal = new AbortController().signal,
          ) => {
            const onprogress = ({ progress }: { progress: number }) => onProgress(progress);
            return (await client.callTool({ name, arguments: args }, { onprogress, signal }))
              .structuredContent;
          },
        } satisfies McpClient;
      },
    ]),
  ),
};

async function startServer(): Promise<string> {
  const server = await startSampleMcpServer();
  onTestFinished(() => server.close());
  return server.url;
}

/** With a scope policy bodies are judged first: clients notice nothing of it. */
const inspection = { maxBodyBytes: 4_194_304, authorize: async () => undefined };
const cases = Object.entries(clients).flatMap(([name, connect]) => [
  [name, 'bodies unread', connect, {}] as const,
  [name, 'bodies judged', connect, { inspection }] as const,
]);

describe.each(cases)('%s, %s', (name, _how, connect, however) => {
  const startProxy = async (url: string, options: Parameters<typeof startPlainProxy>[1] = {}) =>
    startPlainProxy(url, { ...however, ...options });

  test('speaks its own revision, and sees every tool', async () => {
    const proxy = await startProxy(await startServer());
    const client = await connect(`${proxy.origin}/mcp`);
    expect(name).toContain(client.protocolVersion);
    expect((await client.listTools()).sort()).toEqual(['countdown', 'counter', 'echo', 'whoami']);
  });

  test.each(['/mcp', '/mcp/'])('at %s the MCP server knows who calls', async (path) => {
    const proxy = await startProxy(await startServer(), { principal: person });
    const client = await connect(proxy.origin + path);
    expect(await client.call('whoami')).toEqual({
      user: 'alice-subject',
      email: 'alice@example.com',
      name: 'Zoë 王小明 🦊',
      accessToken: 'upst… (21 characters)',
    });
  });

  test('a long tool reports its progress while it runs, and stops when it is no longer wanted', async () => {
    const proxy = await startProxy(await startServer());
    const client = await connect(`${proxy.origin}/mcp`);
    const progress: number[] = [];
    expect(await client.call('countdown', { from: 3, stepMs: 1 }, (step) => progress.push(step))).toEqual({
      countedDownFrom: 3,
    });
    expect(progress).toEqual([1, 2, 3]);

    const controller = new AbortController();
    const unwanted = client.call(
      'countdown',
      { from: 600, stepMs: 1 },
      () => controller.abort(),
      controller.signal,
    );
    await expect(unwanted).rejects.toThrow('abort');
    expect(await client.call('echo', { text: 'still here' })).toEqual({ text: 'still here' });
  });

  test('each person has a counter of their own', async () => {
    const url = await startServer();
    const [forAlice, forBob] = await Promise.all([
      startProxy(url, { principal: person }),
      startProxy(url, { principal: someoneElse }),
    ]);
    const [first, second] = await Promise.all([
      connect(`${forAlice.origin}/mcp`),
      connect(`${forBob.origin}/mcp`),
    ]);
    await first.call('counter');
    expect(await first.call('counter')).toEqual({ user: 'alice-subject', count: 2 });
    expect(await second.call('counter')).toEqual({ user: 'bob-subject', count: 1 });
  });
});

test('a session belongs to the person who opened it (protocol.md, item 101)', async () => {
  const url = await startServer();
  const [forAlice, forBob] = await Promise.all([
    startPlainProxy(url),
    startPlainProxy(url, { principal: someoneElse }),
  ]);
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
  const opened = await send(`${forAlice.origin}/mcp`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
  });
  const inSession = { ...headers, 'mcp-session-id': String(opened.headers['mcp-session-id']) };
  const ping = { method: 'POST', headers: inSession, body: '{"jsonrpc":"2.0","id":2,"method":"ping"}' };

  expect((await send(`${forBob.origin}/mcp`, ping)).status).toBe(404);
  expect((await send(`${forBob.origin}/mcp`, { method: 'DELETE', headers: inSession })).status).toBe(404);
  expect((await send(`${forAlice.origin}/mcp`, ping)).status).toBe(200);
  expect((await send(`${forAlice.origin}/mcp`, { method: 'DELETE', headers: inSession })).status).toBe(200);
  expect((await send(`${forAlice.origin}/mcp`, ping)).status).toBe(404);
});
