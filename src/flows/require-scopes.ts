/** Decides whether a caller's token is enough for what a request asks of the MCP server. */
import { BearerError } from '../protocol/errors.ts';
import { type RpcError, rpcCodes, type RpcMessage } from '../protocol/json-rpc.ts';
import type { Principal } from '../protocol/principal.ts';
import { looksAtName, missingScopes, requiredScopes, type ScopePolicy } from '../protocol/scope-policy.ts';
import { markStepUp } from '../repositories/step-ups.ts';
import type { Services } from './services.ts';

/**
 * Every message of a batch counts. The challenge names what the operation needs, all at once, behind what the token
 * has: clients that ask for just what a challenge names do not lose what they had (MCP 2026-07-28, "Scope Challenge
 * Handling", leaves it to the server).
 *
 * @returns a JSON-RPC error when it cannot be said which tool or prompt is meant
 * @throws BearerError `insufficient_scope`
 */
export async function requireScopes(
  services: Pick<Services, 'db' | 'clock' | 'log'>,
  policy: ScopePolicy,
  { principal, messages }: { readonly principal: Principal; readonly messages: readonly RpcMessage[] },
): Promise<RpcError | undefined> {
  const unnamed = messages.find(
    ({ method = '', params }) => looksAtName(policy, method) && typeof params['name'] !== 'string',
  );
  if (unnamed !== undefined) {
    return { code: rpcCodes.invalidParams, message: 'params.name must be a string', id: unnamed.id };
  }
  const operations = messages.map(({ method, params: { name } }) => ({
    method,
    name: typeof name === 'string' ? name : undefined,
  }));
  const needed = requiredScopes(policy, operations);
  const missing = missingScopes(policy, needed, principal.scopes);
  if (missing.length === 0) return undefined;
  await markStepUp(services.db, principal.grantId, services.clock()).catch((error: unknown) =>
    services.log.warn({ err: error }, 'a client may not find out that it has to ask for more scopes'),
  );
  throw new BearerError('insufficient_scope', {
    reason: `needs ${missing.join(' ')}`,
    description: 'The access token is good, but not for this operation',
    scopes: [...new Set([...principal.scopes, ...needed])],
  });
}
