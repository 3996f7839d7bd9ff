/** Tells which tools and prompts a caller uses, by name; what they are given is nobody's business here. */
import type { RpcMessage } from '../protocol/json-rpc.ts';
import type { Principal } from '../protocol/principal.ts';
import type { Services } from './services.ts';

const named: ReadonlySet<string> = new Set(['tools/call', 'prompts/get']);

/** Of calls that are let through; whether the MCP server then does what they ask is not known. Of a batch each is one. */
export function recordToolCalls(
  { events }: Pick<Services, 'events'>,
  { principal, messages }: { readonly principal: Principal; readonly messages: readonly RpcMessage[] },
): void {
  const { grantId, clientId, subject, email, resource } = principal;
  for (const { method, params } of messages) {
    if (method === undefined || !named.has(method)) continue;
    const name = typeof params['name'] === 'string' ? params['name'] : undefined;
    const facts = { grantId, clientId, subject, email, resource };
    events.record({ type: 'tool_call', outcome: 'success', ...facts, method, name });
  }
}
