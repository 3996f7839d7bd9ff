/** Turns the server's JSON log into lines for a person at a terminal. */
import { type DestinationStream, pino } from 'pino';

/** What every line has and nobody at a terminal needs. */
const usual = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'reqId', 'err']);

export function readableLog(print: (line: string) => void): DestinationStream {
  return { write: (line) => print(readableLine(line)) };
}

/** `warn   request failed  method=POST path=/token  (The database is not available)` */
export function readableLine(json: string): string {
  const entry = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const fields = Object.entries(entry)
    .filter(([name]) => !usual.has(name))
    .map(([name, value]) => `  ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const level = pino.levels.labels[Number(entry.level)] ?? '';
  const { message } = Object(entry.err) as { readonly message?: unknown };
  const reason = typeof message === 'string' ? `  (${message})` : '';
  return `${level.padEnd(6)} ${typeof entry.msg === 'string' ? entry.msg : ''}${fields.join('')}${reason}`;
}
