/** The audit trail in the log: a JSON line for each event, handed to the log when it happens. */
import { toAuditEntry } from './audit-entry.ts';
import { isAudited, type Listener } from './events.ts';
import type { Services } from './services.ts';

/**
 * Lines have `"audit": true`. LOG_LEVEL is about how much the server says about itself: a trail that ended with
 * `LOG_LEVEL=warn` would be missed when it is needed. Only `silent` silences it.
 */
export function auditLog({ log, config }: Pick<Services, 'log' | 'config'>): Listener {
  const lines = log.level === 'silent' ? log : log.child({ audit: true }, { level: 'info' });
  return (recorded) => {
    if (!isAudited(recorded)) return;
    const { details, ...entry } = toAuditEntry(recorded, config);
    lines.info({ ...entry, ...details }, 'audit');
  };
}
