/** The audit trail in the log: a JSON line for each event, at once, before the answer. */
import type { Logger } from 'pino';
import { toAuditEntry } from './audit-entry.ts';
import { isAudited, type Listener } from './events.ts';

/**
 * Lines have `"audit": true`. LOG_LEVEL is about how much the server says about itself: a trail that ended with
 * `LOG_LEVEL=warn` would be missed when it is needed. Only `silent` silences it.
 */
export function auditLog(log: Logger): Listener {
  const lines = log.level === 'silent' ? log : log.child({ audit: true }, { level: 'info' });
  return (recorded) => {
    if (!isAudited(recorded)) return;
    const { details, ...entry } = toAuditEntry(recorded);
    lines.info({ ...entry, ...details }, 'audit');
  };
}
