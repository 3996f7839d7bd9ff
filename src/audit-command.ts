/** The command line of `audit`: what it may say, and what is wrong with it. */
import { parseCommandLine, UsageError } from './command-line.ts';
import type { AuditFilter } from './repositories/audit-events.ts';

export const usage = `Usage: audit [DSN] [--since TIME] [--until TIME] [--user WHO] [--client ID] [--grant ID] [--type TYPE] [--json]

Prints the audit trail from the database, oldest first.

  DSN        the database. Default: DATABASE_DSN, or the embedded one in DATA_DIR, from the environment or .env.
             A running server locks the embedded one: stop it first, or read its log
  --since    events from then on. TIME is an age (90m, 24h, 7d) or a date (2026-01-31, 2026-01-31T09:30:00Z)
  --until    events before then
  --user     a user's id as the MCP server sees it (sub), or an e-mail address
  --client   a client_id
  --grant    a grant, as other rows name it
  --type     registration, consent, sign_in, token, refresh, reuse, revoke, refusal, tool_call or omitted
  --json     one JSON object a line, exactly as stored (with npm: npm run --silent audit -- …)
  --help     print this

Ends with 0 when it was read to its end, 1 when not, 2 when the command line is wrong.`;

const types = 'registration consent sign_in token refresh reuse revoke refusal tool_call omitted'.split(' ');

export interface AuditCommand {
  readonly filter: AuditFilter;
  readonly dsn: string | undefined;
  readonly asJson: boolean;
}

/** @throws UsageError with every mistake at once */
export function readAuditCommand(args: readonly string[], now: Date): AuditCommand | 'help' {
  const { values, positionals } = readFlags(args);
  if (values.help === true) return 'help';
  const [since, until] = [values.since, values.until].map((text) =>
    text === undefined ? undefined : readTime(text, now),
  );
  const [dsn] = positionals;
  const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
  const mistakes = [
    since === 'wrong' && '--since is neither an age nor a date. Example: --since 24h',
    until === 'wrong' && '--until is neither an age nor a date. Example: --until 2026-01-31',
    values.grant !== undefined && !isUuid.test(values.grant) && '--grant is not the id of a grant',
    values.type !== undefined && !types.includes(values.type) && `--type must be one of ${types.join(', ')}`,
    // What stands there may be a password: it is not repeated.
    dsn !== undefined && !/^postgres(ql)?:\/\//.test(dsn) && 'the first argument is not a postgres:// DSN',
    positionals.length > 1 && 'only a DSN is expected without a flag',
  ].filter((mistake) => mistake !== false);
  if (mistakes.length > 0 || since === 'wrong' || until === 'wrong')
    throw new UsageError(mistakes.join('\n'));
  const { user, client: clientId, grant: grantId, type } = values;
  return { dsn, asJson: values.json === true, filter: { since, until, user, clientId, grantId, type } };
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** An age counts back from now; a date without a time begins at midnight UTC. */
function readTime(text: string, now: Date): Date | 'wrong' {
  const [, count, unit = ''] = /^(\d{1,7})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return new Date(now.getTime() - Number(count) * (unitMs[unit] ?? 0));
  const isDate = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const date = new Date(text);
  return isDate && !Number.isNaN(date.getTime()) ? date : 'wrong';
}

function readFlags(args: readonly string[]) {
  return parseCommandLine({
    args: [...args],
    allowPositionals: true,
    options: {
      since: { type: 'string' },
      until: { type: 'string' },
      user: { type: 'string' },
      client: { type: 'string' },
      grant: { type: 'string' },
      type: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}
