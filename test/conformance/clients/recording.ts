/** Reads what a client sent, as it was recorded: one request a line. */
import { readdirSync, readFileSync } from 'node:fs';
import type { InjectOptions } from 'fastify';

/** A value that each run makes anew. */
export const made = '…';

export interface RecordedRequest {
  readonly method: NonNullable<InjectOptions['method']>;
  readonly path: string;
  /** Of the query; decoded. */
  readonly query: ReadonlyMap<string, string>;
  /** What the server answered. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** A form or JSON as it was; of JSON-RPC only `jsonrpc` and the method, with the name of the tool behind it. */
  readonly body: string;
}

export interface Recording {
  /** The client, and its version. */
  readonly name: string;
  readonly requests: readonly RecordedRequest[];
}

const folder = new URL('recordings/', import.meta.url);

/** Every recording; `{origin}` in them becomes the server's. */
export function readRecordings(): readonly string[] {
  return readdirSync(folder).sort();
}

export function readRecording(file: string, origin: string): Recording {
  const [first = '', ...lines] = readFileSync(new URL(file, folder), 'utf8').trim().split('\n');
  const requests = lines.filter((line) => !line.startsWith('#')).map((line) => readRequest(line, origin));
  return { name: first.replace('# ', ''), requests };
}

function readRequest(line: string, origin: string): RecordedRequest {
  const match = /^(\S+) (.+?) -> (\d{3}) \[(.*?)\](?: (.*))?$/.exec(line.replaceAll('{origin}', origin));
  if (match === null) throw new Error(`not a recorded request: ${line}`);
  const [, method = '', target = '', status = '', headers = '', body = ''] = match;
  const [path = '', query = ''] = target.split(/\?(.*)/s);
  return {
    method,
    path,
    query: readPairs(query),
    status: Number(status),
    headers: Object.fromEntries(
      headers
        .split('; ')
        .filter((header) => header !== '')
        .map((header) => {
          const [name = ''] = header.split(':', 1);
          return [name, header.slice(name.length + 2)];
        }),
    ),
    body,
  };
}

/** `name=value&…`, not encoded. */
export function readPairs(text: string): ReadonlyMap<string, string> {
  const pairs = text.split('&').filter((pair) => pair !== '');
  return new Map(
    pairs.map((pair) => {
      const [name = ''] = pair.split('=', 1);
      return [name, pair.slice(name.length + 1)];
    }),
  );
}
