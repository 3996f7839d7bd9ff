/** The second half: calls, a refresh, and the end of it all. */
import { auth } from '@modelcontextprotocol/sdk/client/auth.js';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { TryError } from './explain-failure.ts';
import { createTransport, lastOf, tokenFields, type Walk } from './walk.ts';

export async function connect({ url, provider, wire, client, step, tell }: Walk): Promise<void> {
  await step('Connect to the MCP server', async () => {
    const before = wire.exchanges.length;
    await client.connect(createTransport({ url, provider, wire }));
    const told = wire.exchanges.slice(before, before + 1).map((exchange) => tell(exchange));
    const server = client.getServerVersion();
    return [`${told.join('')} ${server?.name} ${server?.version}`, undefined];
  });
  await step('Call a tool', async () => [await callServer(client), undefined]);
}

/** `whoami` shows the identity as it arrived; a server without it is only asked what it has. */
async function callServer(client: Client): Promise<string> {
  const { tools } = await client.listTools();
  const names = tools.map(({ name }) => name);
  const list = `tools/list → ${names.join(', ') || 'no tools'}`;
  if (!names.includes('whoami')) return list;
  const { content, isError } = await client.callTool({ name: 'whoami', arguments: {} });
  const [first] = content as readonly { readonly text?: string }[];
  const answer = first?.text?.replaceAll(/\s+/g, ' ');
  if (isError === true) throw new TryError(`The tool whoami failed: ${answer}`);
  return `${list}; tools/call whoami → ${answer}`;
}

export async function refresh({ url, provider, wire, client, step, tell }: Walk): Promise<void> {
  await step('Refresh', async () => {
    const before = provider.issued;
    if (before?.refresh_token === undefined) throw new TryError('There is no refresh token.');
    // What the SDK does with a refresh token in hand when a call is answered 401.
    await auth(provider, { serverUrl: url, fetchFn: wire.fetch });
    if (provider.issued?.access_token === before.access_token) {
      throw new TryError('There is no new access token.');
    }
    return [tell(lastOf(wire), tokenFields), undefined];
  });
  await step('Call with the new token', async () => {
    const told = await callServer(client);
    if (client.transport instanceof StreamableHTTPClientTransport) await client.transport.terminateSession();
    return [told, undefined];
  });
}

export async function revoke({ url, provider, wire, step, tell }: Walk): Promise<void> {
  const metadata = provider.discovered?.authorizationServerMetadata;
  const endpoint = metadata && 'revocation_endpoint' in metadata && metadata.revocation_endpoint;
  await step('Revoke', async () => {
    if (typeof endpoint !== 'string')
      throw new TryError('The metadata has no revocation_endpoint (RFC 8414 §2).');
    const body = new URLSearchParams({
      token: provider.issued?.refresh_token ?? '',
      token_type_hint: 'refresh_token',
      client_id: provider.registered?.client_id ?? '',
    });
    const { status } = await wire.fetch(endpoint, { method: 'POST', body });
    if (status !== 200) throw new TryError('A revocation is answered with 200 (RFC 7009 §2.2).');
    return [tell(lastOf(wire)), undefined];
  });
  await step('Call with the revoked token', async () => {
    const response = await wire.fetch(url, {
      method: 'POST',
      headers: {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        authorization: `Bearer ${provider.issued?.access_token}`,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    });
    await response.body?.cancel();
    if (response.status !== 401) throw new TryError('A revoked token is answered with 401 (RFC 6750 §3.1).');
    return [tell(lastOf(wire)), undefined];
  });
}
