/** Doctor against MCP servers of the official SDKs: what MCP_SERVER_URL may get wrong (clients.md P15, P24). */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer as McpServer1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/server';
import { expect, onTestFinished, test } from 'vitest';
import { createAsk } from '../../src/doctor/ask.ts';
import { checkMcpServer } from '../../src/doctor/check-mcp-server.ts';
import { Report } from '../../src/doctor/finding.ts';
import { serveMcp } from '../../scripts/serve-mcp.ts';

const baseUrl = 'https://mcp.example.com';

async function look(mcpServerUrl: string): Promise<Report> {
  const report = new Report();
  await checkMcpServer(mcpServerUrl, baseUrl, createAsk({}), report);
  return report;
}

function idsOf(report: Report): string[] {
  return report.findings.map(({ id }) => id);
}

/** Answers by hand; returns its origin. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serveSdk2(): Promise<string> {
  const served = await serveMcp({ create: () => new McpServer({ name: 'sample', version: '1' }) });
  onTestFinished(served.close);
  return served.url;
}

/** SDK 1 at one path, with its own protection against DNS rebinding. */
async function serveSdk1(path: string, allowedHosts?: string[]): Promise<string> {
  return serve((request, response) => {
    if (request.url !== path) {
      response.writeHead(404).end('not here');
      return;
    }
    const transport = new StreamableHTTPServerTransport({
      enableJsonResponse: true,
      ...(allowedHosts && { enableDnsRebindingProtection: true, allowedHosts }),
    });
    const server = new McpServer1({ name: 'one', version: '1' });
    void server
      .connect(transport as Parameters<typeof server.connect>[0])
      .then(async () => transport.handleRequest(request, response));
  });
}

test('a server of SDK 2 that answers with an event stream is fine', async () => {
  const report = await look(await serveSdk2());
  expect(report.findings).toEqual([]);
  expect(report.passes).toEqual([
    { area: 'mcp-server', text: expect.stringContaining('speaks MCP (2025-11-25)') as string },
  ]);
});

test('a server of SDK 1 that answers with JSON is fine, also where MCP_SERVER_URL is an origin alone', async () => {
  const origin = await serveSdk1('/mcp');
  expect(idsOf(await look(origin))).toEqual([]);
  expect(idsOf(await look(`${origin}/mcp`))).toEqual([]);
});

test.each([
  ['/mcp', '/'],
  ['/', '/mcp'],
  ['/api/mcp', '/mcp'],
  ['/mcp/', '/mcp'],
])('an endpoint at %s, looked for at %s, is found and named', async (path, configured) => {
  const origin = await serveSdk1(path);
  const report = await look(origin + configured);
  expect(idsOf(report)).toEqual(['mcp.wrong-path']);
  expect(report.findings[0]?.details.join()).toContain(`MCP_SERVER_URL=${origin}${path}`);
});

test('the protection of SDK 1 against DNS rebinding is recognised', async () => {
  const origin = await serveSdk1('/mcp', ['mcp.internal']);
  expect(idsOf(await look(`${origin}/mcp`))).toEqual(['mcp.host-refused']);
});

test('the old transport of 2024 is recognised, at the given path and at the usual one', async () => {
  const origin = await serve((request, response) => {
    if (request.url !== '/sse' || request.method !== 'GET') {
      response.writeHead(404).end();
      return;
    }
    const transport = new SSEServerTransport('/messages', response);
    const server = new McpServer1({ name: 'old', version: '1' });
    void server.connect(transport);
  });
  expect(idsOf(await look(`${origin}/sse`))).toEqual(['mcp.legacy']);
  expect(idsOf(await look(`${origin}/mcp`))).toEqual(['mcp.legacy']);
});

test('a refusal with a challenge is a sign-in of its own, whatever its status', async () => {
  const origin = await serve((_request, response) => {
    response.writeHead(403, { 'www-authenticate': 'Basic realm="x"' }).end();
  });
  expect(idsOf(await look(`${origin}/mcp`))).toEqual(['mcp.wants-sign-in']);
});
