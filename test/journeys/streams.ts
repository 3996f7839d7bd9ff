/** Event streams of a person, at each instance, and how they end. */
import { callMcp } from '../support/authorize.ts';
import type { Site } from '../support/instances.ts';
import { remote } from './remote.ts';

/** The MCP server's own answer to a request that accepts nothing: the proxy has let it through. */
export const reachedMcpServer = 406;

/** Opens an MCP session, as clients do up to 2025-11-25. */
export async function openSession(instance: ReturnType<typeof remote>, accessToken: string): Promise<string> {
  const params = {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  };
  const answer = await callMcp(instance, accessToken, {
    method: 'POST',
    headers: { accept: 'application/json, text/event-stream' },
    payload: { jsonrpc: '2.0', id: 1, method: 'initialize', params },
  });
  return String(answer.headers['mcp-session-id']);
}

/** An event stream at each instance. */
export async function openStreams(
  { instances }: Pick<Site, 'instances'>,
  accessToken: string,
): Promise<Response[]> {
  return Promise.all(
    instances.map(async ({ origin }) => {
      const sessionId = await openSession(remote(origin), accessToken);
      const stream = await fetch(`${origin}/mcp`, {
        headers: {
          authorization: `Bearer ${accessToken}`,
          accept: 'text/event-stream',
          'mcp-session-id': sessionId,
        },
      });
      if (stream.status !== 200) throw new Error(`no stream, but ${stream.status}: ${await stream.text()}`);
      return stream;
    }),
  );
}

/** Waits for their end: how each of them ended. */
export async function endsOf(streams: readonly Response[]): Promise<string[]> {
  const ends = await Promise.allSettled(streams.map(async (stream) => stream.text()));
  return ends.map(({ status }) => status);
}
