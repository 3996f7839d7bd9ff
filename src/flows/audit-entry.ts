/** An event in the form in which it is kept: the same in the log, in the table and in what `audit` prints. */
import type { AuditEvent, Recorded } from './events.ts';
import type { Services } from './services.ts';

/** Fields have the same names everywhere; what is not known is absent. */
export interface AuditEntry {
  readonly at: Date;
  readonly type: string;
  readonly outcome: string;
  readonly subject: string | undefined;
  readonly email: string | undefined;
  readonly clientId: string | undefined;
  readonly grantId: string | undefined;
  /** Everything else that is known. */
  readonly details: Readonly<Record<string, string | readonly string[]>>;
}

/** A client may be called by a URL, and an address may be long; nothing here has to be longer. */
const maxLength = 2_048;
const maxItems = 100;

/** With `KEEP_ADDRESSES=false` nothing is kept of where a request came from. */
export function toAuditEntry(
  { at, caller, event }: Recorded<AuditEvent>,
  { keepAddresses }: Pick<Services['config'], 'keepAddresses'>,
): AuditEntry {
  const { type, outcome, subject, email, clientId, grantId, ...rest } = event;
  const details: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries({
    ...rest,
    ...caller,
    ...(!keepAddresses && { address: undefined }),
  }) as [string, unknown][]) {
    if (typeof value === 'string') details[name] = plain(value);
    else if (Array.isArray(value))
      details[name] = value.slice(0, maxItems).map((item) => plain(String(item)));
  }
  return {
    at,
    type,
    outcome,
    subject: subject === undefined ? undefined : plain(subject),
    email: email === undefined ? undefined : plain(email),
    clientId: clientId === undefined ? undefined : plain(clientId),
    grantId,
    details,
  };
}

/** Strangers wrote some of it. PostgreSQL keeps neither a NUL nor half of a surrogate pair, and a megabyte is no name. */
function plain(text: string): string {
  const whole = text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
  return whole.toWellFormed().replaceAll('\0', '\u{fffd}');
}
