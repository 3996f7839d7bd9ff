/** A row of the audit trail as a line of text: for a terminal, or for a program. */
import type { StoredAuditRow } from './repositories/audit-events.ts';

/** As stored. JSON escapes control characters; `time` is what log shippers look for. */
export function asJsonLine({ id, at, details, ...row }: StoredAuditRow): string {
  return JSON.stringify({ id, at: at.toISOString(), ...row, ...details });
}

export function asTextLine({
  at,
  type,
  outcome,
  subject,
  email,
  clientId,
  grantId,
  details,
}: StoredAuditRow): string {
  const facts = Object.entries({ user: email ?? subject, client: clientId, grant: grantId, ...details })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${quoted(Array.isArray(value) ? value.join(' ') : String(value))}`);
  return [at.toISOString(), type.padEnd(12), outcome.padEnd(7), ...facts].map(forTerminal).join('  ');
}

function quoted(value: string): string {
  return /^[\w@.:/+-]+$/.test(value) ? value : JSON.stringify(value);
}

/** Strangers wrote some of it: nothing of that may move the cursor, hide text or turn it around. */
function forTerminal(text: string): string {
  return text.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
}
