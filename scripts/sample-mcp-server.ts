/**
 * An MCP server for demos and tests. It trusts the identity headers of the proxy in front of it, so it listens on
 * loopback.
 */
import { createSampleMcpServer, readCaller } from './sample-mcp-tools.ts';
import { type ServedMcp, serveMcp, type ServeMcpOptions } from './serve-mcp.ts';

export type SampleMcpServerOptions = Pick<ServeMcpOptions, 'port' | 'host'>;

/** Starts it and resolves once it listens. */
export async function startSampleMcpServer(options: SampleMcpServerOptions = {}): Promise<ServedMcp> {
  const counts = new Map<string, number>();
  return serveMcp({
    ...options,
    create: () => createSampleMcpServer(counts),
    ownerOf: (headers) => readCaller(headers).user,
  });
}
