/** What the proxy has to find out about a request's body: nothing, unless there is a scope policy, or calls are audited. */
import type { FastifyRequest } from 'fastify';
import { recordToolCalls } from '../flows/record-tool-calls.ts';
import { requireScopes } from '../flows/require-scopes.ts';
import type { Services } from '../flows/services.ts';
import type { RpcError, RpcMessage } from '../protocol/json-rpc.ts';
import type { Principal } from '../protocol/principal.ts';
import { servicesFor } from './caller.ts';

export function scopeInspection(services: Services):
  | {
      readonly maxBodyBytes: number;
      readonly authorize: (
        principal: Principal,
        messages: readonly RpcMessage[],
        request: FastifyRequest,
      ) => Promise<RpcError | undefined>;
    }
  | undefined {
  const { toolScopes, toolScopesMaxBodyBytes, auditToolCalls } = services.config;
  if (toolScopes === undefined && !auditToolCalls) return undefined;
  return {
    maxBodyBytes: toolScopesMaxBodyBytes,
    authorize: async (principal, messages, request) => {
      const error = toolScopes && (await requireScopes(services, toolScopes, { principal, messages }));
      if (error !== undefined) return error;
      if (auditToolCalls) recordToolCalls(servicesFor(services, request), { principal, messages });
      return undefined;
    },
  };
}
