/** What the proxy has to find out about a request's body: nothing, unless there is a scope policy. */
import { requireScopes } from '../flows/require-scopes.ts';
import type { Services } from '../flows/services.ts';
import type { RpcError, RpcMessage } from '../protocol/json-rpc.ts';
import type { Principal } from '../protocol/principal.ts';

export function scopeInspection(services: Services):
  | {
      readonly maxBodyBytes: number;
      readonly authorize: (
        principal: Principal,
        messages: readonly RpcMessage[],
      ) => Promise<RpcError | undefined>;
    }
  | undefined {
  const { toolScopes, toolScopesMaxBodyBytes } = services.config;
  if (toolScopes === undefined) return undefined;
  return {
    maxBodyBytes: toolScopesMaxBodyBytes,
    authorize: async (principal, messages) => requireScopes(services, toolScopes, { principal, messages }),
  };
}
