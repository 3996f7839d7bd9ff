/** Load at saturation, by wrk: one thread, 64 connections, a token after the other. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from './programs.ts';

export const wrkProgram = findProgram('wrk');

export interface Load {
  readonly port: number;
  /** The public name of the server, for `Host`. */
  readonly host: string;
  /** A file with a token on each line. */
  readonly tokenFile: string;
  /** Which token of the file is the first; after the last one comes that of the first line again. Default: 0 */
  readonly firstToken?: number;
  readonly body: string;
  readonly seconds: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that are no success, and connections that failed. */
  readonly failures: number;
}

/** Requests are made before the load starts, so that the generator is no slower for it. */
const script = `
local requests, at = {}, 0
function init(args)
  at = tonumber(args[4])
  wrk.headers["Host"] = args[1]
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Accept"] = "application/json, text/event-stream"
  for token in io.lines(args[2]) do
    wrk.headers["Authorization"] = "Bearer " .. token
    requests[#requests + 1] = wrk.format("POST", "/mcp", nil, args[3])
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency)
  local errors = summary.errors
  local failures = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("result %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), failures))
end`;

export async function runWrk(folder: string, load: Load): Promise<LoadResult> {
  if (wrkProgram === undefined) throw new Error('wrk is not installed: it makes the load');
  const file = join(folder, 'load.lua');
  writeFileSync(file, script);
  const shape = ['-t1', '-c64', `-d${load.seconds}s`, '--latency', '-s', file];
  const args = [
    ...shape,
    `http://127.0.0.1:${load.port}`,
    '--',
    load.host,
    load.tokenFile,
    load.body,
    String(load.firstToken ?? 0),
  ];
  const { stdout } = await promisify(execFile)(wrkProgram, args);
  const [requests = 0, microseconds = 0, p50 = 0, p99 = 0, failures = 0] = (
    /^result (.*)$/m.exec(stdout)?.[1] ?? ''
  )
    .split(' ')
    .map(Number);
  if (requests === 0) throw new Error(`wrk made no requests: ${stdout}`);
  return { requests, seconds: microseconds / 1e6, p50Ms: p50 / 1000, p99Ms: p99 / 1000, failures };
}
