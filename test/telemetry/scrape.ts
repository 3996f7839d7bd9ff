/** Reads metrics as Prometheus does. */
import type { TestApp } from '../support/app.ts';

/** Starts serving them, and says where. Needs `METRICS_PORT=0`. */
export async function metricsUrl({ app, log }: TestApp): Promise<string> {
  await app.ready();
  const line = log.map((text) => JSON.parse(text)).find(({ msg }) => msg === 'metrics are served');
  return `http://127.0.0.1:${line.port}/metrics`;
}

export async function scrape(url: string): Promise<string> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`not scraped: ${answer.status}`);
  return answer.text();
}

/** One sample's value; undefined when there is none with exactly these labels, in this order. */
export function valueOf(text: string, sample: string): number | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length + 1));
}

/** `mcp_oauth_proxy_…`, `process_…`, `nodejs_…`: names as they are declared. */
export function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name ?? '').sort();
}
