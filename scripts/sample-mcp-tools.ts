/** The tools of the sample MCP server: each shows something that the proxy has to get right. */
import { setTimeout as wait } from 'node:timers/promises';
import { McpServer, type CallToolResult, type ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';

/** What an MCP server knows about its caller. Undefined where the proxy sent nothing. */
export interface Caller {
  readonly user: string | undefined;
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly accessToken: string | undefined;
}

/** Header values are UTF-8, one character per byte as fetch and Node show them. */
export function readCaller(headers: Headers): Caller {
  const read = (name: string) => {
    const value = headers.get(`x-forwarded-${name}`);
    return value === null ? undefined : Buffer.from(value, 'latin1').toString('utf8');
  };
  return { user: read('user'), email: read('email'), name: read('name'), accessToken: read('access-token') };
}

export function createSampleMcpServer(counts: Map<string, number>): McpServer {
  const server = new McpServer({ name: 'sample-mcp-server', version: '1.0.0' });

  server.registerTool(
    'whoami',
    { description: 'Who is calling, as the identity headers say.', annotations: { readOnlyHint: true } },
    (context) => {
      const { accessToken, ...caller } = callerOf(context);
      return json({ ...caller, accessToken: accessToken === undefined ? undefined : shortened(accessToken) });
    },
  );

  server.registerTool(
    'countdown',
    {
      description: 'Counts down to zero and reports progress at each step.',
      inputSchema: z.object({
        from: z.number().int().min(1).max(600).default(5),
        stepMs: z.number().int().min(0).max(60_000).default(1000).describe('Milliseconds between two steps'),
      }),
    },
    async ({ from, stepMs }, context) => {
      for (let step = 1; step <= from; step += 1) {
        await wait(stepMs, undefined, { signal: context.mcpReq.signal });
        await reportProgress(context, step, from);
      }
      return json({ countedDownFrom: from });
    },
  );

  server.registerTool(
    'counter',
    { description: 'Counts the calls of each person, and tells you yours.' },
    (context) => {
      const { user = '' } = callerOf(context);
      const count = (counts.get(user) ?? 0) + 1;
      counts.set(user, count);
      return json({ user, count });
    },
  );

  server.registerTool(
    'echo',
    {
      description: 'Gives back what it is given.',
      inputSchema: z.object({ text: z.string() }),
      annotations: { readOnlyHint: true },
    },
    ({ text }) => json({ text }),
  );

  return server;
}

function callerOf(context: ServerContext): Caller {
  return readCaller(context.http?.req?.headers ?? new Headers());
}

async function reportProgress({ mcpReq }: ServerContext, progress: number, total: number): Promise<void> {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  const message = `${total - progress} to go`;
  await mcpReq.notify({
    method: 'notifications/progress',
    params: { progressToken, progress, total, message },
  });
}

/** Enough to recognise a token, not enough to use it. */
function shortened(token: string): string {
  return `${token.slice(0, 4)}… (${token.length} characters)`;
}

function json(value: Record<string, unknown>): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(value, null, 2) }], structuredContent: value };
}
