/** How long the audit trail is kept, and whether it tells of each tool call. */
import type { Environment } from './config-provider.ts';

export interface AuditConfig {
  /** Undefined: rows are kept for ever. */
  readonly auditRetentionDays: number | undefined;
  readonly auditToolCalls: boolean;
}

export function readAuditConfig(values: {
  readonly AUDIT_RETENTION_DAYS?: number | undefined;
  readonly AUDIT_TOOL_CALLS?: boolean | undefined;
}): AuditConfig {
  const { AUDIT_RETENTION_DAYS: days = 90, AUDIT_TOOL_CALLS: toolCalls = false } = values;
  return { auditRetentionDays: days === 0 ? undefined : days, auditToolCalls: toolCalls };
}

export function problemsOfAudit(present: Environment): string[] {
  return present.MODE === 'forward_auth' && present.AUDIT_TOOL_CALLS === 'true'
    ? [
        'AUDIT_TOOL_CALLS cannot be kept with MODE=forward_auth: requests to the MCP server do not pass here, and their bodies are not seen. Remove it, or set MODE. Example: MODE=proxy',
      ]
    : [];
}
