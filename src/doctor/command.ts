/** The command line of `doctor`: what it may say, and what is wrong with it. */
import { parseCommandLine, UsageError } from '../command-line.ts';

export const usage = `Usage: doctor [--url URL] [--idle SECONDS] [--json]

Looks for what keeps clients from connecting, and says how to put it right. It changes nothing, and can run beside the
server, with the same environment or .env.

  --url URL   check only the public address, from any machine: no configuration is read
  --idle SECONDS
              how long an event stream must live in silence, 1 to 110; default: until the server would break it
  --json      print JSON and nothing else (with npm: npm run --silent doctor -- …)
  --help      print this

Ends with 0 when nothing is wrong or there are warnings only, 1 when there are errors, 2 when it could not run.
Every finding is explained in docs/doctor.md.`;

export interface Command {
  /** The public origin, when only that is checked. */
  readonly origin: string | undefined;
  readonly asJson: boolean;
  readonly idleSeconds: number | undefined;
}

/** @throws UsageError */
export function readCommand(args: readonly string[]): Command | 'help' {
  const { url, json = false, idle, help } = readFlags(args);
  if (help === true) return 'help';
  const idleSeconds = idle === undefined ? undefined : Number(idle);
  if (idleSeconds !== undefined && !(Number.isInteger(idleSeconds) && idleSeconds >= 1 && idleSeconds <= 110))
    throw new UsageError('--idle must be whole seconds from 1 to 110. Example: --idle 60');
  if (url === undefined) return { origin: undefined, asJson: json, idleSeconds };
  if (idle !== undefined)
    throw new UsageError('--idle needs the encryption key of the server: leave --url out');
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address === undefined || !/^https?:$/.test(address.protocol) || address.username !== '') {
    throw new UsageError('--url must be an http or https URL. Example: --url https://mcp.example.com');
  }
  return { origin: address.origin, asJson: json, idleSeconds };
}

function readFlags(args: readonly string[]) {
  return parseCommandLine({
    args: [...args],
    options: {
      url: { type: 'string' },
      idle: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  }).values;
}
