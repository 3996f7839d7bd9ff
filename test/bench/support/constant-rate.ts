/** Load at a constant rate, by a process of its own. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { MeasuredProcess } from './measured-process.ts';
import { requestBody, type World } from './world.ts';

/** Times in microseconds, from the moment that a request was written. */
export interface ConstantRateResult {
  readonly failures: number;
  readonly p50: number;
  readonly p99: number;
  /** How long after they were due requests were written. */
  readonly late99: number;
}

export async function runConstantRate(
  { issuer, programs, tokenFile }: World,
  { port }: Pick<MeasuredProcess, 'port'>,
  load: { readonly kind: 'ES256' | 'RS256'; readonly perSecond: number; readonly seconds: number },
): Promise<ConstantRateResult> {
  const { host } = new URL(issuer);
  const what = [String(port), host, tokenFile(load.kind), requestBody];
  const args = [programs.path('load'), ...what, String(load.perSecond), String(load.seconds)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return {
    p50: NaN,
    p99: NaN,
    late99: NaN,
    ...(JSON.parse(stdout) as Partial<ConstantRateResult>),
  } as ConstantRateResult;
}
